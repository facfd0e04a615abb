//! Plans: the steps that replication would do, and the reasons for them.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::difference::Difference;
use super::event::Event;
use super::observer::Observer;
use super::step::Step;
use super::sync::SyncEvent;
use super::words::{To, line};
use crate::error::Subject;
use crate::types::{Level, MboxName};

/// The steps that replication would do, found by a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Plan {
    /// The steps. Equal steps are in the list only once.
    pub steps: Vec<PlannedStep>,
}

/// One step of a plan.
///
/// ```no_run
/// use cyrsync::PlannedStep;
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// let mut bytes = 0;
/// client.planner().mailboxes(&["shared".into()], &mut |step: &PlannedStep| {
///     bytes += step.bytes;
///     println!("{} {}: {}", step.command, step.subject, step.why());
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedStep {
    /// The name of the step, such as `MAILBOX`.
    pub command: &'static str,
    /// The user, mailbox or other object of the step.
    pub subject: Subject,
    /// The differences that require the step, if it is about a mailbox.
    pub reasons: Vec<Difference>,
    /// The reason as a fixed text. Empty if `reasons` has the reason.
    pub because: &'static str,
    /// Number of messages that the step would send.
    pub messages: u64,
    /// Total size of these messages in bytes.
    pub bytes: u64,
    /// The line that `-v` prints.
    pub line: String,
}

impl PlannedStep {
    fn new(step: &Step, line: String) -> PlannedStep {
        let (messages, bytes) = step.size();
        let (command, subject, because) = (step.command(), step.subject(), step.because());
        let reasons = match step {
            Step::Rename { from, to, .. } if from != to => vec![Difference::Field {
                field: "MBOXNAME",
                master: to.to_string(),
                replica: from.to_string(),
            }],
            _ => Vec::new(),
        };
        PlannedStep { command, subject, reasons, because, messages, bytes, line }
    }

    /// Returns the reasons as a text. The text is empty if there are no known reasons.
    pub fn why(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        if reasons.is_empty() { self.because.to_owned() } else { reasons.join(", ") }
    }
}

/// An observer that collects steps in a plan. It passes other events to another observer, except
/// errors: the run returns them, and in a dry run some errors about renames are expected.
pub struct PlanCollector {
    inner: Arc<dyn Observer>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    steps: Vec<(PlannedStep, Option<MboxName>)>,
    reasons: HashMap<MboxName, Difference>,
}

impl PlanCollector {
    /// Creates a collector that passes events other than steps to `inner`.
    pub fn new(inner: Arc<dyn Observer>) -> PlanCollector {
        PlanCollector { inner, found: Mutex::default() }
    }

    /// Returns the plan collected so far, and starts a new plan.
    pub fn take(&self) -> Plan {
        let found = mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner));
        let mut known = HashSet::new();
        let mut steps = Vec::new();
        for (mut step, mailbox) in found.steps {
            if known.insert((step.line.clone(), step.subject.clone())) {
                let reason = mailbox.and_then(|mailbox| found.reasons.get(&mailbox));
                step.reasons.extend(reason.cloned());
                steps.push(step);
            }
        }
        Plan { steps }
    }
}

impl Observer for PlanCollector {
    fn event(&self, event: &Event) {
        let line = line(event);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match (event, line) {
            (Event::Step(step), Some(line)) => {
                let sent = matches!(step, Step::Mailbox { .. });
                let mailbox = step.mailbox().filter(|_| sent).cloned();
                found.steps.push((PlannedStep::new(step, line.text), mailbox));
            }
            (Event::Differs { mailbox, why }, _) => {
                found.reasons.insert(mailbox.clone(), why.clone());
            }
            (_, Some(line)) if line.to == To::Log(Level::Error) => {}
            // In a dry run the replica does not confirm anything.
            (Event::Sync(SyncEvent::Confirmed { .. }), _) => {}
            _ => {
                drop(found);
                self.inner.event(event);
            }
        }
    }
}
