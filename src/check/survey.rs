//! Reads mailboxes.db: the number of mailboxes on each partition, and a few mailboxes to check.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::sample::Sample;
use crate::error::Error;
use crate::names::Namespace;
use crate::store::Store;
use crate::store::spool::Spool;
use crate::types::{MailboxEntry, UserId};

/// Time limit for reading the list. A million mailboxes take less.
const LIMIT: Duration = Duration::from_secs(20);
/// Number of mailboxes of each partition to check.
const MAILBOXES: usize = 16;
/// Number of users whose databases are checked.
const USERS: usize = 8;
/// Most partitions that are counted. No site has more; further names are damage.
const PARTITIONS: usize = 256;

/// The contents of mailboxes.db.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// A few mailboxes of each partition, by the partition's name in lower case.
    pub partitions: BTreeMap<String, Sample<MailboxEntry>>,
    /// A few users.
    pub users: Sample<UserId>,
    /// Number of mailboxes on this server.
    pub mailboxes: usize,
    /// Whether all were read.
    pub complete: bool,
    /// The error if some could not be read.
    pub error: Option<Error>,
}

impl Survey {
    /// Reads the list.
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
        // Mailboxes on other servers do not belong to this spool.
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
