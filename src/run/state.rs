//! The state of a machine, for status reports.

use std::collections::HashSet;
use std::time::SystemTime;

use super::contact::Contact;
use super::moment::Moment;
use crate::error::Error;
use crate::types::{Backlog, Text};

/// How many deferred tasks are described in full. The others are only counted.
pub const MOST_DEFERRED: usize = 100;

/// A task that waits for its next try.
#[derive(Debug, Clone)]
pub struct Deferred {
    /// Its entries.
    pub items: Vec<Text>,
    /// How often the task was tried.
    pub tries: u32,
    /// When the next try begins.
    pub due: Moment,
    /// The error of the last try.
    pub error: Error,
}

/// The state of a machine.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Contact with the replica.
    pub contact: Contact,
    /// The undone entries that were taken over.
    pub queued: Backlog,
    /// The marks of the owners of these entries.
    pub owners: HashSet<u64>,
    /// When the oldest of these entries was logged, if known.
    pub oldest: Option<SystemTime>,
    /// When the first entry was written to the log that was last taken over, if known.
    pub last_log: Option<SystemTime>,
    /// The running tasks: the first log entry of each.
    pub running: Vec<Text>,
    /// Some of the deferred tasks. Those that failed come before those that were locked.
    pub deferred: Vec<Deferred>,
    /// The number of all deferred tasks.
    pub deferred_count: u64,
    /// The number of tasks that are deferred because of a lock.
    pub locked_count: u64,
    /// Whether the work file of an earlier client was not read yet.
    pub has_unread: bool,
    /// When a task last succeeded completely, or the log was checked and nothing was left to do.
    pub last_success: Option<Moment>,
}
