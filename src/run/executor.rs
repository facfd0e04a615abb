//! Hands tasks to workers and deals with lost connections, for every mode. Pure.

use super::outcome::{Attempt, Outcome, SessionState, Undone};
use super::queue::Queue;
use super::retry::{Attempts, RetryPolicy};
use super::step::{Action, Moment};
use super::task::{Task, WorkerId};
use super::width::Width;
use crate::error::{Error, Kind, Result};
use crate::events::{Event, RunEvent};
use crate::settings::Jobs;

/// What a worker is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no connection.
    Closed,
    /// A connection is being made.
    Connecting {
        /// Whether somebody wants no pause after it.
        woken: bool,
        /// Whether nobody needs it any more.
        abandoned: bool,
        /// Since when.
        since: Moment,
    },
    /// There is no connection before then.
    Pausing(Moment),
    /// There is a connection with nothing to do.
    Idle,
    /// A task is being carried out.
    Running,
    /// The replica is told to release its staged files.
    Releasing,
}

/// A worker, as the executor knows it.
#[derive(Debug)]
struct Worker {
    state: State,
    attempts: Attempts,
    /// Whether there was a connection before.
    was_open: bool,
    /// Since when there is a connection, or the replica last released its staged files.
    since: Moment,
    /// When it last had something to do.
    used: Moment,
    /// Whether the replica keeps staged files.
    staged: bool,
}

/// How a task ended that is not tried again at once.
#[derive(Debug)]
pub enum Settled {
    /// It came to its end, with what could not be done.
    Done(Task, Vec<Undone>),
    /// The connection was lost over it for the last time.
    Lost(Task, Error),
    /// It goes on over a new connection; so it was lost.
    Again(Kind),
    /// It was asked to stop; the task is still there.
    Stopped(Error),
}

/// Tasks and workers.
#[derive(Debug)]
pub struct Executor {
    /// The tasks.
    pub queue: Queue,
    workers: Vec<Worker>,
    /// How many of them may be connected.
    width: Width,
    /// Whether it was asked how much has been done.
    is_measuring: bool,
    policy: RetryPolicy,
    /// The replica's name.
    server: String,
}

impl Executor {
    /// An executor for the replica `server`. `open` tells whether its first worker is connected.
    pub fn new(jobs: Jobs, open: bool, policy: RetryPolicy, server: &str) -> Executor {
        let width = Width::new(jobs);
        let worker = |id| Worker {
            state: if open && id == 0 { State::Idle } else { State::Closed },
            attempts: Attempts::default(),
            was_open: open && id == 0,
            since: Moment::ZERO,
            used: Moment::ZERO,
            staged: false,
        };
        Executor {
            queue: Queue::default(),
            workers: (0..width.most()).map(worker).collect(),
            width,
            is_measuring: false,
            policy,
            server: server.to_owned(),
        }
    }

    /// As many workers as there may ever be.
    pub fn most(&self) -> usize {
        self.workers.len()
    }

    /// Begins with all that can be begun with.
    pub fn dispatch(&mut self, now: Moment, out: &mut Vec<Action>) {
        for (id, worker) in self.workers.iter_mut().enumerate() {
            if worker.state == State::Idle
                && let Some(work) = self.queue.start(id)
            {
                worker.state = State::Running;
                out.push(Action::Run(id, work));
            }
        }
        self.connect_for_ready(now, out);
        if self.next_look().is_some_and(|look| look <= now) {
            self.is_measuring = true;
            out.push(Action::Measure);
        }
    }

    /// Connects workers for tasks that nobody else can begin with.
    fn connect_for_ready(&mut self, now: Moment, out: &mut Vec<Action>) {
        let is_coming = |worker: &&Worker| worker.is_coming();
        let coming = self.workers.iter().filter(is_coming).count();
        let open = self.open();
        // One at a time at first, for a replica that cannot be reached by one is reached by none.
        let limit = if open == 0 { 1 } else { self.width.limit() };
        let room = limit.saturating_sub(open + coming);
        let waiting = self.queue.startable(self.workers.len()).saturating_sub(coming);
        let closed = self.workers.iter_mut().enumerate().filter(|(_, w)| w.state == State::Closed);
        for (id, worker) in closed.take(room.min(waiting)) {
            worker.state = State::connecting(now);
            out.push(Action::Connect(id));
        }
    }

    /// Workers that are connected.
    fn open(&self) -> usize {
        self.workers.iter().filter(|worker| worker.is_open()).count()
    }

