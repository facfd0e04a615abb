//! The workers of an executor and their states. Pure: no I/O, no clock.

use std::time::Duration;

use super::outcome::SessionState;
use super::retry::Attempts;
use super::step::{Action, Moment};
use super::task::WorkerId;

/// A worker is stuck if its task takes this long. Other workers may then take the users that it has
/// reserved.
const STUCK: Duration = Duration::from_millis(100);

/// The state of a worker. A worker is one session with the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The worker has no connection.
    Closed,
    /// The worker is connecting.
    Connecting {
        /// Whether to skip the pause if this attempt fails.
        woken: bool,
        /// Whether the attempt was cancelled, because the connection is not needed.
        abandoned: bool,
        /// When the attempt began.
        since: Moment,
    },
    /// The worker has no connection, and makes no attempt to connect before this time.
    Pausing(Moment),
    /// The worker is connected and has no task.
    Idle,
    /// The worker runs a task, or helps with one.
    Running,
    /// The worker tells the replica to release its staged files.
    Releasing,
}

/// A worker, as the executor sees it.
#[derive(Debug)]
pub struct Worker {
    /// The current state.
    pub state: State,
    /// The failed attempts to connect since the last success.
    pub attempts: Attempts,
    /// Whether the worker has ever been connected.
    pub was_open: bool,
    /// When the connection was made, or when the replica last released its staged files.
    pub since: Moment,
    /// When the worker was connected, or its task began or ended, whichever is latest.
    pub used: Moment,
    /// Whether the replica has staged files for it.
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

    /// Returns whether the worker is connected.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Idle | State::Running | State::Releasing)
    }

    /// Returns whether the worker is connecting, or waits to try again.
    pub fn is_coming(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Pausing(_))
    }

    /// Returns whether other workers may take the users that this worker has reserved: it has been
    /// busy for [`STUCK`], or is not running a task.
    pub fn is_stuck(&self, now: Moment) -> bool {
        self.state != State::Running || now.saturating_sub(self.used) >= STUCK
    }

    /// Records that the worker starts to connect at time `since`.
    pub fn connect(&mut self, since: Moment) {
        self.state = State::Connecting { woken: false, abandoned: false, since };
    }
}

/// All workers.
#[derive(Debug)]
pub struct Team(pub Vec<Worker>);

impl Team {
    /// Makes `most` workers. `is_open` is whether the first of them is connected.
    pub fn new(most: usize, is_open: bool) -> Team {
        Team((0..most).map(|id| Worker::new(is_open && id == 0)).collect())
    }

    /// Returns how many workers are connected.
    pub fn open(&self) -> usize {
        self.0.iter().filter(|worker| worker.is_open()).count()
    }

    /// Returns how many of the first `own` workers are connected or connecting. These have a
    /// connection of their own.
    pub fn connected(&self, own: usize) -> usize {
        let own = self.0.iter().take(own);
        own.filter(|worker| worker.is_open() || worker.is_coming()).count()
    }

    /// Returns when the next busy worker counts as stuck.
    pub fn next_stuck(&self, now: Moment) -> Option<Moment> {
        let busy = self.0.iter().filter(|worker| worker.state == State::Running);
        busy.map(|worker| worker.used.saturating_add(STUCK)).filter(|at| *at > now).min()
    }

    /// Returns how many workers are connecting.
    pub fn coming(&self) -> usize {
        self.0.iter().filter(|worker| worker.is_coming()).count()
    }

    /// Cancels all attempts to connect, if a worker is connected.
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

    /// Disconnects workers that were idle for at least `age`, except one worker. Returns whether at
    /// most one worker is still connected.
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

    /// Returns when a worker will next have been idle for `age`. Returns `None` if at most one
    /// worker is connected.
    pub fn next_leave(&self, age: Moment) -> Option<Moment> {
        if self.open() <= 1 {
            return None;
        }
        let idle = self.0.iter().filter(|worker| worker.state == State::Idle);
        idle.map(|worker| worker.used.saturating_add(age)).min()
    }

    /// Ends the pauses between attempts to connect that are over at time `now`. Each step of a
    /// state machine must call this first. Otherwise [`Team::next_attempt`] would return a time in
    /// the past.
    pub fn end_pauses(&mut self, now: Moment) {
        for worker in &mut self.0 {
            if matches!(worker.state, State::Pausing(until) if until <= now) {
                worker.state = State::Closed;
            }
        }
    }

    /// Sets the state of a worker after its session was used.
    pub fn set_session(&mut self, id: WorkerId, session: SessionState) {
        let Some(worker) = self.0.get_mut(id) else { return };
        (worker.state, worker.staged) = match session {
            SessionState::Gone => (State::Closed, false),
            SessionState::Open { staged } => (State::Idle, staged),
        };
    }

    /// Makes an idle worker with staged files tell the replica to release them. Returns whether
    /// there was such a worker.
    pub fn release_staged(&mut self, out: &mut Vec<Action>) -> bool {
        self.release_if(|worker| worker.staged, out).is_some()
    }

    /// Makes an idle worker tell the replica to release staged files, if its session is at least
    /// this old or has not released files for this long. Returns this worker.
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

    /// Records that a worker requested the replica to release its staged files. If this failed, the
    /// session is lost.
    pub fn released(&mut self, id: WorkerId, is_released: bool) {
        let session = SessionState::Open { staged: false };
        self.set_session(id, if is_released { session } else { SessionState::Gone });
    }

    /// Ends all pauses between attempts to connect. An attempt that fails now is not followed by a
    /// pause.
    pub fn wake(&mut self) {
        for worker in &mut self.0 {
            match &mut worker.state {
                State::Connecting { woken, .. } => *woken = true,
                State::Pausing(_) => worker.state = State::Closed,
                _ => {}
            }
        }
    }

    /// Returns whether no worker is connecting, running a task or releasing files.
    pub fn is_at_rest(&self) -> bool {
        let rests = |state| matches!(state, State::Closed | State::Idle | State::Pausing(_));
        self.0.iter().all(|worker| rests(worker.state))
    }

    /// Returns whether a worker is in a pause between attempts to connect.
    pub fn is_pausing(&self) -> bool {
        self.0.iter().any(|worker| matches!(worker.state, State::Pausing(_)))
    }

    /// Returns when the first pause between attempts to connect ends.
    pub fn next_attempt(&self) -> Option<Moment> {
        let pauses = self.0.iter().filter_map(|worker| match worker.state {
            State::Pausing(until) => Some(until),
            _ => None,
        });
        pauses.min()
    }

    /// Returns when an idle worker's session next reaches this age. The age counts from the last
    /// release of staged files.
    pub fn next_release(&self, age: Moment) -> Option<Moment> {
        let idle = self.0.iter().filter(|worker| worker.state == State::Idle);
        idle.map(|worker| worker.since.saturating_add(age)).min()
    }
}
