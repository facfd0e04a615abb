//! What a machine is at, for those who ask from outside.

use std::collections::HashSet;
use std::time::SystemTime;

use super::contact::Contact;
use super::moment::Moment;
use crate::error::Error;
use crate::types::{Backlog, Text};

/// Deferred tasks that are described one by one; of the rest only the number is known.
pub const MOST_DEFERRED: usize = 100;

/// A task that waits for another try.
#[derive(Debug, Clone)]
pub struct Deferred {
    /// Its entries.
    pub items: Vec<Text>,
    /// How often it was tried.
    pub tries: u32,
    /// When the next try begins.
    pub due: Moment,
    /// Why the last one failed.
    pub error: Error,
}

/// What a machine is at.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The way to the replica.
    pub contact: Contact,
    /// Entries that were taken over and are not done.
    pub queued: Backlog,
    /// The marks of the owners that they are about.
    pub owners: HashSet<u64>,
    /// When the oldest of them was logged, as far as that is known.
    pub oldest: Option<SystemTime>,
    /// When the log was begun that was taken over last, as far as that is known.
    pub last_log: Option<SystemTime>,
    /// What is being worked on, in the words of the log: the first entry of each task.
    pub running: Vec<Text>,
    /// Tasks that wait for another try: some of them, those that were locked last.
    pub deferred: Vec<Deferred>,
    /// How many there are.
    pub deferred_count: u64,
    /// How many of them were locked.
    pub locked_count: u64,
    /// Whether what an earlier client left in the work file is not read yet.
    pub has_unread: bool,
    /// When a task was last done as a whole, or the log was looked at and nothing was left to do.
    pub last_success: Option<Moment>,
}
