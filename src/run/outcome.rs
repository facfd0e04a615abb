//! Results of tasks and of runs.

use super::log::entry::LogEntry;
use super::task::Goal;
use crate::error::{Error, Kind};
use crate::sync::{Care, is_put_off};

/// A part of a task that failed, with the entries to process again.
///
/// ```no_run
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// for pending in client.process_log(&b"USER fred\nMAILBOX shared\n"[..], "my log")? {
///     println!("{:?} is pending: {}", pending.items, pending.error);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Pending {
    /// The log entries to process later. They may cover more than the failed part, such as the
    /// whole user.
    pub items: Vec<LogEntry>,
    /// Why the part failed.
    pub error: Error,
}

impl Pending {
    /// Makes the result of a task that failed completely.
    pub(super) fn whole(goal: &Goal, error: Error) -> Pending {
        Pending { items: goal.entries(), error }
    }
}

/// How an attempt at a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// The attempt is complete, except these parts: they failed, or another process has locked
    /// them.
    Done(Vec<Pending>),
    /// The connection was lost. It is unknown which parts are done.
    Lost(Error),
    /// A stop was requested. It is unknown which parts are done.
    Stopped(Error),
    /// The task must wait until another worker releases a user or mailbox.
    PutOff,
    /// The session had ended before the attempt, while other workers used it. Nothing was done.
    NotStarted,
}

impl Outcome {
    /// Returns the outcome for the result of an attempt.
    pub fn of(result: Result<Vec<Pending>, Error>) -> Outcome {
        match result {
            Ok(pending) => Outcome::Done(pending),
            Err(error) if error.kind() == Kind::Cancelled => Outcome::Stopped(error),
            Err(error) if is_put_off(&error) => Outcome::PutOff,
            Err(error) => Outcome::Lost(error),
        }
    }
}

/// The state of a worker's session after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// There is no session.
    Gone,
    /// The session can be used.
    Open {
        /// Whether the replica has staged message files for this session.
        staged: bool,
    },
}

/// The result of an attempt at a task.
#[derive(Debug)]
pub struct Attempt {
    /// How the attempt ended.
    pub outcome: Outcome,
    /// The connections that were lost during all attempts so far.
    pub care: Care,
    /// The state of the session after the attempt.
    pub session: SessionState,
}

/// Why rolling replication ended.
///
/// ```no_run
/// use cyrsync::Ended;
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// match client.roll()? {
///     Ended::Once { failed, .. } if failed > 0 => println!("{failed} tasks stay in the log"),
///     ended => println!("{ended:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// A stop was requested.
    Stopped,
    /// The shutdown file existed. It was removed.
    ShutdownFile,
    /// The replica ended the connection, and the settings allow only one connection.
    Goodbye,
    /// [`Cancel::wake`](crate::sync::Cancel::wake) was called. The next call of
    /// [`Client::roll`](crate::Client::roll) tries deferred tasks at once.
    Woken,
    /// All logged entries were processed once. Entries that are not done were put back into the
    /// log.
    #[non_exhaustive]
    Once {
        /// Number of tasks that are not done because another process has locked a user or mailbox.
        /// The next run processes them.
        deferred: usize,
        /// Number of tasks that failed.
        failed: usize,
    },
}
