//! What the replica has, remembered: saves asking before every update (`sync_cache_db_path`).
//!
//! A memory may be wrong, for somebody else may have changed the replica. So every update says
//! on which state it builds, and where the replica has another it is asked after all. What is the
//! same on both sides as far as is remembered is not looked at, as with Cyrus.

use super::snapshot::Snapshot;
use super::{Failures, Syncer};
use crate::error::Result;
use crate::protocol::RemoteFolder;
use crate::types::{MailboxEntry, MboxName};

/// A memory of mailboxes of a replica. It may forget at any time.
pub trait Cache {
    /// What the replica had when it was last heard of.
    fn get(&mut self, name: &MboxName) -> Option<RemoteFolder>;
    /// Notes what the replica has now.
    fn put(&mut self, folder: &RemoteFolder);
    /// Forgets a mailbox of which nothing is known for sure any more.
    fn forget(&mut self, name: &MboxName);
}

impl Syncer<'_> {
    pub(super) fn remember(&mut self, folder: &RemoteFolder) {
        match &mut self.cache {
            Some(cache) if folder.beyond.is_none() => cache.put(folder),
            _ => self.forget(&folder.name),
        }
    }

    pub(super) fn forget(&mut self, name: &MboxName) {
        if let Some(cache) = &mut self.cache {
            cache.forget(name);
        }
    }

    /// What is remembered of all these mailboxes; nothing unless each is where it is here.
    pub(super) fn remembered(&mut self, entries: &[MailboxEntry]) -> Option<Vec<RemoteFolder>> {
        let cache = self.cache.as_mut()?;
        let found = entries
            .iter()
            .map(|entry| cache.get(&entry.name).filter(|folder| folder.uniqueid == entry.uniqueid));
        found.collect()
    }

    /// Keeps the failure of an update, of which the outcome is not known.
    pub(super) fn keep_failed(
        &mut self,
        failures: &mut Failures,
        name: &MboxName,
        error: crate::error::Error,
    ) -> Result<()> {
        self.forget(name);
        failures.keep(self, name, error)
    }
}

impl Snapshot {
    /// What the replica has once it has taken this; `None` of a part of a mailbox.
    pub(super) fn outcome(&self) -> Option<RemoteFolder> {
        let Snapshot { header, annotations, whole: true, .. } = self else { return None };
        let (header, annotations) = (header.clone(), annotations.clone());
        Some(RemoteFolder { header, annotations, beyond: None })
    }
}
