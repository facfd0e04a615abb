//! The status of a channel, which is the content of its status file.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::types::Backlog;

/// The version of the file's format. It changes when a field changes its meaning or is removed. New
/// fields do not change it.
pub const VERSION: u32 = 1;

/// The state of a channel's replication. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The version of this format.
    pub version: u32,
    /// The channel; `None` for the log without a channel.
    pub channel: Option<String>,
    /// The name of the replica in the configuration.
    pub server: String,
    /// The process that runs rolling replication; `None` if there is none.
    pub pid: Option<u32>,
    /// The time at which that process began.
    pub started: Option<u64>,
    /// The time at which this status was determined.
    pub written: u64,
    /// Whether the process ended normally.
    pub ended: bool,
    /// The state of the connection to the replica.
    pub contact: Contact,
    /// The time at which the oldest unreplicated entry was logged; `None` if there is none.
    pub oldest: Option<u64>,
    /// The amount of unreplicated data: taken over and not finished, or still in the log.
    pub backlog: Backlog,
    /// The running tasks: for each worker the first entry of its task, in the format of the log.
    pub running: Vec<String>,
    /// Up to a hundred tasks that failed or were locked and wait for a retry. Locked tasks come
    /// last.
    pub deferred: Vec<Deferred>,
    /// Number of all deferred tasks.
    pub deferred_count: u64,
    /// Number of deferred tasks that were locked, which is not a problem.
    pub locked_count: u64,
    /// The time at which a task last succeeded, or at which there was nothing to do.
    pub last_success: Option<u64>,
    /// Work done since the process began.
    pub totals: Totals,
    /// Failures since the process began, by kind of error.
    #[serde(default)]
    pub failures_by_kind: BTreeMap<String, u64>,
}

/// The state of the connection to the replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Contact {
    /// Unknown: no process runs, or the first attempt to connect has not ended.
    Unknown,
    /// Connected.
    Connected {
        /// The time since when it is connected.
        since: u64,
    },
    /// Not connected.
    Unreachable {
        /// The time at which the first attempt failed.
        since: u64,
        /// Number of failed attempts.
        attempts: u32,
        /// The time of the next attempt, if there will be one.
        next: Option<u64>,
        /// The reason why the last attempt failed.
        reason: String,
    },
}

/// A task that waits for a retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deferred {
    /// Its entries, in the format of the log.
    pub items: Vec<String>,
    /// Number of tries so far.
    pub tries: u32,
    /// The time of the next try.
    pub next: u64,
    /// The reason why the last try failed.
    pub reason: String,
    /// Whether another client had the lock, which is not a problem.
    pub is_locked: bool,
}

/// Work done since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Number of users that were compared completely.
    pub users: u64,
    /// Number of mailbox updates that the replica confirmed. A mailbox counts each time.
    pub mailboxes: u64,
    /// Number of messages that were sent and that the replica confirmed.
    pub messages: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// Number of times that a mailbox was found to be equal already.
    #[serde(default)]
    pub mailboxes_there: u64,
    /// Number of messages that the replica already had when their mailboxes were compared.
    #[serde(default)]
    pub messages_there: u64,
    /// Number of failed tries of tasks and failed attempts to connect. Locked tasks do not count.
    pub failures: u64,
    /// Number of inconsistencies that full comparisons found and repaired.
    pub repairs: u64,
    /// Number of connections lost during a task.
    pub reconnects: u64,
}

impl Status {
    /// Returns the status of a channel about which nothing is known.
    pub fn unknown(server: &str, channel: Option<&str>) -> Status {
        Status {
            version: VERSION,
            channel: channel.map(str::to_owned),
            server: server.to_owned(),
            pid: None,
            started: None,
            written: unix_seconds(SystemTime::now()),
            ended: false,
            contact: Contact::Unknown,
            oldest: None,
            backlog: Backlog::default(),
            running: Vec::new(),
            deferred: Vec::new(),
            deferred_count: 0,
            locked_count: 0,
            last_success: None,
            totals: Totals::default(),
            failures_by_kind: BTreeMap::new(),
        }
    }

    /// Returns the waiting time of the oldest unreplicated entry in seconds; 0 if there is none.
    pub fn lag(&self, now: u64) -> u64 {
        self.oldest.map_or(0, |oldest| now.saturating_sub(oldest))
    }
}

/// Converts to seconds since 1970.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
