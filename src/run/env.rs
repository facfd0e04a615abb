//! Connects a state machine (daemon or batch) with its environment.
//!
//! A [`Machine`](super::step::Machine) handles inputs and returns actions. An [`Env`] and a
//! [`LogDisk`] carry out the actions: `Env` provides clock, connections and threads, and `LogDisk`
//! provides the files of the sync log. The real implementations are [`real`](super::real) and
//! [`files`](super::log::files). The simulation in the tests has its own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::log::channel::{self, Kept, Taken};
use super::log::disk::{Found, LogDisk, LogFile};
use super::log::read;
use super::outcome::Pending;
use super::state::State;
use super::step::{Action, Input, LogAction, Machine, Moment, Then, Wait, Work};
use super::task::{Goal, WorkerId};
use crate::error::{Error, Kind, Result};
use crate::events::{Event, RunEvent};
use crate::sync::SharedParts;

/// Clock, connections and threads for a state machine.
pub trait Env {
    /// Returns the current time. It never goes back.
    fn now(&mut self) -> Moment;

    /// Makes a worker connect. [`Env::next`] later returns [`Input::Connected`].
    fn connect(&mut self, worker: WorkerId);

    /// Makes a worker carry out a task. [`Env::next`] later returns [`Input::Ended`].
    fn run(&mut self, worker: WorkerId, work: Work);

    /// Makes a worker take parts of the task of worker `other`. [`Env::next`] returns
    /// [`Input::Ended`] when all parts are taken or the worker was recalled.
    fn help(&mut self, worker: WorkerId, other: WorkerId, parts: SharedParts);

    /// Makes a helping worker take no more parts.
    fn recall(&mut self, worker: WorkerId);

    /// Makes a worker tell the replica to release its staged files. [`Env::next`] later returns
    /// [`Input::Released`].
    fn release(&mut self, worker: WorkerId);

    /// Cancels a worker's attempt to connect. [`Env::next`] soon returns [`Input::Connected`].
    fn abandon(&mut self, worker: WorkerId);

    /// Makes an idle worker disconnect from the replica.
    fn leave(&mut self, worker: WorkerId);

    /// Returns the number of bytes of commands and replies of all workers so far.
    fn exchanged(&mut self) -> u64;

    /// Waits for the next input and returns it. Requests from outside come before the results of
    /// actions.
    fn next(&mut self, wait: Wait) -> Input;

    /// Reports an event to the observer.
    fn notify(&mut self, event: &Event);

    /// Reports the machine's state, if there are status reports. `news` is whether the state may
    /// have changed. `state` returns the state.
    fn report(&mut self, _news: bool, _state: &dyn Fn() -> Option<State>) {}

    /// Ends the run: reports all messages that were held back.
    fn end(&mut self) {}

    /// Reports the final result of a task.
    fn settled(&mut self, goal: &Arc<Goal>, pending: Vec<Pending>);
}

/// Runs a state machine: passes inputs to it and carries out the actions that it returns.
#[derive(Debug)]
pub struct Driver<M> {
    machine: M,
    inputs: VecDeque<Input>,
    wait: Wait,
}

impl<M: Machine> Driver<M> {
    /// Makes a driver whose first input will be [`Input::Started`].
    pub fn new(machine: M) -> Driver<M> {
        let wait = Wait { until: None, log: false };
        Driver { machine, inputs: VecDeque::from([Input::Started]), wait }
    }

    /// Runs the machine to its end. `disk` provides the channel's log; `None` if the machine uses
    /// no log.
    pub fn run<'d>(
        &mut self,
        env: &mut dyn Env,
        mut disk: Option<&mut (dyn LogDisk + 'd)>,
    ) -> Result<M::End> {
        loop {
            if let Some(end) = self.turn(env, disk.as_deref_mut()) {
                return end;
            }
        }
    }

