//! Runs tasks through the executor.

use std::io::Read;
use std::path::Path;
use std::thread;

use crate::error::{Error, Kind, Result};
use crate::events::{Act, Observer, Report, RunEvent};
use crate::run::batch::{Batch, Goals, Rules};
use crate::run::cache::{DiskCache, SharedCache};
use crate::run::env::Driver;
use crate::run::everything::Everything;
use crate::run::exclusion::Exclusion;
use crate::run::grouping;
use crate::run::hands::{Crew, Own};
use crate::run::log::read;
use crate::run::manner::Manner;
use crate::run::outcome::Undone;
use crate::run::plan::OnStep;
use crate::run::real::{Hear, OnSettled, Real};
use crate::run::retry::RetryPolicy;
use crate::run::task::Goal;
use crate::run::worker::{Shared, Worker};
use crate::settings::{Jobs, Persistence};

/// The workers of a client, and the data that they share.
pub(super) struct Runner {
    pub shared: Shared,
    /// The workers, at least one.
    pub workers: Vec<Worker>,
    /// How many may work at once.
    pub jobs: Jobs,
    /// How persistently to connect again.
    pub reconnect: Option<Persistence>,
}

impl Runner {
    /// Returns the rules of a batch, unless a mode needs others.
    pub fn rules(&self) -> Rules {
        Rules {
            policy: RetryPolicy { connect: None, reconnect: self.reconnect, again: true },
            lost_ends_all: true,
            release: false,
            connect: false,
            jobs: self.jobs,
            open: self.workers.first().and_then(Worker::open),
        }
    }

    /// Runs one task, which fails as a whole.
    pub fn one(&mut self, goal: Goal) -> Result<()> {
        let mut ended = Ok(());
        let mut settled = |_: &Goal, undone| ended = result(undone);
        self.batch(Box::new([goal].into_iter()), self.rules(), None, &mut settled)?;
        ended
    }

    /// Runs the tasks for all names that begin with `prefix`. With `plan` nothing is done.
    pub fn everything(
        &mut self,
        prefix: &[u8],
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
        each: &mut dyn FnMut(&Goal, &Result<()>),
    ) -> Result<Report> {
        let Shared { store, names, settings, observer, .. } = &self.shared;
        let everything = Everything::of(store.as_ref(), names, prefix);
        let mut exclusion = Exclusion::new(&settings.exclude, names);
        observer.tally().begin(everything.expected(&mut exclusion));
        let Everything { goals, unlisted, .. } = everything;
        let mut report = Report::default();
        let mut settled = |goal: &Goal, undone| {
            let result = result(undone);
            each(goal, &result);
            report.add(goal.subject(), result);
        };
        self.batch(Box::new(goals.into_iter()), rules, plan, &mut settled)?;
        unlisted.map_or(Ok(report), Err)
    }

    /// Runs the entries of a log. With `plan` nothing is done. Returns the entries that could not
    /// be done.
    pub fn log(
        &mut self,
        goals: Vec<Goal>,
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
    ) -> Result<Vec<Undone>> {
        let mut left = Vec::new();
        let mut settled = |_: &Goal, mut undone| left.append(&mut undone);
        self.batch(Box::new(goals.into_iter()), rules, plan, &mut settled)?;
        Ok(left)
    }

    /// Returns the goals of a log. Lines that are not entries are reported.
    pub fn goals_of(&self, log: impl Read, name: &str) -> Result<Vec<Goal>> {
        self.nothing_is_excluded()?;
        let path = Path::new(name);
        let mut garbage = |line, why| {
            let path = path.to_owned();
            self.shared.observer.event(&RunEvent::BadLogLine { path, line, why }.into());
        };
        let entries = read::entries(log, path, &mut garbage)?;
        Ok(grouping::goals(entries, &self.shared.names))
    }

