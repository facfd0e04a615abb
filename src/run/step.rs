//! The interface between the executor and the environment: inputs report what happened, and actions
//! say what to do. Both are plain values without clocks, files, sockets or threads.

use std::ops::Range;
use std::sync::Arc;

use super::log::channel::{Kept, Taken};
use super::log::read::Logged;
use super::outcome::{Attempt, Undone};
use super::state::State;
use super::task::{Goal, WorkerId};
use crate::error::Result;
use crate::events::Event;
use crate::sync::{Care, Offer};
use crate::types::{Backlog, UserId};

pub use super::moment::Moment;

/// A request from outside that ends the run. Later variants are stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Try deferred tasks at once. Rolling replication ends and is started again.
    WakeUp,
    /// Stop.
    Stop,
    /// The shutdown file exists.
    ShutdownFile,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// The first input.
    Started,
    /// [`Action::Connect`] has ended.
    Connected(WorkerId, Result<()>),
    /// [`Action::Run`] has ended.
    Ended(WorkerId, Attempt),
    /// [`Action::Release`] has ended.
    Released(WorkerId, Result<()>),
    /// [`LogAction::Take`] has ended.
    LogTaken(Result<Taken>),
    /// [`LogAction::Read`] has ended: the entries, or `None` if there is no work file.
    WorkRead(Result<Option<Logged>>),
    /// [`LogAction::Note`] or [`LogAction::Restore`] has ended.
    Noted(Result<Kept>),
    /// [`LogAction::PutBack`] has ended.
    PutBack(Result<()>),
    /// [`LogAction::Count`] has ended.
    Counted(Backlog),
    /// Something was logged, or may have been.
    Logged,
    /// The time to wait is over.
    TimeOver,
    /// There is a request from outside. Comes once for each reason.
    Asked(Asked),
    /// Other workers may take parts of the task that this worker carries out.
    Offered(WorkerId, Offer),
    /// [`Action::Measure`] has ended: the bytes of commands and replies that all workers have
    /// exchanged so far.
    Measured(u64),
}

/// A task for a worker.
#[derive(Debug)]
pub struct Work {
    /// Its place in the order in which tasks are reported.
    pub number: u64,
    /// What to replicate.
    pub goal: Arc<Goal>,
    /// The history of connections lost during the task.
    pub care: Care,
    /// The next users, for which the worker can request the replica's state now.
    pub ahead: Vec<UserId>,
}

/// An action on a channel's log.
#[derive(Debug)]
pub enum LogAction {
    /// Take over the log. These entries of the work file are not done.
    Take(Vec<u8>),
    /// Read the work file without our own entries in it.
    Read {
        /// The range with our own entries.
        own: Range<u64>,
        /// Whether to report that an earlier client left the work file behind.
        reprocess: bool,
    },
    /// Replace the contents of the work file by these entries.
    Note(Vec<u8>),
    /// Write these entries to the work file again, if somebody removed it.
    Restore(Vec<u8>),
    /// Append these entries to the log.
    PutBack(Vec<u8>),
    /// Count the entries in the log and, if `work` is set, in the work file.
    Count {
        /// Whether to count the work file too.
        work: bool,
    },
}

/// Something to do. Each action leads to its input, unless stated otherwise.
#[derive(Debug)]
pub enum Action {
    /// The worker connects and logs in.
    Connect(WorkerId),
    /// The connected worker carries out a task.
    Run(WorkerId, Work),
    /// The first, connected worker takes parts of the task that the second worker carries out.
    /// Leads to [`Input::Ended`].
    Help(WorkerId, WorkerId, Offer),
    /// The helping worker takes no more parts, because it has a task of its own to start. Only the
    /// input of [`Action::Help`] follows.
    Recall(WorkerId),
    /// The worker tells the replica to release its staged message files.
    Release(WorkerId),
    /// The connection that this worker is making is not needed any more. [`Action::Connect`] then
    /// ends soon.
    Abandon(WorkerId),
    /// The worker disconnects from the replica. No input follows.
    Leave(WorkerId),
    /// Measure how much work was done.
    Measure,
    /// Do something with the channel's log.
    Log(LogAction),
    /// Report an event. No input follows.
    Tell(Event),
    /// A task has its final result. No input follows.
    Settled(Arc<Goal>, Vec<Undone>),
}

/// How long to wait after all actions are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Until when; `None` for no limit.
    pub until: Option<Moment>,
    /// Whether a notification of the log ends the wait.
    pub log: bool,
}

/// The result of an input.
#[derive(Debug)]
pub struct Step<E> {
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// What to do afterwards.
    pub then: Then<E>,
}

/// What to do after the actions of a step.
#[derive(Debug)]
pub enum Then<E> {
    /// Wait for the next input.
    Wait(Wait),
    /// The machine has ended.
    End(Result<E>),
}

/// A mode of the executor: a state machine without input or output of its own.
pub trait Machine {
    /// The type of its result.
    type End;

    /// Handles an input and returns what to do.
    fn step(&mut self, now: Moment, input: Input) -> Step<Self::End>;

    /// Returns the machine's state, or `None` if the machine does not support this.
    fn state(&self) -> Option<State> {
        None
    }
}
