//! The state of the daemon, for status reports (`sync_client --status`).

use std::collections::HashSet;
use std::time::SystemTime;

use super::contact::Contact;
use super::moment::Moment;
use crate::error::Error;
use crate::types::{Backlog, Text};

/// The maximum number of deferred tasks that are described in full. Further ones are only counted.
pub const MOST_DEFERRED: usize = 100;

/// A task that failed and waits for its next attempt.
#[derive(Debug, Clone)]
pub struct Deferred {
    /// The log entries of the task.
    pub items: Vec<Text>,
    /// Number of attempts so far.
    pub tries: u32,
    /// When the next attempt begins.
    pub due: Moment,
    /// The error of the last attempt.
    pub error: Error,
}

/// The state of the daemon.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The state of the connection to the replica.
    pub contact: Contact,
    /// Number of entries that were taken over from the log and are not done.
    pub queued: Backlog,
    /// The [marks](crate::run::task::Owner::mark) of the owners of these entries.
    pub owners: HashSet<u64>,
    /// When the oldest of these entries was logged, if known.
    pub oldest: Option<SystemTime>,
    /// When the first entry of the last log was written, if known. The last log is the one that was
    /// taken over most recently.
    pub last_log: Option<SystemTime>,
    /// The first log entry of each running task.
    pub running: Vec<Text>,
    /// The first [`MOST_DEFERRED`] deferred tasks. Failed tasks come before tasks that wait for a
    /// lock.
    pub deferred: Vec<Deferred>,
    /// The number of all deferred tasks.
    pub deferred_count: u64,
    /// Number of deferred tasks that wait for a lock of another process.
    pub locked_count: u64,
    /// Whether the work file that an earlier client left behind was not read yet.
    pub has_unread: bool,
    /// When a task last succeeded completely, or the log was last found empty with no task left.
    pub last_success: Option<Moment>,
}
