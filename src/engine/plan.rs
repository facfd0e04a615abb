//! Plans: what would be done, and why, without doing it.

use std::io::Read;
use std::path::Path;

use super::Client;
use crate::error::{Error, Kind, Result};
use crate::events::{Observer, PlanCollector, PlannedStep};
use crate::names::Namespace;
use crate::replica::{Answer, Direct, Dry, Replica};
use crate::rolling::run::{Run, Undone};
use crate::rolling::work;
use crate::schedule::{self, Interrupted, Report, Unit};
use crate::sync::{Master, Staged, Syncer};
use crate::types::{MailboxState, MboxName};

/// Said where renames come first: what they lead to shows only when they are done.
const AFTER_RENAMES: &str = "what else differs shows when the renames are done";

/// Takes a step of a plan.
pub type OnStep<'p> = dyn FnMut(&PlannedStep) + 'p;

impl Client {
    /// Tells what [`Client::process_log`] would do with a log, and does none of it: the replica is
    /// asked and not told. Locks are taken as they would be. Which message files would go is not
    /// known, for a replica can be asked that only by having it reserve them. Steps are told part
    /// by part. Gives back what cannot be planned.
    ///
    /// # Errors
    /// As [`Client::process_log`].
    pub fn plan(&mut self, log: impl Read, each: &mut OnStep<'_>) -> Result<Vec<Undone>> {
        let items = self.read_log(log, Path::new("plan"))?;
        let mut undone = Vec::new();
        for part in work::parts(items, &self.namespace) {
            let (result, renamed) = self.with_planner(each, |syncer, names, observer| {
                Run::part(syncer, names, observer, &part)
            })?;
            let mut left = result?;
            left.retain(|undone| !(renamed && undone.error.kind() == Kind::Changed));
            undone.append(&mut left);
        }
        Ok(undone)
    }

    /// As [`Client::plan`], for what [`Client::sync_all`] would do.
    ///
    /// # Errors
    /// As [`Client::sync_all`], but a connection that is lost is not made anew.
    pub fn plan_all(
        &mut self,
        prefix: &[u8],
        each: &mut OnStep<'_>,
        ended: &mut dyn FnMut(&Unit, &Result<()>),
    ) -> Result<Report> {
        let mut report = Report::default();
        let (units, unlisted) = schedule::all_units(self.store.as_ref(), &self.namespace, prefix);
        for unit in units {
            // One by one: the steps of each come with it.
            let mut result = Ok(());
            let (run, renamed) = self.with_planner(each, |syncer, _, _| {
                let mut none = Report::default();
                schedule::run(syncer, [unit.clone()], &mut none, &mut |_, ended| {
                    if let Err(error) = ended {
                        result = Err(error.clone());
                    }
                })
            })?;
            if let Err(Interrupted { error, .. }) = run {
                return Err(error);
            }
            if renamed && result.as_ref().is_err_and(|error: &Error| error.kind() == Kind::Changed)
            {
                result = Ok(());
            }
            report.ended(&unit, &result, ended);
        }
        unlisted.map_or(Ok(report), Err)
    }

    /// Lets `work` have a syncer that changes nothing. Also tells whether renames come first.
    fn with_planner<T>(
        &mut self,
        each: &mut OnStep<'_>,
        work: impl FnOnce(&mut Syncer<'_>, &Namespace, &dyn Observer) -> T,
    ) -> Result<(T, bool)> {
        self.connect()?;
        let Some(session) = self.session.as_mut() else {
            return Err(Error::new(Kind::Internal, "use", "connection", "there is none"));
        };
        let collector = PlanCollector::new(self.observer.clone());
        let mut dry = Dry::new(session);
        let mut staged = Staged::default();
        let mut nobody = Nobody(Direct::new(Nods));
        let mut syncer = Syncer::new(
            self.store.as_ref(),
            &self.namespace,
            &mut dry,
            &self.settings,
            &collector,
            &self.cancel,
            &mut staged,
        )
        .with_master(Some(&mut nobody));
        let result = work(&mut syncer, &self.namespace, &collector);
        let renamed = dry.take_renamed();
        collector.take().steps.iter().for_each(&mut *each);
        if renamed {
            each(&PlannedStep::remark(AFTER_RENAMES));
        }
        Ok((result, renamed))
    }
}

/// A master that says yes and does nothing.
struct Nobody(Direct<Nods>);

struct Nods;

impl Answer for Nods {
    fn answer(&mut self, _: &[u8]) -> Result<Vec<u8>> {
        Ok(b"OK success\r\n".to_vec())
    }
}

impl Master for Nobody {
    fn server(&mut self, _: &MailboxState) -> Result<&mut dyn Replica> {
        Ok(&mut self.0)
    }

    fn changed(&mut self, _: &MboxName) -> Result<()> {
        Ok(())
    }

    fn broken(&mut self) {}
}
