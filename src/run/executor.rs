//! Assigns tasks to workers and handles lost connections, for all modes. A worker is one session
//! with the replica. A worker without a task can help with a large one: it takes parts of the task.
//! Pure: no I/O, no clock.

use super::contact::Contact;
use super::outcome::{Attempt, Outcome, Pending};
use super::queue::{Crowd, Queue};
use super::retry::{Attempts, Retries};
use super::step::{Action, Moment};
use super::task::{Task, WorkerId};
use super::team::{State, Team};
use super::width::Width;
use crate::error::{Error, Kind, Result};
use crate::events::{Event, RunEvent};
use crate::settings::Jobs;
use crate::sync::SharedParts;
use crate::types::{Backlog, ReplicaName};

/// The result of an attempt at a task.
#[derive(Debug)]
pub enum Settled {
    /// The task has ended. Contains the parts that failed.
    Done(Task, Vec<Pending>),
    /// The connection was lost during the task, and the task will not be retried.
    Lost(Task, Error),
    /// The connection was lost, and the task will be retried over a new connection. Contains the
    /// kind of the error.
    Again(Kind),
    /// A stop was requested. The task is still in the queue.
    Stopped(Error),
}

/// A large task with which other workers may help.
#[derive(Debug)]
struct Offered {
    /// The worker that runs the task.
    by: WorkerId,
    parts: SharedParts,
    /// Workers that are helping.
    helpers: Vec<WorkerId>,
    /// Workers that are still helping and were asked to take no more parts.
    recalled: Vec<WorkerId>,
}

/// Assigns tasks to workers.
#[derive(Debug)]
pub struct Executor {
    /// The tasks.
    pub queue: Queue,
    /// The workers.
    pub team: Team,
    /// Limits for the number of workers and connections.
    width: Width,
    /// Tasks with which other workers may help.
    offers: Vec<Offered>,
    /// Whether a measurement of the exchanged data was requested and has not arrived.
    is_measuring: bool,
    policy: Retries,
    /// The state of the connection to the replica.
    pub contact: Contact,
    replica: ReplicaName,
}

impl Executor {
    /// Makes an executor without tasks. `open` is how long it took to connect the first worker, or
    /// `None` if it is not connected.
    pub fn new(
        jobs: Jobs,
        open: Option<Moment>,
        policy: Retries,
        replica: &ReplicaName,
    ) -> Executor {
        let mut width = Width::new(jobs);
        open.into_iter().for_each(|took| width.connected(took));
        Executor {
            queue: Queue::default(),
            team: Team::new(width.workers(), open.is_some()),
            width,
            offers: Vec::new(),
            is_measuring: false,
            policy,
            contact: open.map_or(Contact::Unknown, |_| Contact::Reached { since: Moment::ZERO }),
            replica: replica.clone(),
        }
    }

    /// Returns how many workers may work at present, and so how many workers need tasks.
    pub fn reach(&self) -> usize {
        let own = self.width.most();
        if self.width.admits(own) { self.team.0.len() } else { self.width.limit() }
    }

