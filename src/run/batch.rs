//! Runs a list of tasks once: all modes except rolling replication. Pure: a state machine without
//! I/O and clock.

use super::executor::{Executor, Settled};
use super::outcome::Pending;
use super::retry::Retries;
use super::step::{Action, Asked, Input, Machine, Moment, Step, Then, Wait};
use super::task::{Goal, Task};
use crate::error::{Error, Kind, Result};
use crate::names::Namespace;
use crate::settings::Jobs;
use crate::types::{Backlog, ReplicaName};

/// The maximum number of goals per worker that are turned into tasks in advance. Further goals are
/// read later, because the caller may still be producing them.
const READY: usize = 8;

/// Parameters of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What to do about failures.
    pub policy: Retries,
    /// Whether the batch ends if a task loses its connection and is not retried. If not set, only
    /// this task fails.
    pub lost_ends_all: bool,
    /// Whether to tell the replica to release its staged message files at the end.
    pub release: bool,
    /// Whether to connect even if there are no tasks.
    pub connect: bool,
    /// The number of workers, fixed or automatic.
    pub jobs: Jobs,
    /// How long it took to connect the first worker. `None` if it is not connected yet.
    pub open: Option<Moment>,
}

/// The goals in order. The batch reads each goal only when a worker may need it.
pub type Goals<'g> = Box<dyn Iterator<Item = Goal> + 'g>;

/// A set of tasks that runs once.
pub struct Batch<'n> {
    rules: Rules,
    names: &'n Namespace,
    executor: Executor,
    rest: Goals<'n>,
    /// Number of goals that have become tasks. This is also the number of the next task.
    numbered: u64,
    replica: ReplicaName,
    /// Whether a stop was requested. A stop ends the pauses between attempts to connect.
    is_stopping: bool,
    /// The result of the batch. It is returned once all workers are idle.
    ending: Option<Result<()>>,
}

impl<'n> Batch<'n> {
    /// Makes a batch that replicates these goals. A goal that fails does not stop the others.
    pub fn new(
        goals: Goals<'n>,
        rules: Rules,
        names: &'n Namespace,
        replica: ReplicaName,
    ) -> Batch<'n> {
        Batch {
            rules,
            names,
            executor: Executor::new(rules.jobs, rules.open, rules.policy, &replica),
            rest: goals,
            numbered: 0,
            replica,
            is_stopping: false,
            ending: None,
        }
    }

    fn note_input(&mut self, now: Moment, input: Input, out: &mut Vec<Action>) {
        match input {
            Input::Connected(worker, result) => {
                let connected = self.executor.connected(worker, result, now, false, out);
                connected.unwrap_or_else(|error| self.end(Err(error)));
            }
            Input::Ended(worker, attempt) => {
                if let Some(settled) = self.executor.ended(worker, attempt, now, out) {
                    self.settled(settled, out);
                }
            }
            Input::Released(worker, result) => {
                self.executor.team.released(worker, result.is_ok());
                result.unwrap_or_else(|error| self.end(Err(error)));
            }
            Input::Asked(Asked::WakeUp) => self.executor.team.wake(),
            Input::Asked(Asked::Stop | Asked::ShutdownFile) => self.is_stopping = true,
            Input::Measured(done) => self.executor.measured(done, now),
            Input::Offered(worker, parts) => self.executor.offered(worker, parts),
            Input::Started | Input::TimeOver => {}
            // These inputs are about a log, and a batch has no log.
            Input::Logged
            | Input::LogTaken(_)
            | Input::WorkRead(_)
            | Input::Noted(_)
            | Input::PutBack(_)
            | Input::Counted(_) => {}
        }
    }

    fn end(&mut self, how: Result<()>) {
        self.ending.get_or_insert(how);
    }

    fn settled(&mut self, settled: Settled, out: &mut Vec<Action>) {
        match settled {
            Settled::Done(task, pending) => out.push(Action::Settled(task.goal, pending)),
            Settled::Lost(_, error) if self.rules.lost_ends_all => self.end(Err(error)),
            Settled::Lost(task, error) => {
                let pending = Pending::whole(&task.goal, error);
                out.push(Action::Settled(task.goal, vec![pending]));
            }
            Settled::Again(_) => {}
            Settled::Stopped(error) => self.end(Err(error)),
        }
    }

    /// Turns the next goals into tasks. The other goals are read later, because there may be very
    /// many.
    fn fill(&mut self) {
        let most = READY * self.executor.reach();
        while self.executor.queue.ready() < most
            && let Some(goal) = self.rest.next()
        {
            let number = Some(self.numbered);
            self.numbered += 1;
            self.executor.queue.push(Task { number, ..Task::new(goal, self.names) });
        }
    }

    fn proceed(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.fill();
        if self.executor.is_reminder_due(now) {
            self.executor.remind(Backlog::default(), now, out);
        }
        if !self.executor.queue.is_idle() {
            self.executor.dispatch(now, out);
        } else if self.rules.connect && !self.executor.connect_first(now, out) {
            // Wait for the connection. Nothing else is to do.
        } else if self.executor.team.is_at_rest()
            && !(self.rules.release && self.executor.team.release_staged(out))
        {
            self.end(Ok(()));
        }
        if self.is_stopping && self.executor.team.is_pausing() {
            self.end(Err(Error::new(
                Kind::Cancelled,
                "connect",
                &*self.replica.server,
                "asked to stop",
            )));
        }
    }
}

impl Machine for Batch<'_> {
    type End = ();

    fn step(&mut self, now: Moment, input: Input) -> Step<()> {
        let mut actions = Vec::new();
        self.executor.team.end_pauses(now);
        self.note_input(now, input, &mut actions);
        if self.ending.is_none() {
            self.proceed(now, &mut actions);
        }
        if self.ending.is_some() || self.executor.queue.is_idle() {
            self.executor.team.abandon(&mut actions);
        }
        let then = match self.ending.take_if(|_| self.executor.team.is_at_rest()) {
            Some(how) => Then::End(how),
            // The batch is ending. Wait only for the running tasks.
            None if self.ending.is_some() => Then::Wait(Wait { until: None, log: false }),
            None => Then::Wait(Wait { until: self.executor.next_turn(now), log: false }),
        };
        Step { actions, then }
    }
}