    /// When to look whether more workers are wanted. They are not as long as those that there are
    /// have the time.
    pub fn next_look(&self) -> Option<Moment> {
        let rests = |worker: &Worker| worker.is_coming() || worker.state == State::Idle;
        if self.is_measuring || self.workers.iter().any(rests) || self.queue.startable(1) == 0 {
            return None;
        }
        self.width.next_look()
    }

    /// So much has been done by now.
    pub fn measured(&mut self, done: u64, now: Moment) {
        self.is_measuring = false;
        self.width.measured(done, now);
    }

    /// Gives up connections on their way that nobody needs any more, as long as there is another.
    pub fn abandon(&mut self, out: &mut Vec<Action>) {
        if self.open() == 0 {
            return;
        }
        for (id, worker) in self.workers.iter_mut().enumerate() {
            if let State::Connecting { abandoned: abandoned @ false, .. } = &mut worker.state {
                *abandoned = true;
                out.push(Action::Abandon(id));
            }
        }
    }

    /// Has workers say goodbye that had nothing to do for so long, but for one.
    pub fn leave_idle(&mut self, age: Moment, now: Moment, out: &mut Vec<Action>) {
        let mut open = self.open();
        for (id, worker) in self.workers.iter_mut().enumerate().rev() {
            let is_old = now.saturating_sub(worker.used) >= age;
            if worker.state == State::Idle && is_old && open > 1 {
                worker.state = State::Closed;
                worker.staged = false;
                open -= 1;
                out.push(Action::Leave(id));
            }
        }
        if open <= 1 {
            self.width.rest();
        }
    }

    /// When a worker will have had nothing to do for so long that it may go.
    pub fn next_leave(&self, age: Moment) -> Option<Moment> {
        if self.open() <= 1 {
            return None;
        }
        let idle = self.workers.iter().filter(|worker| worker.state == State::Idle);
        idle.map(|worker| worker.used.saturating_add(age)).min()
    }

    /// Connects the first worker, without a task. Returns whether it is connected.
    pub fn connect_first(&mut self, now: Moment, out: &mut Vec<Action>) -> bool {
        let Some(worker) = self.workers.first_mut() else { return true };
        match worker.state {
            State::Closed => {
                worker.state = State::connecting(now);
                out.push(Action::Connect(0));
                false
            }
            State::Connecting { .. } | State::Pausing(_) => false,
            _ => true,
        }
    }

    /// Ends pauses between attempts to connect that are over. Comes first in each step, or
    /// [`Executor::next_attempt`] would stay in the past.
    pub fn end_pauses(&mut self, now: Moment) {
        for worker in &mut self.workers {
            if matches!(worker.state, State::Pausing(until) if until <= now) {
                worker.state = State::Closed;
            }
        }
    }

    /// An attempt to connect ended.
    ///
    /// # Errors
    /// If it is not tried again.
    pub fn connected(
        &mut self,
        id: WorkerId,
        result: Result<()>,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Result<()> {
        let open = self.open();
        let Some(worker) = self.workers.get_mut(id) else { return Ok(()) };
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
            return Ok(());
        };
        if open > 0 {
            // Those that there are do the work: a replica need not take as many as we would like.
            self.width.refused(open, now);
            return Ok(());
        }
        if error.kind() == Kind::Cancelled {
            return Err(error);
        }
        let verdict = self.policy.not_connected(&mut worker.attempts, worker.was_open, &error);
        if verdict.is_new {
            tell(RunEvent::ConnectFailed { error: error.clone() }, out);
        }
        if verdict.although_refused {
            tell(RunEvent::TryingAllTheSame, out);
        }
        let Some(pause) = verdict.pause else { return Err(error) };
        if !woken {
            worker.state = State::Pausing(now.saturating_add(pause));
        }
        let server = self.server.clone();
        out.push(Action::Tell(Event::Unreachable { error, server, pause }));
        Ok(())
    }

