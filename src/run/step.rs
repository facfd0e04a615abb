//! The interface between a state machine (daemon or batch) and its environment. An input reports
//! what happened, and an action says what to do. Both are plain values, without clocks, files,
//! sockets or threads.

use std::ops::Range;
use std::sync::Arc;

use super::log::channel::{Kept, Taken};
use super::log::read::Logged;
use super::outcome::{Attempt, Pending};
use super::state::State;
use super::task::{Goal, WorkerId};
use crate::error::Result;
use crate::events::Event;
use crate::sync::{Care, SharedParts};
use crate::types::{Backlog, UserId};

pub use super::moment::Moment;

/// A request from outside that ends the run. Later variants are stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Retry deferred tasks at once. Rolling replication ends, and the caller starts it again.
    WakeUp,
    /// Stop the run.
    Stop,
    /// Stop the run, because the shutdown file exists.
    ShutdownFile,
}

/// Something that happened. `Action::X has ended` means that the environment has completed this
/// action.
#[derive(Debug)]
pub enum Input {
    /// The run starts. This is always the first input.
    Started,
    /// [`Action::Connect`] has ended.
    Connected(WorkerId, Result<()>),
    /// [`Action::Run`] has ended.
    Ended(WorkerId, Attempt),
    /// [`Action::Release`] has ended.
    Released(WorkerId, Result<()>),
    /// [`LogAction::Take`] has ended.
    LogTaken(Result<Taken>),
    /// [`LogAction::Read`] has ended. Contains the entries, or `None` if there is no work file.
    WorkRead(Result<Option<Logged>>),
    /// [`LogAction::Note`] or [`LogAction::Restore`] has ended.
    Noted(Result<Kept>),
    /// [`LogAction::PutBack`] has ended.
    PutBack(Result<()>),
    /// [`LogAction::Count`] has ended.
    Counted(Backlog),
    /// An entry was probably logged.
    Logged,
    /// The time in [`Wait::until`] is over.
    TimeOver,
    /// A request from outside. Each request is reported once.
    Asked(Asked),
    /// Other workers may help this worker: they may take parts of its task.
    Offered(WorkerId, SharedParts),
    /// [`Action::Measure`] has ended. Contains the number of bytes of commands and replies of all
    /// workers so far.
    Measured(u64),
}

/// A task for a worker.
#[derive(Debug)]
pub struct Work {
    /// Its place in the order in which tasks are reported.
    pub number: u64,
    /// What to replicate.
    pub goal: Arc<Goal>,
    /// The connections that were lost during earlier attempts of the task.
    pub care: Care,
    /// The next users. The worker may request the replica's state of these users in advance.
    pub ahead: Vec<UserId>,
}

/// An operation on a channel's log.
#[derive(Debug)]
pub enum LogAction {
    /// Take over the log. Contains the unfinished entries of the work file.
    Take(Vec<u8>),
    /// Read the entries of the work file that are not queued yet.
    Read {
        /// The byte range of entries that are queued already.
        own: Range<u64>,
        /// Whether to report that an earlier client left the work file behind.
        reprocess: bool,
    },
    /// Replace the contents of the work file by these entries.
    Note(Vec<u8>),
    /// Write these entries to the work file if another client has removed it.
    Restore(Vec<u8>),
    /// Append these entries to the log.
    PutBack(Vec<u8>),
    /// Count the entries in the log and, if `work` is set, in the work file.
    Count {
        /// Whether to count the work file too.
        work: bool,
    },
}

/// Something to do. An input reports the end of each action, unless stated otherwise.
#[derive(Debug)]
pub enum Action {
    /// The worker connects and logs in.
    Connect(WorkerId),
    /// The connected worker carries out a task.
    Run(WorkerId, Work),
    /// The first worker, which is connected, takes parts of the task that the second worker carries
    /// out. Leads to [`Input::Ended`].
    Help(WorkerId, WorkerId, SharedParts),
    /// The helping worker takes no more parts, because it gets a task of its own. Has no input of
    /// its own: [`Input::Ended`] of [`Action::Help`] follows.
    Recall(WorkerId),
    /// The worker tells the replica to release its staged message files.
    Release(WorkerId),
    /// The connection that this worker is making is not needed. [`Input::Connected`] then follows
    /// soon.
    Abandon(WorkerId),
    /// The worker disconnects from the replica. No input follows.
    Leave(WorkerId),
    /// Measure how much data was exchanged with the replica.
    Measure,
    /// Run an operation on the channel's log.
    Log(LogAction),
    /// Report an event. No input follows.
    Notify(Event),
    /// Report the final result of a task: the goal, and the entries that could not be done. No
    /// input follows.
    Settled(Arc<Goal>, Vec<Pending>),
}

/// How long to wait after the actions of a step were started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The wait ends at this time. `None` for no limit.
    pub until: Option<Moment>,
    /// Whether a change of the log ends the wait.
    pub log: bool,
}

/// The result of handling an input.
#[derive(Debug)]
pub struct Step<E> {
    /// What to do, in order.
    pub actions: Vec<Action>,
    /// What to do after the actions.
    pub then: Then<E>,
}

/// What to do after the actions of a step.
#[derive(Debug)]
pub enum Then<E> {
    /// Wait for the next input.
    Wait(Wait),
    /// The run has ended.
    End(Result<E>),
}

/// A state machine that runs one mode. It has no input or output of its own.
pub trait Machine {
    /// The type of its final result.
    type End;

    /// Handles an input and returns what to do.
    fn step(&mut self, now: Moment, input: Input) -> Step<Self::End>;

    /// Returns the state for status reports. Returns `None` if the mode has no status reports.
    fn state(&self) -> Option<State> {
        None
    }
}