    /// Handles one input and carries out the actions that follow. Returns the result of the run if
    /// it has ended.
    pub fn turn<'d>(
        &mut self,
        env: &mut dyn Env,
        mut disk: Option<&mut (dyn LogDisk + 'd)>,
    ) -> Option<Result<M::End>> {
        let input = self.inputs.pop_front().unwrap_or_else(|| env.next(self.wait));
        let is_look = is_look(&input);
        let step = self.machine.step(env.now(), input);
        let news = !is_look || step.actions.iter().any(|action| !is_take(action));
        // Report the state before the actions, because some of them take a long time.
        env.report(news, &|| self.machine.state());
        for action in step.actions {
            match action {
                Action::Connect(worker) => env.connect(worker),
                Action::Run(worker, work) => env.run(worker, work),
                Action::Help(worker, other, parts) => env.help(worker, other, parts),
                Action::Recall(worker) => env.recall(worker),
                Action::Release(worker) => env.release(worker),
                Action::Abandon(worker) => env.abandon(worker),
                Action::Leave(worker) => env.leave(worker),
                Action::Measure => self.inputs.push_back(Input::Measured(env.exchanged())),
                Action::Notify(event) => env.notify(&event),
                Action::Settled(goal, pending) => env.settled(&goal, pending),
                Action::Log(action) => match disk.as_deref_mut() {
                    Some(disk) => self.inputs.push_back(at_log(action, disk, env)),
                    None => return Some(Err(no_log())),
                },
            }
        }
        match step.then {
            Then::Wait(wait) => self.wait = wait,
            Then::End(end) => {
                env.end();
                return Some(end);
            }
        }
        None
    }
}

/// Returns whether this input only makes the machine check for work. Such a check is frequent, and
/// is no news for a status report.
fn is_look(input: &Input) -> bool {
    matches!(input, Input::TimeOver | Input::LogTaken(Ok(Taken::Nothing)))
}

/// Returns whether this action only checks the log for new entries, by taking it over.
fn is_take(action: &Action) -> bool {
    matches!(action, Action::Log(LogAction::Take(_)))
}

fn no_log() -> Error {
    Error::new(Kind::Internal, "use", "sync log", "this mode has none")
}

/// Calls `change`, which changes files of the log. Waits first while an administrator holds the
/// server still.
fn changing<T>(
    disk: &mut dyn LogDisk,
    change: impl FnOnce(&mut dyn LogDisk) -> Result<T>,
) -> Result<T> {
    let _held = disk.hold()?;
    change(disk)
}

/// Carries out an operation on the log. Returns its result as an input.
fn at_log(action: LogAction, disk: &mut dyn LogDisk, env: &mut dyn Env) -> Input {
    match action {
        LogAction::Take(pending) => {
            Input::LogTaken(changing(disk, |disk| channel::take(disk, &pending)))
        }
        LogAction::Note(pending) => note(&pending, channel::keep, disk, env),
        LogAction::Restore(pending) => note(&pending, channel::restore, disk, env),
        LogAction::PutBack(pending) => {
            Input::PutBack(changing(disk, |disk| disk.append(&pending).map(drop)))
        }
        LogAction::Count { work } => Input::Counted(disk.backlog(work)),
        LogAction::Read { own, reprocess } => {
            let path = disk.path(LogFile::Work).to_owned();
            if reprocess && disk.work().is_ok_and(|found| found != Found::Nothing) {
                env.notify(&RunEvent::Reprocessing { path: path.clone() }.into());
            }
            let mut garbage = |line, why| {
                env.notify(&RunEvent::BadLogLine { path: path.clone(), line, why }.into());
            };
            Input::WorkRead(read::work(disk, &own, &mut garbage))
        }
    }
}

/// Writes the pending entries to the work file by calling `write`.
fn note(
    pending: &[u8],
    write: fn(&mut dyn LogDisk, &[u8]) -> Result<Kept>,
    disk: &mut dyn LogDisk,
    env: &mut dyn Env,
) -> Input {
    let noted = changing(disk, |disk| write(disk, pending));
    // A stop has ended the wait. If the work file is there, it still has the entries.
    if let Err(error) = &noted
        && error.kind() == Kind::Cancelled
        && !pending.is_empty()
        && !disk.work().is_ok_and(|found| found == Found::Ours)
    {
        env.notify(&RunEvent::UnfinishedNotSaved { error: error.clone() }.into());
    }
    Input::Noted(noted)
}
