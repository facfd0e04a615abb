//! Counts what was replicated and what failed, for status reports during a run.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::Value;

use crate::error::Kind;
use crate::events::{Event, RunEvent, Step, SyncEvent};
use crate::status::{Expected, ProgressSnapshot, Totals};

/// The current run over many users or mailboxes.
#[derive(Debug, Default)]
struct Run {
    expected: Expected,
    began: Option<Instant>,
    /// Number of users whose replication has ended.
    users: u64,
    /// Number of mailboxes that had been counted as equal before this run.
    mailboxes_before: u64,
}

/// Counters for the events of all workers.
#[derive(Debug, Default)]
pub struct Tally {
    users: AtomicU64,
    mailboxes: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    mailboxes_equal: AtomicU64,
    messages_present: AtomicU64,
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
                add(&self.mailboxes_equal, *mailboxes);
                add(&self.messages_present, *messages);
            }
            Event::Repair(_) => one(&self.repairs),
            Event::Run(
                RunEvent::LeftForLater { error, .. } | RunEvent::ConnectFailed { error, .. },
            ) => self.failed(error.kind()),
            Event::Run(RunEvent::TryingAgain { .. }) => one(&self.reconnects),
            _ => {}
        }
    }

    /// Counts a failed task or a failed attempt to connect. Waiting for a lock and a requested stop
    /// do not count as failures.
    pub fn failed(&self, kind: Kind) {
        if !kind.is_locked() && kind != Kind::Cancelled {
            add(&self.failures, 1);
            *self.by_kind.lock().entry(kind).or_default() += 1;
        }
    }

    /// Starts a run. `expected` holds the number of users and mailboxes to replicate.
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
    pub fn snapshot(&self) -> ProgressSnapshot {
        let run = self.run.lock();
        let totals = self.totals();
        ProgressSnapshot {
            users: run.users,
            mailboxes: equal(&totals).saturating_sub(run.mailboxes_before),
            expected: run.expected,
            elapsed: run.began.map(|began| began.elapsed()).unwrap_or_default(),
            totals,
        }
    }

    /// Returns the number of failures of each kind. The keys are the names of the kinds.
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
            mailboxes_equal: read(&self.mailboxes_equal),
            messages_present: read(&self.messages_present),
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
    totals.mailboxes + totals.mailboxes_equal
}
