//! Notices that mail comes in and is not logged: programs of Cyrus that started before `sync_log`
//! was switched on go on without it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::status::unix_seconds;
use crate::store::Store;
use crate::types::{MailboxEntry, MboxName};

/// The time until the first check; each pause is twice as long as the one before.
const FIRST: Duration = Duration::from_secs(15);

/// The longest pause between two checks.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long logging may take: Cyrus logs a change when the program has finished with the mailbox.
const GRACE: Duration = Duration::from_secs(10);

/// How many mailboxes are checked each time.
const SAMPLE: u64 = 500;

/// Looks for mail that came after the start, as long as nothing was logged since then.
pub(super) struct Silence {
    store: Arc<dyn Store>,
    started: SystemTime,
    next: Instant,
    pause: Duration,
    /// Number of mailboxes at the last check.
    mailboxes: u64,
    looks: u64,
    /// A mailbox that received mail, and since when that is known.
    found: Option<(MboxName, Instant)>,
}

impl Silence {
    /// Makes it for a client that begins to roll now.
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

    /// Whether a log was begun since the start.
    pub fn is_broken_by(&self, log: Option<SystemTime>) -> bool {
        log.is_some_and(|begun| begun >= self.started)
    }

    /// Returns the time since the start.
    pub fn age(&self) -> Duration {
        self.started.elapsed().unwrap_or_default()
    }

    /// Returns a mailbox that received mail after the start, if that was long enough ago for it to
    /// be logged. Each check looks at a different sample of mailboxes, after growing pauses.
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
        let glances = self.store.glance(&entries);
        let started = unix_seconds(self.started);
        let came = |at: i64| u64::try_from(at).is_ok_and(|at| started < at);
        let mut found = sample.iter().zip(&glances);
        let (entry, _) = found.find(|(_, glance)| {
            glance.as_ref().is_some_and(|glance| came(glance.state.header.last_appenddate))
        })?;
        Some(entry.name.clone())
    }

    fn sample(&mut self) -> Vec<MailboxEntry> {
        let stride = self.mailboxes.div_ceil(SAMPLE).max(1);
        let mut sample = Vec::new();
        let mut count = 0;
        // Callers that need an unreadable part report it.
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
