//! Counts what was done, for status reports during a run.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::Value;

use crate::error::Kind;
use crate::events::{Event, RunEvent, Step, SyncEvent};
use crate::status::{Expected, Reached, Totals};

/// The current run over many users or mailboxes.
#[derive(Debug, Default)]
struct Run {
    expected: Expected,
    began: Option<Instant>,
    /// Users that have ended.
    users: u64,
    /// Mailboxes that were equal on both sides when the run began.
    mailboxes_before: u64,
}

/// Counts what workers report.
#[derive(Debug, Default)]
pub struct Tally {
    users: AtomicU64,
    mailboxes: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    mailboxes_there: AtomicU64,
    messages_there: AtomicU64,
    run: Mutex<Run>,
    failures: AtomicU64,
    by_kind: Mutex<HashMap<Kind, u64>>,
    repairs: AtomicU64,
    reconnects: AtomicU64,
}

impl Tally {
    /// Counts an event.
    pub fn note(&self, event: &Event) {
        let one = |count: &AtomicU64| add(count, 1);
        match event {
            Event::Step(Step::User { .. }) => one(&self.users),
            Event::Sync(SyncEvent::Confirmed { messages, bytes, whole, .. }) => {
                add(&self.mailboxes, u64::from(*whole));
                add(&self.messages, *messages);
                add(&self.bytes, *bytes);
            }
            Event::Sync(SyncEvent::AlreadyThere { mailboxes, messages }) => {
                add(&self.mailboxes_there, *mailboxes);
                add(&self.messages_there, *messages);
            }
            Event::Repair(_) => one(&self.repairs),
            Event::Run(
                RunEvent::LeftForLater { error, .. } | RunEvent::ConnectFailed { error, .. },
            ) => self.failed(error.kind()),
            Event::Run(RunEvent::TryingAgain { .. }) => one(&self.reconnects),
            _ => {}
        }
    }

    /// Counts a failed task or a failed attempt to connect. Locks of others do not count as
    /// failures.
    pub fn failed(&self, kind: Kind) {
        if !kind.is_locked() && kind != Kind::Cancelled {
            add(&self.failures, 1);
            *self.by_kind.lock().entry(kind).or_default() += 1;
        }
    }

    /// Starts a run with this number of users and mailboxes.
    pub fn begin(&self, expected: Expected) {
        let mailboxes_before = equal(&self.totals());
        let began = Some(Instant::now());
        *self.run.lock() = Run { expected, began, users: 0, mailboxes_before };
    }

    /// Counts a user whose replication ended, with success or not.
    pub fn user_ended(&self) {
        self.run.lock().users += 1;
    }

    /// Returns the progress of the current run.
    pub fn reached(&self) -> Reached {
        let run = self.run.lock();
        let totals = self.totals();
        Reached {
            users: run.users,
            mailboxes: equal(&totals).saturating_sub(run.mailboxes_before),
            expected: run.expected,
            elapsed: run.began.map(|began| began.elapsed()).unwrap_or_default(),
            totals,
        }
    }

    /// Returns the number of failures of each kind, by the kind's name.
    pub fn failures_by_kind(&self) -> BTreeMap<String, u64> {
        let name = |kind: &Kind| match serde_json::to_value(kind) {
            Ok(Value::String(name)) => name,
            _ => String::new(),
        };
        self.by_kind.lock().iter().map(|(kind, count)| (name(kind), *count)).collect()
    }

    /// Returns all counts so far.
    pub fn totals(&self) -> Totals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Totals {
            users: read(&self.users),
            mailboxes: read(&self.mailboxes),
            messages: read(&self.messages),
            bytes: read(&self.bytes),
            mailboxes_there: read(&self.mailboxes_there),
            messages_there: read(&self.messages_there),
            failures: read(&self.failures),
            repairs: read(&self.repairs),
            reconnects: read(&self.reconnects),
        }
    }
}

fn add(count: &AtomicU64, number: u64) {
    count.fetch_add(number, Ordering::Relaxed);
}

/// Returns how many mailboxes were found equal or made equal.
fn equal(totals: &Totals) -> u64 {
    totals.mailboxes + totals.mailboxes_there
}
