//! The world that the executor works in, and the loop that feeds the one with the other.
//!
//! A [`Machine`](super::step::Machine) only knows inputs and actions. What they mean is up to an
//! [`Env`], which has the clock, the connections and the threads, and to a [`LogDisk`]. The real
//! ones are [`real`](super::real) and [`files`](super::log::files); a simulation has its own.

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

/// Clock, connections and threads.
pub trait Env {
    /// What time it is. Never less than before.
    fn now(&mut self) -> Moment;

    /// Has a worker connect; [`Env::next`] gives [`Input::Connected`] when that ended.
    fn connect(&mut self, worker: WorkerId);

    /// Has a worker carry out a task; [`Env::next`] gives [`Input::Ended`] when that ended.
    fn run(&mut self, worker: WorkerId, work: Work);

    /// Has a worker take parts of the task of another; [`Env::next`] gives [`Input::Ended`] when
    /// all are taken, or it was recalled.
    fn help(&mut self, worker: WorkerId, other: WorkerId, offer: Offer);

    /// Has a worker that does so take no more parts.
    fn recall(&mut self, worker: WorkerId);

    /// Has a worker tell the replica to release its staged files; [`Env::next`] gives
    /// [`Input::Released`] when that ended.
    fn release(&mut self, worker: WorkerId);

    /// Has a worker that connects give that up; [`Input::Connected`] follows soon.
    fn abandon(&mut self, worker: WorkerId);

    /// Has a worker that does nothing say goodbye to the replica.
    fn leave(&mut self, worker: WorkerId);

    /// Bytes of commands and replies that all workers have exchanged so far.
    fn exchanged(&mut self) -> u64;

    /// Waits for what happens next. What somebody asks for comes before the end of what is under
    /// way.
    fn next(&mut self, wait: Wait) -> Input;

    /// Reports something.
    fn tell(&mut self, event: &Event);

    /// Takes what the machine is at, if somebody asks for that. Without `news` it is at what it was.
    fn report(&mut self, _news: bool, _state: &dyn Fn() -> Option<State>) {}

    /// All is over: what was kept back to be reported is reported now.
    fn end(&mut self) {}

    /// Takes the final outcome of a task.
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
    /// A driver that did not begin yet.
    pub fn new(machine: M) -> Driver<M> {
        let wait = Wait { until: None, log: false };
        Driver { machine, inputs: VecDeque::from([Input::Started]), wait }
    }

    /// Drives the machine to its end. `disk` has the channel's log, if the machine has one.
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

    /// Takes one input and begins with all that follows from it. Returns how the machine ended if
    /// it did.
    pub fn turn<'d>(
        &mut self,
        env: &mut dyn Env,
        mut disk: Option<&mut (dyn LogDisk + 'd)>,
    ) -> Option<Result<M::End>> {
        let input = self.inputs.pop_front().unwrap_or_else(|| env.next(self.wait));
        let is_look = is_look(&input);
        let step = self.machine.step(env.now(), input);
        let news = !is_look || step.actions.iter().any(|action| !is_take(action));
        // Before the actions, for some take long.
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

/// Whether it is nothing but a look whether there is something to do.
fn is_look(input: &Input) -> bool {
    matches!(input, Input::TimeOver | Input::LogTaken(Ok(Taken::Nothing)))
}

/// Whether it is a look at the log.
fn is_take(action: &Action) -> bool {
    matches!(action, Action::Log(LogAction::Take(_)))
}

fn no_log() -> Error {
    Error::new(Kind::Internal, "use", "sync log", "this mode has none")
}

/// Changes files of the log, which must not be while the server is held still.
fn changing<T>(
    disk: &mut dyn LogDisk,
    change: impl FnOnce(&mut dyn LogDisk) -> Result<T>,
) -> Result<T> {
    let _held = disk.hold()?;
    change(disk)
}

/// Does at once what is to be done at the log.
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
