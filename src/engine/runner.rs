//! Has tasks done by the executor.

use std::io::Read;
use std::path::Path;

use crate::error::Result;
use crate::events::{Report, RunEvent};
use crate::run::batch::{Batch, Rules};
use crate::run::cache::DiskCache;
use crate::run::env::Driver;
use crate::run::log::read;
use crate::run::outcome::Undone;
use crate::run::plan::OnStep;
use crate::run::real::{OnSettled, Real};
use crate::run::retry::RetryPolicy;
use crate::run::task::Goal;
use crate::run::worker::{Shared, Worker};
use crate::run::{everything, grouping};
use crate::settings::Persistence;

/// The worker of a client, and what it works with.
pub(super) struct Runner {
    pub shared: Shared,
    pub worker: Worker,
    /// How persistently to connect again.
    pub reconnect: Option<Persistence>,
}

impl Runner {
    /// How a batch works, unless a mode wants something else.
    pub fn rules(&self) -> Rules {
        Rules {
            policy: RetryPolicy { connect: None, reconnect: self.reconnect, again: true },
            lost_ends_all: true,
            release: false,
            connect: false,
            workers: 1,
            is_open: self.worker.is_open(),
        }
    }

    /// Does one task, which fails as a whole.
    pub fn one(&mut self, goal: Goal) -> Result<()> {
        let mut ended = Ok(());
        let mut settled = |_: &Goal, undone| ended = result(undone);
        self.batch(vec![goal], self.rules(), None, &mut settled)?;
        ended
    }

    /// Does all that has names that begin with `prefix`. With `plan` nothing is done.
    pub fn everything(
        &mut self,
        prefix: &[u8],
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
        each: &mut dyn FnMut(&Goal, &Result<()>),
    ) -> Result<Report> {
        let Shared { store, names, .. } = &self.shared;
        let (goals, unlisted) = everything::goals(store.as_ref(), names, prefix);
        let mut report = Report::default();
        let mut settled = |goal: &Goal, undone| {
            let result = result(undone);
            each(goal, &result);
            report.add(goal.subject(), result);
        };
        self.batch(goals, rules, plan, &mut settled)?;
        unlisted.map_or(Ok(report), Err)
    }

    /// Does what a log says. With `plan` nothing is done. Returns what could not be done.
    pub fn log(
        &mut self,
        goals: Vec<Goal>,
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
    ) -> Result<Vec<Undone>> {
        let mut left = Vec::new();
        let mut settled = |_: &Goal, mut undone| left.append(&mut undone);
        self.batch(goals, rules, plan, &mut settled)?;
        Ok(left)
    }

    /// The goals of a log. Lines that are no entries are reported.
    pub fn goals_of(&self, log: impl Read, name: &str) -> Result<Vec<Goal>> {
        let path = Path::new(name);
        let mut garbage = |line, why| {
            let path = path.to_owned();
            self.shared.observer.event(&RunEvent::BadLogLine { path, line, why }.into());
        };
        let entries = read::entries(log, path, &mut garbage)?;
        Ok(grouping::goals(entries, &self.shared.names))
    }

    /// Does tasks, one after the other, and gives how each ended to `settled`.
    pub fn batch(
        &mut self,
        goals: Vec<Goal>,
        rules: Rules,
        plan: Option<&mut OnStep<'_>>,
        settled: &mut OnSettled<'_>,
    ) -> Result<()> {
        let Runner { shared, worker, .. } = self;
        let batch = Batch::new(goals, rules, &shared.names, &shared.settings.server);
        let mut env = Real::new(shared, worker, plan.map(|each| each as _), settled);
        Driver::new(batch).run(&mut env, None)
    }

    /// Remembers what the replica has from now on, beside `path` if there is one.
    pub fn remember(&mut self, path: Option<&Path>) {
        let Some(path) = path.filter(|_| !self.worker.has_cache()) else { return };
        match DiskCache::open(path, &self.shared.settings.server) {
            Ok(cache) => self.worker.set_cache(cache),
            Err(error) => self.shared.observer.event(&RunEvent::NoCache { error }.into()),
        }
    }
}

/// The result of a task that is not one of a log.
fn result(undone: Vec<Undone>) -> Result<()> {
    undone.into_iter().next().map_or(Ok(()), |undone| Err(undone.error))
}