    /// Starts all tasks that can be started, and connects or recalls workers for further tasks.
    pub fn dispatch(&mut self, now: Moment, out: &mut Vec<Action>) {
        let crowd = self.team.open();
        let own = self.width.most();
        // A task that is retried with care must be the only one on its connection. Otherwise a
        // second loss of the connection would not show which mailbox caused it.
        let may_be_careful = !self.team.0.iter().skip(own).any(|w| w.state == State::Running);
        let stuck: Vec<bool> = self.team.0.iter().map(|worker| worker.is_stuck(now)).collect();
        let is_stuck = |worker: WorkerId| stuck.get(worker).is_none_or(|stuck| *stuck);
        let may_share = !self.queue.has_careful();
        for (id, worker) in self.team.0.iter_mut().enumerate() {
            let shares = id >= own;
            if shares && !(may_share && self.width.admits(id)) {
                continue;
            }
            let careful = may_be_careful && !shares;
            let crowd = Crowd { size: crowd, careful, is_stuck: &is_stuck };
            if worker.state == State::Idle
                && let Some(work) = self.queue.start(id, crowd)
            {
                worker.state = State::Running;
                worker.used = now;
                out.push(Action::Run(id, work));
            } else if worker.state == State::Idle
                && id < self.width.helpers()
                && let Some(offered) = self.offers.first_mut()
            {
                worker.state = State::Running;
                offered.helpers.push(id);
                out.push(Action::Help(id, offered.by, offered.parts.clone()));
            }
        }
        self.connect_for_ready(now, out);
        let crowd = Crowd { size: crowd, careful: may_be_careful, is_stuck: &is_stuck };
        self.recall_for_ready(crowd, out);
        if self.next_look().is_some_and(|look| look <= now) {
            self.is_measuring = true;
            out.push(Action::Measure);
        }
    }

    /// Starts to connect workers for tasks that no connected worker can start.
    fn connect_for_ready(&mut self, now: Moment, out: &mut Vec<Action>) {
        let own = self.width.most();
        let is_open = self.team.open() > 0;
        // Connect only one worker at first. If it cannot reach the replica, others cannot either.
        let limit = if is_open { self.width.limit() } else { 1 };
        let mut room = limit.saturating_sub(self.team.connected(own));
        let may_share = is_open && self.width.admits(own) && !self.queue.has_careful();
        if room == 0 && !may_share {
            return;
        }
        let mut waiting = self.startable().saturating_sub(self.team.coming());
        for (id, worker) in self.team.0.iter_mut().enumerate() {
            let may = if id < own { room > 0 } else { may_share };
            if waiting == 0 || !may || worker.state != State::Closed {
                continue;
            }
            room -= usize::from(id < own);
            waiting -= 1;
            worker.connect(now);
            out.push(Action::Connect(id));
        }
    }

    /// Recalls helping workers for tasks that no other worker can start. So a large task does not
    /// delay the others.
    fn recall_for_ready(&mut self, crowd: Crowd<'_>, out: &mut Vec<Action>) {
        let helpers = self.helpers();
        if helpers == 0 || self.has_idle() {
            return;
        }
        let coming: usize = self.offers.iter().map(|offered| offered.recalled.len()).sum();
        let coming = coming + self.team.coming();
        let wanted = self.queue.startable_now(helpers + coming, crowd).saturating_sub(coming);
        for _ in 0..wanted {
            let mut offers = self.offers.iter_mut();
            let Some(offered) = offers.find(|offered| !offered.helpers.is_empty()) else { break };
            let Some(id) = offered.helpers.pop() else { break };
            offered.recalled.push(id);
            out.push(Action::Recall(id));
        }
    }

    /// Returns how many workers are helping and were not recalled.
    fn helpers(&self) -> usize {
        self.offers.iter().map(|offered| offered.helpers.len()).sum()
    }

    /// Returns how many more workers would have something to do.
    fn startable(&self) -> usize {
        let tasks = self.queue.startable(self.team.0.len());
        if self.offers.is_empty() { tasks } else { tasks.max(self.width.helpers()) }
    }

    /// Records that other workers may take parts of the task of worker `id`.
    pub fn offered(&mut self, id: WorkerId, parts: SharedParts) {
        self.offers.push(Offered { by: id, parts, helpers: Vec::new(), recalled: Vec::new() });
    }

    /// Returns when to check whether more workers are useful. Returns `None` if there is no task
    /// for a further worker, or if a worker is idle or connecting.
    pub fn next_look(&self) -> Option<Moment> {
        let look = self.width.next_look()?;
        let has_room = self.has_idle() || self.team.coming() > 0;
        let is_needed = || !self.offers.is_empty() || self.queue.startable(1) > 0;
        (!self.is_measuring && !has_room && is_needed()).then_some(look)
    }

