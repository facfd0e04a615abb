//! What was done so far, counted where it happens: for those who ask while it goes on.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::Value;

use crate::error::Kind;
use crate::events::{Event, RunEvent, Step, SyncEvent};
use crate::status::Totals;

/// Counts what workers report.
#[derive(Debug, Default)]
pub struct Tally {
    users: AtomicU64,
    mailboxes: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
    by_kind: Mutex<HashMap<Kind, u64>>,
    repairs: AtomicU64,
    reconnects: AtomicU64,
}

impl Tally {
    /// Takes note of an event.
    pub fn note(&self, event: &Event) {
        let one = |count: &AtomicU64| add(count, 1);
        match event {
            Event::Step(Step::User { .. }) => one(&self.users),
            Event::Step(Step::Mailbox { messages, bytes, .. }) => {
                one(&self.mailboxes);
                add(&self.messages, *messages);
                add(&self.bytes, *bytes);
            }
            Event::Repair(_) => one(&self.repairs),
            Event::Sync(SyncEvent::UserFailed { error, .. })
            | Event::Run(
                RunEvent::LeftForLater { error, .. } | RunEvent::ConnectFailed { error, .. },
            ) if !error.kind().is_locked() => {
                one(&self.failures);
                *self.by_kind.lock().entry(error.kind()).or_default() += 1;
            }
            Event::Run(RunEvent::TryingAgain { .. }) => one(&self.reconnects),
            _ => {}
        }
    }

    /// The failures so far by the name of their kind.
    pub fn failures_by_kind(&self) -> BTreeMap<String, u64> {
        let name = |kind: &Kind| match serde_json::to_value(kind) {
            Ok(Value::String(name)) => name,
            _ => String::new(),
        };
        self.by_kind.lock().iter().map(|(kind, count)| (name(kind), *count)).collect()
    }

    /// What was counted so far.
    pub fn totals(&self) -> Totals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Totals {
            users: read(&self.users),
            mailboxes: read(&self.mailboxes),
            messages: read(&self.messages),
            bytes: read(&self.bytes),
            failures: read(&self.failures),
            repairs: read(&self.repairs),
            reconnects: read(&self.reconnects),
        }
    }
}

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Ordering::Relaxed);
}
