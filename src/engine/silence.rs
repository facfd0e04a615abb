//! Detects mail that arrives and is not logged. This happens if programs of Cyrus were started
//! before `sync_log` was switched on: they still work without it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::status::unix_seconds;
use crate::store::Store;
use crate::types::{MailboxEntry, MboxName};

/// The time until the first check. Each following pause is twice as long as the previous one.
const FIRST: Duration = Duration::from_secs(15);

/// The maximum pause between two checks.
const LONGEST: Duration = Duration::from_secs(3600);

/// The maximum time until a change is logged. Cyrus logs a change when the program has finished
/// with the mailbox.
const GRACE: Duration = Duration::from_secs(10);

/// The number of mailboxes that each check looks at.
const SAMPLE: u64 = 500;

/// Looks for mail that arrived after the start, until an entry is logged.
pub(super) struct Silence {
    store: Arc<dyn Store>,
    started: SystemTime,
    next: Instant,
    pause: Duration,
    /// Number of mailboxes at the last check.
    mailboxes: u64,
    looks: u64,
    /// A mailbox that has received mail, and when this was detected.
    found: Option<(MboxName, Instant)>,
}

impl Silence {
    /// Makes the value at the start of rolling replication.
    pub fn new(store: Arc<dyn Store>) -> Silence {
        Silence {
            store,
            started: SystemTime::now(),
            next: Instant::now() + FIRST,
            pause: FIRST,
            mailboxes: 0,
            looks: 0,
            found: None,
        }
    }

    /// Returns whether a log was begun after the start. `log` is when the log's first entry was
    /// written.
    pub fn is_broken_by(&self, log: Option<SystemTime>) -> bool {
        log.is_some_and(|begun| begun >= self.started)
    }

    /// Returns the time since the start.
    pub fn age(&self) -> Duration {
        self.started.elapsed().unwrap_or_default()
    }

    /// Returns a mailbox that received mail which should be logged by this time. May be called
    /// often: mailboxes are only checked after growing pauses, each time another sample.
    pub fn unlogged(&mut self, now: Instant) -> Option<MboxName> {
        if let Some((mailbox, since)) = &self.found {
            return (now >= *since + GRACE).then(|| mailbox.clone());
        }
        if now >= self.next {
            self.pause = (self.pause * 2).min(LONGEST);
            self.next = now + self.pause;
            self.found = self.look().map(|mailbox| (mailbox, now));
        }
        None
    }

    fn look(&mut self) -> Option<MboxName> {
        let sample = self.sample();
        self.looks += 1;
        let entries: Vec<&MailboxEntry> = sample.iter().collect();
        let unlocked_states = self.store.read_unlocked(&entries);
        let started = unix_seconds(self.started);
        let came = |at: i64| u64::try_from(at).is_ok_and(|at| started < at);
        let mut found = sample.iter().zip(&unlocked_states);
        let (entry, _) = found.find(|(_, unlocked)| {
            unlocked.as_ref().is_some_and(|unlocked| came(unlocked.state.header.last_appenddate))
        })?;
        Some(entry.name.clone())
    }

    fn sample(&mut self) -> Vec<MailboxEntry> {
        let stride = self.mailboxes.div_ceil(SAMPLE).max(1);
        let mut sample = Vec::new();
        let mut count = 0;
        // Ignore errors here: replicating an unreadable mailbox reports them.
        let _ = self.store.each_mailbox(b"", &mut |entry| {
            let is_chosen =
                (count + self.looks).is_multiple_of(stride) && (sample.len() as u64) < SAMPLE;
            count += 1;
            if is_chosen && !entry.mbtype.is_deleted() {
                sample.push(entry);
            }
            Ok(ControlFlow::Continue(()))
        });
        self.mailboxes = count;
        sample
    }
}
