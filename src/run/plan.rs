//! Plans: what would be done, and why, without doing it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::asked_ahead::AskedAhead;
use super::carry_out;
use super::outcome::{Attempt, Outcome, Undone};
use super::step::Work;
use super::worker::{Shared, Worker};
use crate::error::{Error, Kind, Result};
use crate::observe::{Level, Observer};
use crate::replica::{Answer, Direct, Dry, Replica};
use crate::sync::{Master, Staged, Syncer};
use crate::types::{MailboxState, MboxName};

/// Reported where renames come first: what they lead to shows only when they are done.
const AFTER_RENAMES: &str = "what else differs shows when the renames are done";

/// Takes a step of a plan, as `-v` prints it ("MAILBOX user.fred"), and why, or nothing.
pub type OnStep<'p> = dyn FnMut(&str, &str) + 'p;

/// Finds out what would be done for a task, and tells it step by step. The replica is asked and
/// not told; nothing is written here.
pub fn plan(shared: &Shared, worker: &mut Worker, work: Work, each: &mut OnStep<'_>) -> Attempt {
    let result = steps(shared, worker, &work, each);
    Attempt { outcome: Outcome::of(result), care: work.care, session: worker.after_use() }
}

fn steps(
    shared: &Shared,
    worker: &mut Worker,
    work: &Work,
    each: &mut OnStep<'_>,
) -> Result<Vec<Undone>> {
    let collector = Collector { inner: shared.observer.clone(), found: Mutex::default() };
    let mut dry = Dry::new(worker.session()?);
    let mut staged = Staged::default();
    let mut nobody = Nobody(Direct::new(Nods));
    let mut syncer = Syncer::new(
        shared.store.as_ref(),
        &shared.names,
        &mut dry,
        &shared.settings,
        &collector,
        &shared.cancel,
        &mut staged,
    )
    .with_master(Some(&mut nobody));
    let mut asked = AskedAhead::default();
    let names = &shared.names;
    let result = carry_out::carry_out(&work.goal, &mut syncer, &mut asked, names, &collector);
    let renamed = dry.take_renamed();
    collector.tell(each);
    if renamed {
        each(AFTER_RENAMES, "");
    }
    let mut undone = result?;
    undone.retain(|undone| !(renamed && undone.error.kind() == Kind::Changed));
    Ok(undone)
}

/// Keeps what would be done.
struct Collector {
    inner: Arc<dyn Observer>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// What would be done, and to which mailbox if it is to one.
    steps: Vec<(String, Option<MboxName>)>,
    reasons: HashMap<MboxName, String>,
}

impl Collector {
    fn tell(self, each: &mut OnStep<'_>) {
        let Ok(Found { steps, reasons }) = self.found.into_inner() else { return };
        let mut told = HashSet::new();
        for (step, mailbox) in &steps {
            if told.insert((step, mailbox)) {
                let reason = mailbox.as_ref().and_then(|mailbox| reasons.get(mailbox));
                each(step, reason.map_or("", String::as_str));
            }
        }
    }
}

impl Observer for Collector {
    fn log(&self, level: Level, line: &str) {
        // Failures come back by themselves, and those to settle after a rename are none.
        if level != Level::Error {
            self.inner.log(level, line);
        }
    }

    fn action(&self, line: &str) {
        if let Ok(mut found) = self.found.lock() {
            found.steps.push((line.to_owned(), None));
        }
    }

    fn mailbox_action(&self, mailbox: &MboxName, line: &str) {
        if let Ok(mut found) = self.found.lock() {
            found.steps.push((line.to_owned(), Some(mailbox.clone())));
        }
    }

    fn differs(&self, mailbox: &MboxName, why: &str) {
        if let Ok(mut found) = self.found.lock() {
            found.reasons.insert(mailbox.clone(), why.to_owned());
        }
    }

    fn unreachable(&self, error: &Error, server: &str, pause: Duration) {
        self.inner.unreachable(error, server, pause);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Silent;

    #[test]
    fn a_reason_belongs_to_its_mailbox_whatever_that_is_called() {
        let names = ["user.fred.A b", "user.fred.A", "user.x -> y (z)", "a\u{e9} [1]", "<>", " "];
        let collector = Collector { inner: Arc::new(Silent), found: Mutex::default() };
        for name in names {
            let mailbox = MboxName::from(name);
            collector.differs(&mailbox, &format!("why {name}"));
            collector.mailbox_action(&mailbox, &format!("MAILBOX {name}"));
            collector.mailbox_action(&mailbox, &format!("MAILBOX {name}"));
        }
        collector.action("USER fred");
        let mut told = Vec::new();
        collector.tell(&mut |step, why| told.push((step.to_owned(), why.to_owned())));
        let mut wanted: Vec<(String, String)> =
            names.iter().map(|n| (format!("MAILBOX {n}"), format!("why {n}"))).collect();
        wanted.push(("USER fred".to_owned(), String::new()));
        assert_eq!(told, wanted);
    }
}
