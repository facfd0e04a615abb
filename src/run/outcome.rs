//! How tasks end.

use super::log::entry::LogEntry;
use super::task::Goal;
use crate::error::{Error, Kind};
use crate::sync::{Care, is_put_off};

/// What could not be done.
#[derive(Debug)]
pub struct Undone {
    /// What must be done in its place.
    pub items: Vec<LogEntry>,
    /// Why.
    pub error: Error,
}

impl Undone {
    /// All of a task.
    pub(super) fn whole(goal: &Goal, error: Error) -> Undone {
        Undone { items: goal.entries(), error }
    }
}

/// How an attempt at a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// It came to its end. These parts of it failed, or somebody else is at work on them.
    Done(Vec<Undone>),
    /// The connection was lost: how far it came is not known.
    Lost(Error),
    /// It was asked to stop: how far it came is not known.
    Stopped(Error),
    /// It must wait for another worker.
    PutOff,
}

impl Outcome {
    /// The outcome of an attempt that says what could not be done, or why it has no end.
    pub fn of(result: Result<Vec<Undone>, Error>) -> Outcome {
        match result {
            Ok(undone) => Outcome::Done(undone),
            Err(error) if error.kind() == Kind::Cancelled => Outcome::Stopped(error),
            Err(error) if is_put_off(&error) => Outcome::PutOff,
            Err(error) => Outcome::Lost(error),
        }
    }
}

/// The session of a worker after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// It is lost.
    Gone,
    /// It goes on.
    Open {
        /// Whether the replica keeps staged message files for it.
        staged: bool,
    },
}

/// The end of an attempt at a task.
#[derive(Debug)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// Over what connections were lost.
    pub care: Care,
    /// The session that it leaves behind.
    pub session: SessionState,
}

/// Why rolling replication ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// The shutdown file was there; it is removed.
    ShutdownFile,
    /// The replica said goodbye, and it was to be connected to only once.
    Goodbye,
    /// Somebody called [`Cancel::nudge`](crate::sync::Cancel::nudge). Called again, it goes on, and
    /// tries at once what had failed.
    Nudged,
    /// What was logged is done, or put back to the log: so many tasks.
    Once {
        /// Tasks that somebody else was at work on: next time is soon enough.
        deferred: usize,
        /// Tasks that failed.
        failed: usize,
    },
}
