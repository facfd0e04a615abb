//! The real world: one worker, the system's clock, its notice of changed files, and
//! [`Cancel`].

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::env::Env;
use super::log::watch::Watch;
use super::outcome::Undone;
use super::plan::{self, OnStep};
use super::step::{Asked, Input, Moment, Wait, Work};
use super::task::{Goal, WorkerId};
use super::worker::{Shared, Worker};
use crate::events::Event;
use crate::sync::{Cancel, Waited};

/// Longest wait without a look at the clock.
const LONGEST: Moment = Moment::from_secs(24 * 3600);

/// Takes the final outcome of a task.
pub type OnSettled<'c> = dyn FnMut(&Goal, Vec<Undone>) + 'c;

/// What only rolling replication has.
pub struct RollingEnv {
    /// Tells that something was logged.
    pub watch: Watch,
    /// A file that asks for the end by being there.
    pub shutdown_file: Option<PathBuf>,
}

/// The real world of one client.
pub struct Real<'c> {
    shared: &'c Shared,
    worker: &'c mut Worker,
    /// Who hears what would be done for a task, which is not done then.
    plan: Option<&'c mut OnStep<'c>>,
    settled: &'c mut OnSettled<'c>,
    rolling: Option<RollingEnv>,
    begin: Instant,
    happened: VecDeque<Input>,
    asked: Signals,
}

/// What was passed on of what others ask for.
struct Signals {
    cancel: Cancel,
    wakes: u32,
    stop: bool,
    file: bool,
}

impl Signals {
    /// What somebody asks for that was not passed on yet, the strongest first.
    fn next(&mut self, shutdown_file: Option<&Path>) -> Option<Asked> {
        if !self.file && shutdown_file.is_some_and(Path::exists) {
            self.file = true;
            return Some(Asked::ShutdownFile);
        }
        if !self.stop && self.cancel.is_finishing() {
            self.stop = true;
            return Some(Asked::Stop);
        }
        let wakes = self.cancel.nudges();
        if self.wakes != wakes {
            self.wakes = wakes;
            return Some(Asked::WakeUp);
        }
        None
    }
}

impl<'c> Real<'c> {
    /// The world of a batch. With `plan` nothing is done.
    pub fn new(
        shared: &'c Shared,
        worker: &'c mut Worker,
        plan: Option<&'c mut OnStep<'c>>,
        settled: &'c mut OnSettled<'c>,
    ) -> Real<'c> {
        let cancel = shared.cancel.clone();
        let asked = Signals { wakes: cancel.nudges(), cancel, stop: false, file: false };
        let (begin, happened) = (Instant::now(), VecDeque::new());
        Real { shared, worker, plan, settled, rolling: None, begin, happened, asked }
    }

    /// The same where the channel's log is watched.
    #[must_use]
    pub fn rolling(self, rolling: RollingEnv) -> Real<'c> {
        Real { rolling: Some(rolling), ..self }
    }

    /// Waits. Returns `None` if somebody asks for something.
    fn wait(&mut self, wait: Wait) -> Option<Input> {
        let left = |until: Moment| until.saturating_sub(self.begin.elapsed());
        let time = wait.until.map_or(LONGEST, left);
        let (cancel, wakes) = (&self.asked.cancel, self.asked.wakes);
        let waited = match &mut self.rolling {
            Some(rolling) if wait.log => rolling.watch.wait(time, cancel, wakes),
            _ => cancel.wait_for(None, time, wakes),
        };
        match waited {
            None => Some(Input::Logged),
            Some(Waited::Over) => Some(Input::TimeOver),
            Some(Waited::Nudged | Waited::Stop) => None,
        }
    }
}

impl Env for Real<'_> {
    fn now(&mut self) -> Moment {
        self.begin.elapsed()
    }

    fn connect(&mut self, worker: WorkerId) {
        let result = self.worker.connect(self.shared);
        self.happened.push_back(Input::Connected(worker, result));
    }

    fn run(&mut self, worker: WorkerId, work: Work) {
        let attempt = match &mut self.plan {
            Some(each) => plan::plan(self.shared, self.worker, work, *each),
            None => self.worker.run(self.shared, work),
        };
        self.happened.push_back(Input::Ended(worker, attempt));
    }

    fn release(&mut self, worker: WorkerId) {
        let result = self.worker.release(self.shared);
        self.happened.push_back(Input::Released(worker, result));
    }

    fn next(&mut self, wait: Wait) -> Input {
        loop {
            let rolling = self.rolling.as_ref();
            let file = rolling.and_then(|rolling| rolling.shutdown_file.as_deref());
            if let Some(asked) = self.asked.next(file) {
                return Input::Asked(asked);
            }
            if let Some(input) = self.happened.pop_front() {
                return input;
            }
            if let Some(input) = self.wait(wait) {
                return input;
            }
        }
    }

    fn tell(&mut self, event: &Event) {
        self.shared.observer.event(event);
    }

    fn settled(&mut self, goal: &Goal, undone: Vec<Undone>) {
        (self.settled)(goal, undone);
    }
}