    /// Handles a measurement. `done` is the number of bytes that all workers have exchanged so far.
    pub fn measured(&mut self, done: u64, now: Moment) {
        self.is_measuring = false;
        self.width.measured(done, now);
    }

    /// Starts to connect the first worker, even without a task. Returns whether it is connected
    /// already.
    pub fn connect_first(&mut self, now: Moment, out: &mut Vec<Action>) -> bool {
        let Some(worker) = self.team.0.first_mut() else { return true };
        match worker.state {
            State::Closed => {
                worker.connect(now);
                out.push(Action::Connect(0));
                false
            }
            State::Connecting { .. } | State::Pausing(_) => false,
            _ => true,
        }
    }

    /// Handles the end of a worker's attempt to connect. `parting` is whether the replica ended the
    /// last session with `BYE`. If no further attempt follows then, the failure is not reported as
    /// an error.
    ///
    /// # Errors
    /// The error of the attempt, if there will be no further attempt.
    pub fn connected(
        &mut self,
        id: WorkerId,
        result: Result<()>,
        now: Moment,
        parting: bool,
        out: &mut Vec<Action>,
    ) -> Result<()> {
        let open = self.team.0.iter().take(self.width.most()).filter(|w| w.is_open()).count();
        let was_open = self.team.0.iter().any(|worker| worker.was_open);
        let Some(worker) = self.team.0.get_mut(id) else { return Ok(()) };
        let (woken, began) = match worker.state {
            State::Connecting { woken, since, .. } => (woken, since),
            _ => (false, now),
        };
        worker.state = State::Closed;
        let Err(error) = result else {
            worker.state = State::Idle;
            worker.attempts = Attempts::default();
            worker.was_open = true;
            (worker.since, worker.used) = (now, now);
            worker.staged = false;
            self.width.connected(now.saturating_sub(began));
            if let Some(outage) = self.contact.reached(now) {
                let (replica, attempts) = (self.replica.clone(), outage.attempts);
                let time = now.saturating_sub(outage.since);
                notify(RunEvent::ReachableAgain { replica, time, attempts }, out);
            }
            return Ok(());
        };
        if id >= self.width.most() {
            self.width.lost();
            return Ok(());
        }
        if open > 0 {
            // Continue with the connected workers. The replica may limit the number of connections.
            self.width.refused(open, now);
            return Ok(());
        }
        if error.kind() == Kind::Cancelled {
            return Err(error);
        }
        let verdict = self.policy.not_connected(&mut worker.attempts, was_open, &error);
        let next = verdict.pause.map(|pause| now.saturating_add(pause));
        let attempts = self.contact.failed(&error, now, next);
        let is_end = parting && verdict.pause.is_none() && error.is_connection();
        if verdict.is_new && !is_end {
            let replica = self.replica.clone();
            notify(RunEvent::ConnectFailed { replica, attempts, error: error.clone() }, out);
        }
        if verdict.although_refused {
            notify(RunEvent::TryingAllTheSame, out);
        }
        let Some(pause) = verdict.pause else { return Err(error) };
        if !woken {
            worker.state = State::Pausing(now.saturating_add(pause));
        }
        let server = self.replica.server.clone();
        out.push(Action::Notify(Event::Unreachable { error, server, pause }));
        Ok(())
    }

