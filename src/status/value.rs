//! The status of a channel: the contents of its status file.

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
    /// The name of the channel. `None` for the log without a channel.
    pub channel: Option<String>,
    /// The name of the replica in the configuration.
    pub server: String,
    /// The process id of the client that runs rolling replication. `None` if there is no such
    /// client.
    pub pid: Option<u32>,
    /// When this client started.
    pub started: Option<u64>,
    /// When this status was determined.
    pub written: u64,
    /// Whether the client ended normally. `false` while it runs.
    pub ended: bool,
    /// The state of the connection to the replica.
    pub contact: Contact,
    /// When the oldest entry that is not replicated was logged. `None` if there is no such entry.
    pub oldest: Option<u64>,
    /// Number of entries that are not replicated, in the log and in the work file, and of their
    /// users.
    pub backlog: Backlog,
    /// The first entry of each running task, in the format of the log.
    pub running: Vec<String>,
    /// Deferred tasks, at most 100. They failed or were locked, and wait for a retry. Locked tasks
    /// come last.
    pub deferred: Vec<Deferred>,
    /// Number of all deferred tasks.
    pub deferred_count: u64,
    /// Number of deferred tasks that wait for a lock. This is not a problem.
    pub locked_count: u64,
    /// When a task last succeeded, or when the log was last found empty with nothing left to do.
    pub last_success: Option<u64>,
    /// Work done since the client started.
    pub totals: Totals,
    /// Number of failures since the client started, by kind of error.
    #[serde(default)]
    pub failures_by_kind: BTreeMap<String, u64>,
}

/// The state of the connection to the replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Contact {
    /// Unknown. There is no client, or its first attempt to connect has not ended.
    Unknown,
    /// The client is connected to the replica.
    #[non_exhaustive]
    Connected {
        /// When the connection was made.
        since: u64,
    },
    /// The replica cannot be reached.
    #[non_exhaustive]
    Unreachable {
        /// When the first attempt failed.
        since: u64,
        /// Number of failed attempts since then.
        attempts: u32,
        /// When the next attempt begins. `None` if there will be no further attempt.
        next: Option<u64>,
        /// Why the last attempt failed.
        reason: String,
    },
}

/// A task that waits for its next attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deferred {
    /// The log entries of the task, in the format of the log.
    pub items: Vec<String>,
    /// Number of attempts so far.
    pub tries: u32,
    /// When the next attempt begins.
    pub next: u64,
    /// Why the last attempt failed.
    pub reason: String,
    /// Whether the task waits for a lock of another process. This is not a problem.
    pub is_locked: bool,
}

/// Work done since the client started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Number of users that were compared completely.
    pub users: u64,
    /// Number of mailbox updates that the replica confirmed. Several updates of one mailbox count
    /// separately.
    pub mailboxes: u64,
    /// Number of messages that were sent, and confirmed by the replica.
    pub messages: u64,
    /// Number of bytes of these messages.
    pub bytes: u64,
    /// Number of times that a mailbox was found to be equal on both sides.
    #[serde(default)]
    pub mailboxes_equal: u64,
    /// Number of messages that the replica already had when a mailbox was compared.
    #[serde(default)]
    pub messages_present: u64,
    /// Number of failed attempts of tasks and of failed attempts to connect. Tasks that wait for a
    /// lock do not count.
    pub failures: u64,
    /// Number of inconsistencies that were repaired after comparing all records of a mailbox.
    pub repairs: u64,
    /// Number of times that the connection was lost during a task.
    pub reconnects: u64,
}

impl Status {
    /// Returns a status without data about the channel's replication.
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

    /// Returns for how many seconds the oldest entry has been waiting. Returns 0 if no entry is
    /// waiting.
    pub fn lag(&self, now: u64) -> u64 {
        self.oldest.map_or(0, |oldest| now.saturating_sub(oldest))
    }
}

/// Converts a time to seconds since 1970.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
