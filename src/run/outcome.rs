//! Results of tasks.

use super::log::entry::LogEntry;
use super::task::Goal;
use crate::error::{Error, Kind};
use crate::sync::{Care, is_put_off};

/// A part of a task that failed.
///
/// ```no_run
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// for undone in client.process_log(&b"USER fred\nMAILBOX shared\n"[..], "my log")? {
///     println!("{:?} stays to be done: {}", undone.items, undone.error);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Undone {
    /// The entries to process later instead.
    pub items: Vec<LogEntry>,
    /// The error.
    pub error: Error,
}

impl Undone {
    /// Makes the failure of a whole task.
    pub(super) fn whole(goal: &Goal, error: Error) -> Undone {
        Undone { items: goal.entries(), error }
    }
}

/// How an attempt at a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// The attempt is complete. These parts failed, or somebody else is working on them.
    Done(Vec<Undone>),
    /// The connection was lost. It is not known which parts were done.
    Lost(Error),
    /// A stop was requested. It is not known which parts were done.
    Stopped(Error),
    /// The task must wait for another worker.
    PutOff,
}

impl Outcome {
    /// Makes the outcome from the result of an attempt.
    pub fn of(result: Result<Vec<Undone>, Error>) -> Outcome {
        match result {
            Ok(undone) => Outcome::Done(undone),
            Err(error) if error.kind() == Kind::Cancelled => Outcome::Stopped(error),
            Err(error) if is_put_off(&error) => Outcome::PutOff,
            Err(error) => Outcome::Lost(error),
        }
    }
}

/// The state of a worker's session after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// The session is lost.
    Gone,
    /// The session can be used.
    Open {
        /// Whether the replica has staged message files for it.
        staged: bool,
    },
}

/// The end of an attempt at a task.
#[derive(Debug)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// The history of connections lost during the task.
    pub care: Care,
    /// The state of the session.
    pub session: SessionState,
}

/// Why rolling replication ended.
///
/// ```no_run
/// use cyrsync::Ended;
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// let rolling = cyrsync::option::Rolling::default();
/// match client.roll(&rolling)? {
///     Ended::Once { failed, .. } if failed > 0 => println!("{failed} tasks stay in the log"),
///     ended => println!("{ended:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop.
    Stopped,
    /// The shutdown file existed, and was removed.
    ShutdownFile,
    /// The replica ended the connection, and the settings allow only one.
    Goodbye,
    /// [`Cancel::wake`](crate::sync::Cancel::wake) was called. If rolling replication is started
    /// again, it tries deferred tasks at once.
    Woken,
    /// Everything that was logged is done, or was put back to the log.
    Once {
        /// Number of tasks that somebody else was working on. The next run will do them.
        deferred: usize,
        /// Tasks that failed.
        failed: usize,
    },
}
