//! Plans a task: finds out what would be replicated and why, without doing it.

use super::asked_ahead::AskedAhead;
use super::carry_out;
use super::outcome::{Attempt, Outcome, Pending};
use super::step::Work;
use super::worker::{Shared, Worker};
use crate::error::Result;
use crate::events::{PlanCollector, PlannedStep};
use crate::replica::{Answer, Direct, Dry, Replica};
use crate::sync::{Master, Owners, Pass, Staged};
use crate::types::{MailboxState, MboxName};

/// A callback for each step of a plan.
pub type OnStep<'p> = dyn FnMut(&PlannedStep) + 'p;

/// Plans a task and appends the steps to `found`. Reads both sides, and changes neither.
pub fn plan(
    shared: &Shared,
    worker: &mut Worker,
    work: Work,
    (owners, found): (Option<&dyn Owners>, &mut Vec<PlannedStep>),
) -> Attempt {
    let result = steps(shared, worker, &work, (owners, found));
    Attempt { outcome: Outcome::of(result), care: work.care, session: worker.after_use() }
}

fn steps(
    shared: &Shared,
    worker: &mut Worker,
    work: &Work,
    (owners, found): (Option<&dyn Owners>, &mut Vec<PlannedStep>),
) -> Result<Vec<Pending>> {
    let moves_scripts = worker.moves_scripts();
    let collector = PlanCollector::new(shared.observer.clone());
    let mut dry = Dry::new(worker.session()?, &shared.settings.temp_path);
    let mut staged = Staged::default();
    let mut nobody = Nobody { server: Direct::new(Nods), moves_scripts };
    let mut pass = Pass::new(
        shared.store.as_ref(),
        &shared.names,
        &mut dry,
        &shared.settings,
        &collector,
        &shared.cancel,
        &mut staged,
    );
    pass.master = Some(&mut nobody);
    pass.owners = owners;
    let mut asked = AskedAhead::default();
    let names = &shared.names;
    let result = carry_out::carry_out(&work.goal, &mut pass, &mut asked, names, &collector);
    found.append(&mut collector.take().steps);
    result
}

/// A substitute for the master's own Cyrus. It accepts every command and does nothing.
struct Nobody {
    server: Direct<Nods>,
    /// Whether the master's own Cyrus would move scripts from a directory to `#sieve` mailboxes.
    moves_scripts: bool,
}

struct Nods;

impl Answer for Nods {
    fn answer(&mut self, _: &[u8]) -> Result<Vec<u8>> {
        Ok(b"OK success\r\n".to_vec())
    }
}

impl Master for Nobody {
    fn server(&mut self, _: &MailboxState) -> Result<&mut dyn Replica> {
        Ok(&mut self.server)
    }

    fn changed(&mut self, _: &MboxName) -> Result<()> {
        Ok(())
    }

    fn moves_scripts(&self) -> Result<bool> {
        Ok(self.moves_scripts)
    }

    fn broken(&mut self) {}
}
