//! Plans: what would be done, and why, without doing it.

use std::io::Read;

use super::Client;
use super::runner::Runner;
use crate::error::Result;
use crate::events::Report;
use crate::run::batch::Rules;
use crate::run::outcome::Undone;
use crate::run::plan::OnStep;
use crate::run::retry::RetryPolicy;
use crate::run::task::Goal;

impl Client {
    /// Tells what [`Client::process_log`] would do with a log, and does none of it: the replica is
    /// asked and not told. Locks are taken as they would be. Which message files would go is not
    /// known, for a replica can be asked that only by having it reserve them. Steps are told task
    /// by task. Gives back what cannot be planned.
    ///
    /// # Errors
    /// As [`Client::process_log`], but a connection that is lost is not made again.
    pub fn plan(&mut self, log: impl Read, each: &mut OnStep<'_>) -> Result<Vec<Undone>> {
        let goals = self.runner.goals_of(log, "plan")?;
        let rules = plan_rules(&self.runner);
        self.runner.log(goals, rules, Some(each))
    }

    /// As [`Client::plan`], for what [`Client::sync_all`] would do.
    ///
    /// # Errors
    /// As [`Client::sync_all`], but a connection that is lost is not made again.
    pub fn plan_all(
        &mut self,
        prefix: &[u8],
        each: &mut OnStep<'_>,
        ended: &mut dyn FnMut(&Goal, &Result<()>),
    ) -> Result<Report> {
        let rules = plan_rules(&self.runner);
        self.runner.everything(prefix, rules, Some(each), ended)
    }
}

fn plan_rules(runner: &Runner) -> Rules {
    let policy = RetryPolicy { connect: None, reconnect: None, again: false };
    Rules { policy, ..runner.rules() }
}