    /// An attempt at a task ended. Returns `None` if the worker had none.
    pub fn ended(
        &mut self,
        id: WorkerId,
        attempt: Attempt,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Option<Settled> {
        let Attempt { outcome, mut care, session } = attempt;
        self.set_session(id, session);
        if let Some(worker) = self.workers.get_mut(id) {
            worker.used = now;
        }
        let task = self.queue.end(id)?;
        let error = match outcome {
            Outcome::Done(undone) => return Some(Settled::Done(task, undone)),
            Outcome::Stopped(error) => {
                self.queue.put_back(task);
                return Some(Settled::Stopped(error));
            }
            Outcome::Lost(error) => error,
        };
        if !self.policy.tries_again(&mut care, &error) {
            return Some(Settled::Lost(task, error));
        }
        let kind = error.kind();
        self.queue.put_back(Task { care, again: true, ..task });
        tell(RunEvent::TryingAgain { error }, out);
        Some(Settled::Again(kind))
    }

    fn set_session(&mut self, id: WorkerId, session: SessionState) {
        let Some(worker) = self.workers.get_mut(id) else { return };
        (worker.state, worker.staged) = match session {
            SessionState::Gone => (State::Closed, false),
            SessionState::Open { staged } => (State::Idle, staged),
        };
    }

    /// Has the replica release the staged files of a worker that has nothing to do. Returns whether
    /// there was one.
    pub fn release_staged(&mut self, out: &mut Vec<Action>) -> bool {
        self.release_if(|worker| worker.staged, out).is_some()
    }

    /// The same for a session that was used for so long.
    pub fn release_older(&mut self, age: Moment, now: Moment, out: &mut Vec<Action>) -> bool {
        let is_old = |worker: &Worker| now.saturating_sub(worker.since) >= age;
        let Some(worker) = self.release_if(is_old, out) else { return false };
        worker.since = now;
        true
    }

    fn release_if(
        &mut self,
        matches: impl Fn(&Worker) -> bool,
        out: &mut Vec<Action>,
    ) -> Option<&mut Worker> {
        let mut workers = self.workers.iter_mut().enumerate();
        let (id, worker) = workers.find(|(_, w)| w.state == State::Idle && matches(w))?;
        worker.state = State::Releasing;
        out.push(Action::Release(id));
        Some(worker)
    }

    /// The replica released the staged files of a worker; without success the session is over.
    pub fn released(&mut self, id: WorkerId, is_released: bool) {
        let session = SessionState::Open { staged: false };
        self.set_session(id, if is_released { session } else { SessionState::Gone });
    }

    /// Ends all pauses between attempts to connect, that after one under way too.
    pub fn wake(&mut self) {
        for worker in &mut self.workers {
            match &mut worker.state {
                State::Connecting { woken, .. } => *woken = true,
                State::Pausing(_) => worker.state = State::Closed,
                _ => {}
            }
        }
    }

    /// Whether nobody works on anything.
    pub fn is_at_rest(&self) -> bool {
        let rests = |state| matches!(state, State::Closed | State::Idle | State::Pausing(_));
        self.workers.iter().all(|worker| rests(worker.state))
    }

    /// Whether a worker waits for a pause between attempts to connect to end.
    pub fn is_pausing(&self) -> bool {
        self.workers.iter().any(|worker| matches!(worker.state, State::Pausing(_)))
    }

    /// Whether some worker has nothing to do, and nothing that it could begin with.
    pub fn is_hungry(&self) -> bool {
        let is_free = |state| matches!(state, State::Closed | State::Idle);
        self.workers.iter().any(|worker| is_free(worker.state)) && self.queue.startable(1) == 0
    }

    /// When there is something to do although nothing happens.
    pub fn next_turn(&self) -> Option<Moment> {
        self.next_attempt().into_iter().chain(self.next_look()).min()
    }

    /// When the earliest pause between attempts to connect ends.
    pub fn next_attempt(&self) -> Option<Moment> {
        let pauses = self.workers.iter().filter_map(|worker| match worker.state {
            State::Pausing(until) => Some(until),
            _ => None,
        });
        pauses.min()
    }

    /// When the oldest session of a worker that has nothing to do is that old.
    pub fn next_release(&self, age: Moment) -> Option<Moment> {
        let idle = self.workers.iter().filter(|worker| worker.state == State::Idle);
        idle.map(|worker| worker.since.saturating_add(age)).min()
    }
}

impl State {
    fn connecting(since: Moment) -> State {
        State::Connecting { woken: false, abandoned: false, since }
    }
}

impl Worker {
    fn is_open(&self) -> bool {
        matches!(self.state, State::Idle | State::Running | State::Releasing)
    }

    /// Whether there will be a connection, or another attempt to make one.
    fn is_coming(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Pausing(_))
    }
}

fn tell(event: RunEvent, out: &mut Vec<Action>) {
    out.push(Action::Tell(event.into()));
}
