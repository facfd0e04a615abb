//! The workers of an executor, and what each of them is at. Pure.

use std::time::Duration;

use super::outcome::SessionState;
use super::retry::Attempts;
use super::step::{Action, Moment};
use super::task::WorkerId;

/// After that time others take what a worker has asked the replica for and is too busy to use.
const STUCK: Duration = Duration::from_millis(100);

/// What a worker is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
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
pub struct Worker {
    /// What it is at.
    pub state: State,
    /// Attempts to connect.
    pub attempts: Attempts,
    /// Whether there was a connection before.
    pub was_open: bool,
    /// Since when there is a connection, or the replica last released its staged files.
    pub since: Moment,
    /// When it began with its task, or last had something to do.
    pub used: Moment,
    /// Whether the replica keeps staged files.
    pub staged: bool,
}

impl Worker {
    fn new(is_open: bool) -> Worker {
        Worker {
            state: if is_open { State::Idle } else { State::Closed },
            attempts: Attempts::default(),
            was_open: is_open,
            since: Moment::ZERO,
            used: Moment::ZERO,
            staged: false,
        }
    }

    /// Whether there is a connection.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Idle | State::Running | State::Releasing)
    }

    /// Whether there will be a connection, or another attempt to make one.
    pub fn is_coming(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Pausing(_))
    }

    /// Whether it is busy for so long that others may take what it has asked for.
    pub fn is_stuck(&self, now: Moment) -> bool {
        self.state != State::Running || now.saturating_sub(self.used) >= STUCK
    }

    /// Begins to connect.
    pub fn connect(&mut self, since: Moment) {
        self.state = State::Connecting { woken: false, abandoned: false, since };
    }
}

/// All workers.
#[derive(Debug)]
pub struct Team(pub Vec<Worker>);

impl Team {
    /// So many, of which the first may be connected.
    pub fn new(most: usize, is_open: bool) -> Team {
        Team((0..most).map(|id| Worker::new(is_open && id == 0)).collect())
    }

    /// How many are connected.
    pub fn open(&self) -> usize {
        self.0.iter().filter(|worker| worker.is_open()).count()
    }

    /// How many of the first `own` are connected, or will be.
    pub fn connected(&self, own: usize) -> usize {
        let own = self.0.iter().take(own);
        own.filter(|worker| worker.is_open() || worker.is_coming()).count()
    }

    /// When the next busy worker is busy for so long.
    pub fn next_stuck(&self, now: Moment) -> Option<Moment> {
        let busy = self.0.iter().filter(|worker| worker.state == State::Running);
        busy.map(|worker| worker.used.saturating_add(STUCK)).filter(|at| *at > now).min()
    }

    /// How many there will be that are not connected yet.
    pub fn coming(&self) -> usize {
        self.0.iter().filter(|worker| worker.is_coming()).count()
    }

    /// Gives up connections on their way that nobody needs any more, as long as there is another.
    pub fn abandon(&mut self, out: &mut Vec<Action>) {
        if self.open() == 0 {
            return;
        }
        for (id, worker) in self.0.iter_mut().enumerate() {
            if let State::Connecting { abandoned: abandoned @ false, .. } = &mut worker.state {
                *abandoned = true;
                out.push(Action::Abandon(id));
            }
        }
    }

    /// Has workers say goodbye that had nothing to do for so long, but for one. Says
    /// whether there is no other now.
    pub fn leave_idle(&mut self, age: Moment, now: Moment, out: &mut Vec<Action>) -> bool {
        let mut open = self.open();
        for (id, worker) in self.0.iter_mut().enumerate().rev() {
            let is_old = now.saturating_sub(worker.used) >= age;
            if worker.state == State::Idle && is_old && open > 1 {
                worker.state = State::Closed;
                worker.staged = false;
                open -= 1;
                out.push(Action::Leave(id));
            }
        }
        open <= 1
    }

    /// When a worker will have had nothing to do for so long that it may go.
    pub fn next_leave(&self, age: Moment) -> Option<Moment> {
        if self.open() <= 1 {
            return None;
        }
        let idle = self.0.iter().filter(|worker| worker.state == State::Idle);
        idle.map(|worker| worker.used.saturating_add(age)).min()
    }

    /// Ends pauses between attempts to connect that are over. Comes first in each step, or
    /// [`Team::next_attempt`] would stay in the past.
    pub fn end_pauses(&mut self, now: Moment) {
        for worker in &mut self.0 {
            if matches!(worker.state, State::Pausing(until) if until <= now) {
                worker.state = State::Closed;
            }
        }
    }

    /// What a worker's session is like after it was used.
    pub fn set_session(&mut self, id: WorkerId, session: SessionState) {
        let Some(worker) = self.0.get_mut(id) else { return };
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

    /// The same for a session that was used for so long. Returns whose it is.
    pub fn release_older(
        &mut self,
        age: Moment,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Option<WorkerId> {
        let is_old = |worker: &Worker| now.saturating_sub(worker.since) >= age;
        let (id, worker) = self.release_if(is_old, out)?;
        worker.since = now;
        Some(id)
    }

    fn release_if(
        &mut self,
        matches: impl Fn(&Worker) -> bool,
        out: &mut Vec<Action>,
    ) -> Option<(WorkerId, &mut Worker)> {
        let mut workers = self.0.iter_mut().enumerate();
        let (id, worker) = workers.find(|(_, w)| w.state == State::Idle && matches(w))?;
        worker.state = State::Releasing;
        out.push(Action::Release(id));
        Some((id, worker))
    }

    /// The replica released the staged files of a worker; without success the session is over.
    pub fn released(&mut self, id: WorkerId, is_released: bool) {
        let session = SessionState::Open { staged: false };
        self.set_session(id, if is_released { session } else { SessionState::Gone });
    }

    /// Ends all pauses between attempts to connect, that after one under way too.
    pub fn wake(&mut self) {
        for worker in &mut self.0 {
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
        self.0.iter().all(|worker| rests(worker.state))
    }

    /// Whether a worker waits for a pause between attempts to connect to end.
    pub fn is_pausing(&self) -> bool {
        self.0.iter().any(|worker| matches!(worker.state, State::Pausing(_)))
    }

    /// When the earliest pause between attempts to connect ends.
    pub fn next_attempt(&self) -> Option<Moment> {
        let pauses = self.0.iter().filter_map(|worker| match worker.state {
            State::Pausing(until) => Some(until),
            _ => None,
        });
        pauses.min()
    }

    /// When the oldest session of a worker that has nothing to do is that old.
    pub fn next_release(&self, age: Moment) -> Option<Moment> {
        let idle = self.0.iter().filter(|worker| worker.state == State::Idle);
        idle.map(|worker| worker.since.saturating_add(age)).min()
    }
}
