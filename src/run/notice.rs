//! What the executor reports, as values.

use std::time::Duration;

use super::log::entry::LogEntry;
use super::retry::Why;
use crate::error::Error;

/// Something to report.
#[derive(Debug)]
pub enum Notice {
    /// A work file was left behind by another client, or an earlier one.
    Reprocessing,
    /// A line of the work file is no entry.
    Garbage {
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The log or the work file cannot be used now; what is in them is safe.
    LogFailed(Error),
    /// Another client uses the work file, so what is not done goes back to the log.
    Lent,
    /// The replica cannot be reached.
    NotConnected {
        /// Why.
        error: Error,
        /// Whether the reason is new.
        is_new: bool,
        /// Whether to say that connecting goes on although the replica refuses us.
        although_refused: bool,
        /// After how long it is tried again; `None` if it is not.
        pause: Option<Duration>,
    },
    /// The replica said goodbye and cannot be reached any more, which is the end.
    ReplicaGone(Error),
    /// The connection was lost over a task, which is tried again.
    TryingAgain(Error),
    /// A part of a task is deferred.
    Deferred {
        /// What.
        entries: Vec<LogEntry>,
        /// Why.
        why: Why,
        /// How often it was tried.
        tries: u32,
        /// For how long.
        pause: Duration,
        /// The failure.
        error: Error,
    },
    /// The replica could not be told to release its staged files.
    NotReleased(Error),
}
