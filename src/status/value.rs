//! The status of a channel, as its file holds it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::types::Backlog;

/// The version of the file's format. It changes when a field gets another meaning or goes; fields
/// may be added without.
pub const VERSION: u32 = 1;

/// What the replication of a channel is at. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of this format.
    pub version: u32,
    /// The channel; `None` for the log without a channel.
    pub channel: Option<String>,
    /// The replica as configured.
    pub server: String,
    /// The process that rolls; `None` if none does.
    pub pid: Option<u32>,
    /// When that began.
    pub started: Option<u64>,
    /// When this was found out.
    pub written: u64,
    /// Whether the process that rolled ended in good order.
    pub ended: bool,
    /// The way to the replica.
    pub contact: Contact,
    /// When the oldest entry was logged that is not replicated yet; `None` if there is none.
    pub oldest: Option<u64>,
    /// What waits to be replicated: taken over and not done, or logged only.
    pub backlog: Backlog,
    /// What is being replicated: for each worker the first entry of its task, in the words of the
    /// log.
    pub running: Vec<String>,
    /// Tasks that failed or were locked and wait for another try: up to a hundred, those that were
    /// locked last.
    pub deferred: Vec<Deferred>,
    /// How many there are.
    pub deferred_count: u64,
    /// How many of them were locked, an ordinary thing.
    pub locked_count: u64,
    /// When a task last succeeded, or nothing was found to do.
    pub last_success: Option<u64>,
    /// What was done since the process began.
    pub totals: Totals,
    /// Failures since then, by the kind of error.
    #[serde(default)]
    pub failures_by_kind: BTreeMap<String, u64>,
}

/// The way to the replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Contact {
    /// It is not known: nobody rolls, or the first attempt to connect has not ended.
    Unknown,
    /// There is a connection.
    Connected {
        /// Since when.
        since: u64,
    },
    /// There is none.
    Unreachable {
        /// When the first attempt failed.
        since: u64,
        /// How many attempts have failed.
        attempts: u32,
        /// When the next attempt begins, if there is one.
        next: Option<u64>,
        /// Why the last one failed.
        reason: String,
    },
}

/// A task that waits for another try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// Its entries, in the words of the log.
    pub items: Vec<String>,
    /// How often it was tried.
    pub tries: u32,
    /// When the next try begins.
    pub next: u64,
    /// Why the last one failed.
    pub reason: String,
    /// Whether somebody else was at work on it, which is an ordinary thing.
    pub is_locked: bool,
}

/// What was done since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Users that were compared as a whole.
    pub users: u64,
    /// Mailboxes that were sent, and that the replica has confirmed, once for each time.
    pub mailboxes: u64,
    /// Messages that were sent and that it has confirmed.
    pub messages: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// Mailboxes that were equal when they were looked at, once for each time.
    #[serde(default)]
    pub mailboxes_there: u64,
    /// Messages that the replica had when their mailboxes were looked at.
    #[serde(default)]
    pub messages_there: u64,
    /// Tries of tasks that failed, and attempts to connect; what was locked does not count.
    pub failures: u64,
    /// Things that full comparisons found and mended.
    pub repairs: u64,
    /// Connections that were lost over a task.
    pub reconnects: u64,
}

impl Status {
    /// The status of a channel of which nothing is known.
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

    /// How long the oldest entry has waited that is not replicated yet, in seconds; 0 if there is
    /// none.
    pub fn lag(&self, now: u64) -> u64 {
        self.oldest.map_or(0, |oldest| now.saturating_sub(oldest))
    }
}

/// Seconds since 1970.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
