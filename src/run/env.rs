//! Connects the executor with the outside world.
//!
//! A [`Machine`](super::step::Machine) only knows inputs and actions. An [`Env`], which has the
//! clock, the connections and the threads, and a [`LogDisk`] carry out the actions. The real ones
//! are [`real`](super::real) and [`files`](super::log::files); the simulation has its own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::log::channel::{self, Taken};
use super::log::disk::{Found, LogDisk, LogFile};
use super::log::read;
use super::outcome::Undone;
use super::state::State;
use super::step::{Action, Input, LogAction, Machine, Moment, Then, Wait, Work};
use super::task::{Goal, WorkerId};
use crate::error::{Error, Kind, Result};
use crate::events::{Event, RunEvent};
use crate::sync::Offer;

/// Clock, connections and threads for a machine.
pub trait Env {
    /// Returns the current time. It never goes back.
    fn now(&mut self) -> Moment;

    /// Makes a worker connect. [`Env::next`] returns [`Input::Connected`] when that has ended.
    fn connect(&mut self, worker: WorkerId);

    /// Makes a worker carry out a task. [`Env::next`] returns [`Input::Ended`] when that has ended.
    fn run(&mut self, worker: WorkerId, work: Work);

    /// Makes a worker take parts of the task of another worker. [`Env::next`] returns
    /// [`Input::Ended`] when all parts are taken, or the worker was recalled.
    fn help(&mut self, worker: WorkerId, other: WorkerId, offer: Offer);

    /// Tells a helping worker to take no more parts.
    fn recall(&mut self, worker: WorkerId);

    /// Makes a worker tell the replica to release its staged files. [`Env::next`] returns
    /// [`Input::Released`] when that has ended.
    fn release(&mut self, worker: WorkerId);

    /// Cancels a worker's attempt to connect. [`Input::Connected`] follows soon.
    fn abandon(&mut self, worker: WorkerId);

    /// Makes an idle worker disconnect from the replica.
    fn leave(&mut self, worker: WorkerId);

    /// Returns the bytes of commands and replies that all workers have exchanged so far.
    fn exchanged(&mut self) -> u64;

    /// Waits for the next event. Requests from outside come before the ends of actions.
    fn next(&mut self, wait: Wait) -> Input;

    /// Reports an event.
    fn tell(&mut self, event: &Event);

    /// Takes the machine's state, if the caller wants it. If `news` is false, the state has not
    /// changed.
    fn report(&mut self, _news: bool, _state: &dyn Fn() -> Option<State>) {}

    /// Called at the end: reports everything that was held back.
    fn end(&mut self) {}

    /// Takes the final result of a task.
    fn settled(&mut self, goal: &Arc<Goal>, undone: Vec<Undone>);
}

/// Drives a machine, input by input.
#[derive(Debug)]
pub struct Driver<M> {
    machine: M,
    inputs: VecDeque<Input>,
    wait: Wait,
}

impl<M: Machine> Driver<M> {
    /// Makes a driver in its initial state.
    pub fn new(machine: M) -> Driver<M> {
        let wait = Wait { until: None, log: false };
        Driver { machine, inputs: VecDeque::from([Input::Started]), wait }
    }

    /// Drives the machine to its end. `disk` accesses the channel's log, if the machine has one.
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

    /// Handles one input and starts the actions that follow. Returns the result of the machine if
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
        // Report the state before the actions, because some of them take long.
        env.report(news, &|| self.machine.state());
        for action in step.actions {
            match action {
                Action::Connect(worker) => env.connect(worker),
                Action::Run(worker, work) => env.run(worker, work),
                Action::Help(worker, other, offer) => env.help(worker, other, offer),
                Action::Recall(worker) => env.recall(worker),
                Action::Release(worker) => env.release(worker),
                Action::Abandon(worker) => env.abandon(worker),
                Action::Leave(worker) => env.leave(worker),
                Action::Measure => self.inputs.push_back(Input::Measured(env.exchanged())),
                Action::Tell(event) => env.tell(&event),
                Action::Settled(goal, undone) => env.settled(&goal, undone),
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

/// Returns whether this input only leads to a check for something to do.
fn is_look(input: &Input) -> bool {
    matches!(input, Input::TimeOver | Input::LogTaken(Ok(Taken::Nothing)))
}

/// Returns whether this action only checks the log.
fn is_take(action: &Action) -> bool {
    matches!(action, Action::Log(LogAction::Take(_)))
}

fn no_log() -> Error {
    Error::new(Kind::Internal, "use", "sync log", "this mode has none")
}

/// Changes files of the log. Waits while an administrator holds the server still.
fn changing<T>(
    disk: &mut dyn LogDisk,
    change: impl FnOnce(&mut dyn LogDisk) -> Result<T>,
) -> Result<T> {
    let _held = disk.hold()?;
    change(disk)
}

/// Carries out an action on the log at once.
fn at_log(action: LogAction, disk: &mut dyn LogDisk, env: &mut dyn Env) -> Input {
    match action {
        LogAction::Take(undone) => {
            Input::LogTaken(changing(disk, |disk| channel::take(disk, &undone)))
        }
        LogAction::Note(undone) => {
            Input::Noted(changing(disk, |disk| channel::keep(disk, &undone)))
        }
        LogAction::Restore(undone) => {
            Input::Noted(changing(disk, |disk| channel::restore(disk, &undone)))
        }
        LogAction::PutBack(undone) => {
            Input::PutBack(changing(disk, |disk| disk.append(&undone).map(drop)))
        }
        LogAction::Count { work } => Input::Counted(disk.backlog(work)),
        LogAction::Read { own, reprocess } => {
            let path = disk.path(LogFile::Work).to_owned();
            if reprocess && disk.work().is_ok_and(|found| found != Found::Nothing) {
                env.tell(&RunEvent::Reprocessing { path: path.clone() }.into());
            }
            let mut garbage = |line, why| {
                env.tell(&RunEvent::BadLogLine { path: path.clone(), line, why }.into());
            };
            Input::WorkRead(read::work(disk, &own, &mut garbage))
        }
    }
}