    /// Runs `work` with the real world, which has a thread for each worker if there are several.
    pub fn with_world<T>(
        &mut self,
        manner: Manner,
        hear: Hear<'_>,
        work: impl FnOnce(&Shared, Real<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let Runner { shared, workers, .. } = self;
        let shared = &*shared;
        match workers.as_mut_slice() {
            [worker] => {
                work(shared, Real::new(shared, Box::new(Own::new(shared, worker, manner)), hear))
            }
            workers => thread::scope(|scope| {
                let crew = Crew::new(scope, shared, workers, manner);
                work(shared, Real::new(shared, Box::new(crew), hear))
            }),
        }
    }

    /// Refuses a sync log if users or mailboxes are excluded.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`].
    pub fn nothing_is_excluded(&self) -> Result<()> {
        let Some(pattern) = self.shared.settings.exclude.first() else { return Ok(()) };
        let detail = "changes that are left out of a sync log would be lost";
        Err(Error::new(Kind::InvalidArgument, "exclude", pattern.to_string(), detail)
            .hint("exclude users from a run over all of them instead (-A, -u, -m, -s)"))
    }

    /// Runs tasks, except the excluded ones, and passes the result of each to `settled`.
    pub fn batch(
        &mut self,
        goals: Goals<'_>,
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
        settled: &mut OnSettled<'_>,
    ) -> Result<()> {
        let (manner, act) = match plan {
            Some(_) => (Manner::Plan, Act::Plan),
            None => (Manner::Do, Act::Replicate),
        };
        let hear = Hear { act, plan: plan.map(|each| each as _), settled };
        self.in_manner(goals, rules, manner, hear)
    }

    /// Makes workers handle tasks in the way of `manner`.
    pub fn in_manner(
        &mut self,
        goals: Goals<'_>,
        rules: Rules,
        manner: Manner,
        hear: Hear<'_>,
    ) -> Result<()> {
        self.with_world(manner, hear, |shared, mut env| {
            let mut exclusion = Exclusion::new(&shared.settings.exclude, &shared.names);
            let goals = Box::new(goals.filter_map(|goal| exclusion.rest(goal)));
            let batch = Batch::new(goals, rules, &shared.names, shared.settings.replica_name());
            Driver::new(batch).run(&mut env, None)?;
            if let Some(event) = exclusion.event() {
                shared.observer.event(&event.into());
            }
            Ok(())
        })
    }

    /// Connects and logs in, unless there is a connection already.
    pub fn connect(&mut self) -> Result<()> {
        let first = self.workers.first_mut();
        first.map_or(Ok(()), |worker| worker.connect(&self.shared))
    }

    /// Whether there is a connection.
    pub fn is_open(&self) -> bool {
        self.workers.iter().any(Worker::is_open)
    }

    /// Disconnects all workers at the same time, since each waits for an answer.
    pub fn disconnect(&mut self) {
        let mut open = self.workers.iter_mut().filter(|worker| worker.is_open());
        let first = open.next();
        thread::scope(|scope| {
            open.for_each(|worker| drop(scope.spawn(|| worker.disconnect())));
            first.into_iter().for_each(Worker::disconnect);
        });
    }

    /// Remembers from now on what the replica has, in a file at `path` if there is one.
    pub fn remember(&mut self, path: Option<&Path>) {
        let has_cache = self.workers.iter().any(Worker::has_cache);
        let Some(path) = path.filter(|_| !has_cache) else { return };
        // Every later write to the file happens under the lock of a user.
        let held = self.shared.freeze.over();
        match held.and_then(|_held| DiskCache::open(path, &self.shared.settings.server)) {
            Ok(cache) => {
                let cache = SharedCache::new(cache);
                self.workers.iter_mut().for_each(|worker| worker.set_cache(cache.clone()));
            }
            Err(error) => self.shared.observer.event(&RunEvent::NoCache { error }.into()),
        }
    }
}

/// Returns the result of a task that does not come from a log.
pub(super) fn result(undone: Vec<Undone>) -> Result<()> {
    undone.into_iter().next().map_or(Ok(()), |undone| Err(undone.error))
}
