//! Runs tasks with the workers of a client.

use std::io::Read;
use std::path::Path;
use std::thread::{self, Builder};

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
use crate::run::outcome::Pending;
use crate::run::plan::OnStep;
use crate::run::real::{Hear, OnSettled, Real};
use crate::run::retry::Retries;
use crate::run::task::Goal;
use crate::run::worker::{Shared, Worker};
use crate::settings::{Jobs, RetryPolicy};

/// The workers of a client, and the data that the workers share. A worker is one session with the
/// replica.
pub(super) struct Runner {
    pub shared: Shared,
    /// The workers, at least one.
    pub workers: Vec<Worker>,
    /// The number of workers, fixed or automatic.
    pub jobs: Jobs,
    /// How to retry after a connection was lost. `None` for a single attempt.
    pub reconnect: Option<RetryPolicy>,
}

impl Runner {
    /// Returns the default parameters of a batch of tasks.
    pub fn rules(&self) -> Rules {
        Rules {
            policy: Retries {
                connect: None,
                reconnect: self.reconnect,
                again: true,
                config_ends: false,
            },
            lost_ends_all: true,
            release: false,
            connect: false,
            jobs: self.jobs,
            open: self.workers.first().and_then(Worker::open),
        }
    }

    /// Runs one task. Fails if any part of it fails.
    pub fn one(&mut self, goal: Goal) -> Result<()> {
        let mut ended = Ok(());
        let mut settled = |_: &Goal, pending| ended = result(pending);
        self.batch(Box::new([goal].into_iter()), self.rules(), None, &mut settled)?;
        ended
    }

    /// Runs the tasks for all users and mailboxes whose names begin with `prefix`. With `plan`, the
    /// tasks are only planned.
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
        let mut settled = |goal: &Goal, pending| {
            let result = result(pending);
            each(goal, &result);
            report.add(goal.subject(), result);
        };
        self.batch(Box::new(goals.into_iter()), rules, plan, &mut settled)?;
        unlisted.map_or(Ok(report), Err)
    }

    /// Runs tasks with log entries. With `plan`, the tasks are only planned. Returns the entries
    /// that failed.
    pub fn log(
        &mut self,
        goals: Vec<Goal>,
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
    ) -> Result<Vec<Pending>> {
        let mut left = Vec::new();
        let mut settled = |_: &Goal, mut pending| left.append(&mut pending);
        self.batch(Box::new(goals.into_iter()), rules, plan, &mut settled)?;
        Ok(left)
    }

    /// Reads a log and groups its entries into goals. Invalid lines are reported to the observer.
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

    /// Calls `work` with the real environment. If there are several workers, each gets a thread.
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
        let detail = "the changes of excluded users would be removed from the sync log and lost";
        Err(Error::new(Kind::InvalidArgument, "exclude", pattern.to_string(), detail)
            .with_hint("exclude users only with -A, -u, -m or -s"))
    }

    /// Runs tasks, except excluded ones, and calls `settled` with the result of each. With `plan`,
    /// the tasks are only planned.
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

    /// Replicates, plans or verifies goals, as `manner` says. Excluded goals are skipped.
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

    /// Connects the first worker, unless it is connected already.
    pub fn connect(&mut self) -> Result<()> {
        let first = self.workers.first_mut();
        first.map_or(Ok(()), |worker| worker.connect(&self.shared))
    }

    /// Returns whether any worker is connected.
    pub fn is_open(&self) -> bool {
        self.workers.iter().any(Worker::is_open)
    }

    /// Disconnects all workers. This runs in parallel, because each worker waits for a reply. A
    /// worker for which the system cannot start a thread disconnects in the calling thread.
    pub fn disconnect(&mut self) {
        let mut open = self.workers.iter_mut().filter(|worker| worker.is_open());
        let first = open.next();
        thread::scope(|scope| {
            for worker in open {
                let leave = || worker.disconnect();
                let _ = Builder::new().name("disconnect".into()).spawn_scoped(scope, leave);
            }
            first.into_iter().for_each(Worker::disconnect);
        });
        self.workers.iter_mut().for_each(Worker::disconnect);
    }

    /// Opens the replication cache at `path`, if one is configured and not open yet. All workers
    /// use it.
    pub fn remember(&mut self, path: Option<&Path>) {
        let has_cache = self.workers.iter().any(Worker::has_cache);
        let Some(path) = path.filter(|_| !has_cache) else { return };
        // Hold the global lock while the file is opened. Each later write is made under the lock of
        // a user.
        let held = self.shared.freeze.over();
        match held.and_then(|_held| DiskCache::open(path, &self.shared.settings.server)) {
            Ok(cache) => {
                let cache = SharedCache::new(cache);
                self.workers.iter_mut().for_each(|worker| worker.set_cache(cache.clone()));
            }
            // The client was asked to stop, so this is not a problem of the cache.
            Err(error) if error.kind() == Kind::Cancelled => {}
            Err(error) => self.shared.observer.event(&RunEvent::NoCache { error }.into()),
        }
    }
}

/// Returns the result of a task that is not from a log: its first failure, if there is one.
pub(super) fn result(pending: Vec<Pending>) -> Result<()> {
    pending.into_iter().next().map_or(Ok(()), |pending| Err(pending.error))
}
