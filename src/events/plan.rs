//! Plans: lists of what would be done, and why.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::difference::Difference;
use super::event::Event;
use super::observer::Observer;
use super::step::Step;
use super::sync::SyncEvent;
use super::words::{To, words};
use crate::error::Subject;
use crate::types::{Level, MboxName};

/// A list of what would be done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Plan {
    /// The steps, each once.
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
    /// The word of the command.
    pub command: &'static str,
    /// The object of the step.
    pub subject: Subject,
    /// The differences, if the step is about a mailbox.
    pub reasons: Vec<Difference>,
    /// The reason in words if it contains no values; otherwise empty.
    pub because: &'static str,
    /// Number of messages that would be sent.
    pub messages: u64,
    /// Bytes of these messages.
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

    /// Returns the reasons in words. Returns an empty text if there are no known reasons.
    pub fn why(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        if reasons.is_empty() { self.because.to_owned() } else { reasons.join(", ") }
    }
}

/// An observer that collects steps and passes other events on. It does not pass on errors: they are
/// returned by the run, and errors while renames settle are expected in a dry run.
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
    /// Creates a collector that passes other events to `inner`.
    pub fn new(inner: Arc<dyn Observer>) -> PlanCollector {
        PlanCollector { inner, found: Mutex::default() }
    }

    /// Returns the plan so far. Later events start a new plan.
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
        let line = words(event);
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
