//! Reads mailboxes.db: counts the mailboxes on each partition, and selects a sample to check.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::sample::Sample;
use crate::error::Error;
use crate::names::Namespace;
use crate::store::Store;
use crate::store::spool::Spool;
use crate::types::{MailboxEntry, UserId};

/// The time limit for reading mailboxes.db. A million mailboxes take less time.
const LIMIT: Duration = Duration::from_secs(20);
/// The number of mailboxes in the sample of each partition.
const MAILBOXES: usize = 16;
/// The number of users whose databases are checked.
const USERS: usize = 8;
/// The maximum number of partitions that are counted. No server has more: further names come from
/// damaged entries.
const PARTITIONS: usize = 256;

/// The contents of mailboxes.db.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// A sample of mailboxes for each partition. The key is the name of the partition in lower
    /// case.
    pub partitions: BTreeMap<String, Sample<MailboxEntry>>,
    /// A sample of users.
    pub users: Sample<UserId>,
    /// Number of mailboxes on this server. Deleted mailboxes and mailboxes on other servers do not
    /// count.
    pub mailboxes: usize,
    /// Whether mailboxes.db was read to its end.
    pub complete: bool,
    /// The error if a part of mailboxes.db could not be read.
    pub error: Option<Error>,
}

impl Survey {
    /// Reads mailboxes.db.
    pub fn of(spool: &Spool, names: &Namespace) -> Survey {
        let mut survey = Survey {
            partitions: BTreeMap::new(),
            users: Sample::of(USERS),
            mailboxes: 0,
            complete: true,
            error: None,
        };
        let begun = Instant::now();
        let read = spool.each_mailbox(b"", &mut |entry| {
            survey.add(entry, names);
            if begun.elapsed() < LIMIT {
                return Ok(ControlFlow::Continue(()));
            }
            survey.complete = false;
            Ok(ControlFlow::Break(()))
        });
        survey.error = read.err();
        survey
    }

    fn add(&mut self, entry: MailboxEntry, names: &Namespace) {
        // Skip mailboxes without files in this spool: they are deleted, or on another server.
        if entry.mbtype.is_deleted() || entry.mbtype.is_elsewhere() || entry.partition.is_empty() {
            return;
        }
        self.mailboxes += 1;
        if names.is_inbox(&entry.name)
            && let Some(user) = names.owner(&entry.name)
        {
            self.users.offer(|| user);
        }
        let name = String::from_utf8_lossy(entry.partition.as_bytes()).to_ascii_lowercase();
        if self.partitions.len() < PARTITIONS || self.partitions.contains_key(&name) {
            self.partitions.entry(name).or_insert_with(|| Sample::of(MAILBOXES)).offer(|| entry);
        }
    }
}
