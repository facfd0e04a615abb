//! Wraps a store and checks its results.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::mailbox::CheckedMailbox;
use crate::error::{Error, Kind, Result};
use crate::names::Namespace;
use crate::store::annotations::in_order;
use crate::store::errors::{no_partition, senseless};
use crate::store::skip::SkipFiles;
use crate::store::traits::{Lock, Mailbox, Store, UserTree};
use crate::sys::lock::Wait;
use crate::types::{
    Annotation, MailboxEntry, MboxName, MboxType, Modseq, Quota, Seen, SieveScript, Text, UniqueId,
    UserId,
};

/// Types of entries without a usable mailbox on this server: deleted, only a parent name, not yet
/// finished, on another server, or being moved there.
const NO_MAILBOX: u32 = MboxType::DELETED
    | MboxType::INTERMEDIATE
    | MboxType::RESERVE
    | MboxType::REMOTE
    | MboxType::MOVING;

/// A store that checks all results of the store inside it. It also skips users for whom a skip file
/// exists. So the program that supplies the inner store need not know about skip files.
pub struct Checked<S> {
    store: S,
    namespace: Namespace,
    skip: SkipFiles,
}

impl<S: Store> Checked<S> {
    /// Wraps `store`. The path of a user's skip file is `skip` followed by the userid.
    pub fn new(store: S, namespace: Namespace, skip: PathBuf) -> Self {
        Checked { store, namespace, skip: SkipFiles::new(skip) }
    }

    /// Returns the error for a mailbox that could not be opened. If the mailbox's entry has no
    /// partition, the error is damage, not [`Kind::NotFound`], because a mailbox that is not found
    /// is skipped without an error.
    fn gone(&self, name: &MboxName, error: Error) -> Error {
        if error.kind() != Kind::NotFound {
            return error;
        }
        match self.store.lookup(name) {
            Ok(Some(entry)) if !entry.mbtype.has(NO_MAILBOX) && entry.partition.is_empty() => {
                no_partition(&entry).with_source(error)
            }
            _ => error,
        }
    }

    /// Refuses a list that contains a mailbox of another user, or the same mailbox twice.
    fn check_tree(&self, entries: &[MailboxEntry], user: &UserId) -> Result<()> {
        let refuse = |detail| Err(senseless("list mailboxes of", user.to_string(), detail));
        let mut names = HashSet::new();
        // A user can have two names, one with and one without the default domain. Both names have
        // the same INBOX.
        let inbox = self.namespace.inbox(user);
        for entry in entries {
            let owner = self.namespace.owner(&entry.name);
            if owner.is_none_or(|owner| self.namespace.inbox(&owner) != inbox) {
                return refuse(format!(
                    "the host gave {}, which does not belong to this user",
                    entry.name
                ));
            }
            if !names.insert(&entry.name) {
                return refuse(format!("the host gave {} twice", entry.name));
            }
        }
        Ok(())
    }
}

/// Refuses an entry with an impossible name, or without a uniqueid.
fn possible(entry: MailboxEntry) -> Result<MailboxEntry> {
    let refuse = |detail| Err(senseless("list mailboxes", &entry.name, detail));
    if !entry.name.is_possible() {
        return refuse("this is not a possible name of a mailbox");
    }
    if !entry.mbtype.has(NO_MAILBOX) && entry.uniqueid.is_empty() {
        return refuse("the host gave no uniqueid for it");
    }
    Ok(entry)
}

/// Refuses an entry that is not the requested one.
fn asked_for(
    found: Option<MailboxEntry>,
    wanted: &dyn Display,
    same: impl Fn(&MailboxEntry) -> bool,
) -> Result<Option<MailboxEntry>> {
    match found {
        Some(entry) if !same(&entry) => {
            let detail =
                format!("the host gave {} with uniqueid {} instead", entry.name, entry.uniqueid);
            Err(senseless("look up", wanted.to_string(), detail))
        }
        found => found.map(possible).transpose(),
    }
}

impl<S: Store> Store for Checked<S> {
    fn list_bytes(&self) -> u64 {
        self.store.list_bytes()
    }

    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        asked_for(self.store.lookup(name)?, name, |entry| entry.name == *name)
    }

    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        asked_for(self.store.lookup_by_id(id)?, id, |entry| entry.uniqueid == *id)
    }

    fn user_tree(&self, user: &UserId) -> Result<UserTree> {
        let recorded = self.store.user_tree(user)?;
        let mut tree = UserTree { entries: Vec::new(), unreadable: recorded.unreadable };
        for entry in recorded.entries {
            match possible(entry) {
                Ok(entry) => tree.entries.push(entry),
                Err(error) => tree.unreadable.push(error),
            }
        }
        self.check_tree(&tree.entries, user)?;
        tree.entries.retain(|entry| !entry.mbtype.is_deleted());
        tree.entries.sort_by_key(|entry| !self.namespace.is_inbox(&entry.name));
        Ok(tree)
    }

    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut refused = None;
        self.store.each_mailbox(prefix, &mut |entry| match possible(entry) {
            Ok(entry) if entry.name.as_bytes().starts_with(prefix) => visit(entry),
            Ok(entry) => {
                let detail = "its name does not begin with the requested prefix";
                Err(senseless("list mailboxes", &entry.name, detail))
            }
            Err(error) => {
                refused.get_or_insert(error);
                Ok(ControlFlow::Continue(()))
            }
        })?;
        refused.map_or(Ok(()), Err)
    }

    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>> {
        self.skip.lock(user, || self.store.sync_lock(server, user, wait))
    }

    fn skipped_since(&self) -> Option<Error> {
        self.skip.since()
    }

    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>> {
        let mailbox = self.store.open(name).map_err(|error| self.gone(name, error))?;
        Ok(Box::new(CheckedMailbox::new(mailbox, name)?))
    }

    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>> {
        self.store.subscriptions(user)
    }

    fn seen(&self, user: &UserId) -> Result<Vec<Seen>> {
        self.store.seen(user)
    }

    fn quota(&self, root: &Text) -> Result<Option<Quota>> {
        match self.store.quota(root)? {
            Some(quota) if quota.root != *root => Err(senseless(
                "read quota",
                root.to_string(),
                "the host gave the quota of another root",
            )),
            quota => Ok(quota),
        }
    }

    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>> {
        let mut scripts = self.store.sieve_scripts(user)?;
        scripts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(scripts)
    }

    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>> {
        self.store.sieve_content(user, name)
    }

    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>> {
        self.store.annotations(mailbox).map(in_order)
    }

    fn used_modseq(&self, name: &MboxName) -> Result<Modseq> {
        self.store.used_modseq(name)
    }

    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq> {
        self.store.raclmodseq(name)
    }
}