    /// Handles the end of an attempt at a task. Returns `None` if the worker was only helping, if
    /// the task must wait until another task has ended, or if the worker must connect first.
    pub fn ended(
        &mut self,
        id: WorkerId,
        attempt: Attempt,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Option<Settled> {
        let Attempt { outcome, mut care, session } = attempt;
        // A helper that was not recalled ends when all parts are taken. The task then needs no more
        // help.
        self.offers.retain(|offered| offered.by != id && !offered.helpers.contains(&id));
        self.offers.iter_mut().for_each(|offered| offered.recalled.retain(|other| *other != id));
        self.team.set_session(id, session);
        if let Some(worker) = self.team.0.get_mut(id) {
            worker.used = now;
        }
        if matches!(outcome, Outcome::Lost(_) | Outcome::NotStarted) {
            self.width.lost();
            if self.team.open() == 0 {
                self.contact.dropped();
            }
        }
        let task = self.queue.end(id)?;
        let error = match outcome {
            Outcome::Done(pending) => return Some(Settled::Done(task, pending)),
            Outcome::Stopped(error) => {
                self.queue.put_back(task);
                return Some(Settled::Stopped(error));
            }
            Outcome::PutOff => {
                self.queue.put_off(task);
                return None;
            }
            Outcome::NotStarted => {
                self.queue.put_back(Task { care, ..task });
                return None;
            }
            Outcome::Lost(error) => error,
        };
        if !self.policy.tries_again(&mut care, &error) {
            return Some(Settled::Lost(task, error));
        }
        let kind = error.kind();
        self.queue.put_back(Task { care, again: true, ..task });
        notify(RunEvent::TryingAgain { error }, out);
        Some(Settled::Again(kind))
    }

    /// Returns whether it is time to report again that the replica is unreachable.
    pub fn is_reminder_due(&self, now: Moment) -> bool {
        self.contact.next_reminder().is_some_and(|at| at <= now)
    }

    /// Reports again that the replica is unreachable. `logged` counts the entries that are not in
    /// the queue yet.
    pub fn remind(&mut self, logged: Backlog, now: Moment, out: &mut Vec<Action>) {
        let Some(outage) = self.contact.remind(now) else { return };
        let queued = self.queue.backlog();
        let event = RunEvent::StillUnreachable {
            replica: self.replica.clone(),
            time: now.saturating_sub(outage.since),
            attempts: outage.attempts,
            next: outage.next.map_or(Moment::ZERO, |next| next.saturating_sub(now)),
            backlog: Backlog {
                entries: queued.entries.saturating_add(logged.entries),
                users: queued.users.max(logged.users),
            },
            error: outage.error.clone(),
        };
        notify(event, out);
    }

    /// Returns whether a worker is free and no task is ready for it.
    pub fn is_hungry(&self) -> bool {
        let is_free = |state| matches!(state, State::Closed | State::Idle);
        self.team.0.iter().any(|worker| is_free(worker.state)) && self.queue.startable(1) == 0
    }

    /// Disconnects workers that were idle for at least `age`, except one worker.
    pub fn leave_idle(&mut self, age: Moment, now: Moment, out: &mut Vec<Action>) {
        if self.team.leave_idle(age, now, out) {
            self.width.rest();
        }
    }

    /// Returns when the next action is due even if no input arrives, such as a report or an attempt
    /// to connect.
    pub fn next_turn(&self, now: Moment) -> Option<Moment> {
        let reminder = self.contact.next_reminder();
        let turns = [self.team.next_attempt(), self.next_look(), self.next_stuck(now), reminder];
        turns.into_iter().flatten().min()
    }

    /// Returns whether a worker is idle that may get a task.
    fn has_idle(&self) -> bool {
        let workers = self.team.0.iter().enumerate();
        workers.into_iter().any(|(id, w)| w.state == State::Idle && self.width.admits(id))
    }

    /// Returns when the next worker counts as stuck, so that other workers may take the tasks that
    /// it has reserved. Returns `None` if no task is reserved, or no worker is available.
    fn next_stuck(&self, now: Moment) -> Option<Moment> {
        let is_free = self.has_idle() || self.helpers() > 0;
        let is_waited_for = is_free && self.queue.has_reserved();
        is_waited_for.then(|| self.team.next_stuck(now)).flatten()
    }
}

fn notify(event: RunEvent, out: &mut Vec<Action>) {
    out.push(Action::Notify(event.into()));
}
