//! What mailboxes.db lists: how many mailboxes on which partitions, and a few to be looked at.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::sample::Sample;
use crate::error::Error;
use crate::names::Namespace;
use crate::store::Store;
use crate::store::spool::Spool;
use crate::types::{MailboxEntry, UserId};

/// How long the list is read; a million mailboxes take less.
const LIMIT: Duration = Duration::from_secs(20);
/// Mailboxes of each partition that are looked at.
const MAILBOXES: usize = 16;
/// Users whose databases are looked at.
const USERS: usize = 8;
/// More partitions than any site has: names beyond are damage.
const PARTITIONS: usize = 256;

/// What mailboxes.db lists.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// A few mailboxes of each partition, by its name in lower case.
    pub partitions: BTreeMap<String, Sample<MailboxEntry>>,
    /// A few users.
    pub users: Sample<UserId>,
    /// Mailboxes that lie here.
    pub mailboxes: usize,
    /// Whether all were read.
    pub complete: bool,
    /// Why some could not be read, if so.
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
        // What lies on another server is nothing of this spool.
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
