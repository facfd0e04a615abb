//! Verification: compares both sides of a task and changes neither.

use parking_lot::Mutex;

use super::outcome::{Attempt, Outcome};
use super::step::Work;
use super::task::Goal;
use super::worker::{Shared, Worker};
use crate::error::{Error, Kind, Result, Subject};
use crate::events::{Observer, VerifyEvent, VerifyTotals};
use crate::replica::Asking;
use crate::sync::verify::{Log, Sample, Scope, Verified, verify};
use crate::sync::{Owners, Pass, Staged};

/// Verifies many tasks and adds up the results.
pub struct Verification {
    /// Which message files to read and compare. `None` for no files.
    sample: Option<Sample>,
    log: Box<dyn Log>,
    totals: Mutex<VerifyTotals>,
}

impl Verification {
    /// Makes a verification without results. `log` finds users whose changes still wait in the sync
    /// log.
    pub fn new(sample: Option<Sample>, log: impl Log + 'static) -> Verification {
        Verification { sample, log: Box::new(log), totals: Mutex::default() }
    }

    /// Returns the results so far.
    pub fn totals(&self) -> VerifyTotals {
        *self.totals.lock()
    }

    /// Counts and reports a user or mailbox that could not be compared.
    pub fn fails(&self, observer: &dyn Observer, subject: Subject, error: Error) {
        self.totals.lock().unknown += 1;
        observer.event(&VerifyEvent::Unknown { subject, error }.into());
    }

    /// Compares both sides of a task. Findings are reported only after the whole task: if its
    /// connection is lost, the task is compared again.
    pub(super) fn check(
        &self,
        shared: &Shared,
        worker: &mut Worker,
        work: Work,
        owners: Option<&dyn Owners>,
    ) -> Attempt {
        let result = self.compare(shared, worker, &work.goal, owners).map(|verified| {
            let Verified { events, totals } = verified;
            self.totals.lock().add(&totals);
            events.into_iter().for_each(|event| shared.observer.event(&event.into()));
            Vec::new()
        });
        Attempt { outcome: Outcome::of(result), care: work.care, session: worker.after_use() }
    }

    fn compare(
        &self,
        shared: &Shared,
        worker: &mut Worker,
        goal: &Goal,
        owners: Option<&dyn Owners>,
    ) -> Result<Verified> {
        let scope = match goal {
            Goal::User(user) => Scope::User(user),
            Goal::Meta(user) => Scope::Meta(user),
            Goal::Mailboxes(names) => Scope::Mailboxes(names),
            Goal::Annotations(None) => Scope::Server,
            _ => {
                let detail = "it is a part of what can be compared";
                return Err(Error::new(Kind::Internal, "compare", goal.subject(), detail));
            }
        };
        let mut asking = Asking::new(worker.session()?);
        let mut staged = Staged::default();
        let mut pass = Pass::new(
            shared.store.as_ref(),
            &shared.names,
            &mut asking,
            &shared.settings,
            shared.observer.as_ref(),
            &shared.cancel,
            &mut staged,
        );
        pass.owners = owners;
        verify(&mut pass, &scope, self.sample.as_ref(), self.log.as_ref())
    }
}
