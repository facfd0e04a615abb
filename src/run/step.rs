//! The words between the executor and the world: inputs say what happened, actions what is to be
//! done. Neither has a clock, a file, a socket or a thread in it.

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

/// Why it shall end, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Somebody wants what waits to be tried at once; rolling replication ends and is started over.
    WakeUp,
    /// Somebody wants it to stop.
    Stop,
    /// The shutdown file is there.
    ShutdownFile,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The first input.
    Started,
    /// [`Action::Connect`] ended.
    Connected(WorkerId, Result<()>),
    /// [`Action::Run`] ended.
    Ended(WorkerId, Attempt),
    /// [`Action::Release`] ended.
    Released(WorkerId, Result<()>),
    /// [`LogAction::Take`] ended.
    LogTaken(Result<Taken>),
    /// [`LogAction::Read`] ended: the entries, or `None` if there is no work file.
    WorkRead(Result<Option<Logged>>),
    /// [`LogAction::Note`] or [`LogAction::Restore`] ended.
    Noted(Result<Kept>),
    /// [`LogAction::PutBack`] ended.
    PutBack(Result<()>),
    /// [`LogAction::Count`] ended.
    Counted(Backlog),
    /// Something was logged, or may have been.
    Logged,
    /// The time that was to be waited for is over.
    TimeOver,
    /// Somebody asks for something. Comes once for each reason.
    Asked(Asked),
    /// Others may take parts of the task that a worker carries out.
    Offered(WorkerId, Offer),
    /// [`Action::Measure`] ended: bytes of commands and replies that all workers have exchanged so
    /// far.
    Measured(u64),
}

/// A task for a worker.
#[derive(Debug)]
pub struct Work {
    /// Its place in what is told of all tasks.
    pub number: u64,
    /// What is to be replicated.
    pub goal: Arc<Goal>,
    /// Over what connections were lost already.
    pub care: Care,
    /// Users who come next: the replica can be asked for them now.
    pub ahead: Vec<UserId>,
}

/// What is to be done at a channel's log.
#[derive(Debug)]
pub enum LogAction {
    /// Take over what was logged; these entries in the work file are not done.
    Take(Vec<u8>),
    /// Read the work file, but not what we put there ourselves.
    Read {
        /// Where that is.
        own: Range<u64>,
        /// Whether to report that the work file was left behind.
        reprocess: bool,
    },
    /// Have the work file hold these entries and nothing else.
    Note(Vec<u8>),
    /// Have the work file hold these again, if somebody took it away.
    Restore(Vec<u8>),
    /// Append these entries to the log.
    PutBack(Vec<u8>),
    /// Count what is logged and not taken over, and what the work file holds unless that is known.
    Count {
        /// Whether to count what the work file holds.
        work: bool,
    },
}

/// What is to be done. Each ends with its input, unless it says otherwise.
#[derive(Debug)]
pub enum Action {
    /// A worker connects and logs in.
    Connect(WorkerId),
    /// A worker that is connected carries out a task.
    Run(WorkerId, Work),
    /// A worker that is connected takes parts of the task that another carries out. Ends with
    /// [`Input::Ended`].
    Help(WorkerId, WorkerId, Offer),
    /// A worker that takes parts of the task of another takes no more of them, for it has a task of
    /// its own to begin with. No input follows but that of [`Action::Help`].
    Recall(WorkerId),
    /// A worker tells the replica to release its staged message files.
    Release(WorkerId),
    /// A connection that is being made is not needed any more. That ends soon then.
    Abandon(WorkerId),
    /// A worker says goodbye to the replica. No input follows.
    Leave(WorkerId),
    /// Find out how much has been done.
    Measure,
    /// Something is done at the channel's log.
    Log(LogAction),
    /// Report something. No input follows.
    Tell(Event),
    /// A task ended: nothing more is done about it. No input follows.
    Settled(Arc<Goal>, Vec<Undone>),
}

/// How long to wait once all actions are begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Until when; `None` for as long as it takes.
    pub until: Option<Moment>,
    /// Whether something that is logged ends it.
    pub log: bool,
}

/// What follows from an input.
#[derive(Debug)]
pub struct Step<E> {
    /// What is to be done, in this order.
    pub actions: Vec<Action>,
    /// What to do afterwards.
    pub then: Then<E>,
}

/// What to do after the actions of a step.
#[derive(Debug)]
pub enum Then<E> {
    /// Wait for the next input.
    Wait(Wait),
    /// Nothing more: it is over.
    End(Result<E>),
}

/// A mode of the executor: a state machine without input or output of its own.
pub trait Machine {
    /// What it ends with.
    type End;

    /// Takes note of what happened and says what to do.
    fn step(&mut self, now: Moment, input: Input) -> Step<Self::End>;

    /// What it is at; `None` if nobody asks such a machine.
    fn state(&self) -> Option<State> {
        None
    }
}
