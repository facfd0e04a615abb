//! The contents of a spool, and functions that look up something.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use super::folder::Folder;
use super::names::{inbox, is_within, owner};
use crate::types::{
    Annotation, MailboxEntry, MailboxState, MboxName, Quota, Text, ThreadIds, Time, UniqueId,
    UserId,
};

/// The time at the start of every history, in seconds since 1970.
pub(in crate::sim) const START: Time = 1_700_000_000;

/// The mail spool of a server.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Spool {
    /// The list of mailboxes by name, including tombstones and intermediates.
    pub entries: BTreeMap<MboxName, MailboxEntry>,
    /// The same mailboxes by uniqueid, with their former names.
    pub by_id: BTreeMap<UniqueId, MailboxEntry>,
    pub folders: BTreeMap<UniqueId, Folder>,
    /// User data by the uniqueid of the INBOX. Cyrus names the directories of users by this
    /// uniqueid.
    pub accounts: BTreeMap<UniqueId, Account>,
    pub quotas: BTreeMap<Text, Quota>,
    /// The groups of each user. `None` for Cyrus before 3.12, which stores no groups.
    pub groups: Option<BTreeMap<UserId, BTreeSet<Text>>>,
    /// Annotations of the server, sorted.
    pub annotations: Vec<Annotation>,
    pub now: Time,
    /// Number of uniqueids that this server has created.
    pub ids: u64,
    /// How this server computes CRCs of thread ids.
    pub thread_ids: ThreadIds,
    /// Prefix of this server's uniqueids.
    pub id_prefix: &'static str,
}

impl Spool {
    pub fn new(id_prefix: &'static str) -> Spool {
        Spool { now: START, id_prefix, ..Spool::default() }
    }

    /// Returns the entry of an existing mailbox (`mboxlist_lookup`). Returns `None` for a tombstone
    /// or an intermediate.
    pub fn living(&self, name: &MboxName) -> Option<&MailboxEntry> {
        self.entries.get(name).filter(|e| !e.mbtype.is_deleted() && !e.mbtype.is_intermediate())
    }

    pub fn folder(&self, name: &MboxName) -> Option<&Folder> {
        self.living(name).and_then(|entry| self.folders.get(&entry.uniqueid))
    }

    pub fn folder_mut(&mut self, name: &MboxName) -> Option<&mut Folder> {
        let id = self.living(name)?.uniqueid.clone();
        self.folders.get_mut(&id)
    }

    /// Returns the state of a mailbox. Some of its values are from the mailbox's entry
    /// (`mailbox_open`).
    pub fn state(&self, name: &MboxName) -> Option<MailboxState> {
        let entry = self.living(name)?;
        let folder = self.folders.get(&entry.uniqueid)?;
        let mut state = folder.state.clone();
        state.header.name = entry.name.clone();
        state.header.uniqueid = entry.uniqueid.clone();
        state.header.mbtype = entry.mbtype;
        state.header.partition = entry.partition.clone();
        state.header.acl = entry.acl.clone();
        state.header.foldermodseq = Some(entry.foldermodseq).filter(|modseq| *modseq != 0);
        let groups = owner(name).and_then(|user| self.groups_of(&user));
        state.header.usergroups = groups.map(|groups| {
            let all: Vec<&[u8]> = groups.iter().map(Text::as_bytes).collect();
            all.join(&b'\t').into()
        });
        Some(state)
    }

    /// Returns the groups of a user (`mboxlist_lookup_usergroups`). Returns `None` if this server
    /// stores no groups.
    pub fn groups_of(&self, user: &UserId) -> Option<BTreeSet<Text>> {
        Some(self.groups.as_ref()?.get(user).cloned().unwrap_or_default())
    }

    /// Returns the key of a user's data: the uniqueid of the INBOX, even if the INBOX is a
    /// tombstone.
    fn account_id(&self, user: &UserId) -> UniqueId {
        let inbox = self.entries.get(&inbox(user)).filter(|entry| !entry.uniqueid.is_empty());
        // Without an INBOX, Cyrus names the directories after the user.
        inbox.map_or_else(|| UniqueId::new(user), |entry| entry.uniqueid.clone())
    }

    pub fn account(&self, user: &UserId) -> Option<&Account> {
        self.accounts.get(&self.account_id(user))
    }

    pub fn account_mut(&mut self, user: &UserId) -> &mut Account {
        self.accounts.entry(self.account_id(user)).or_default()
    }

    pub fn remove_account(&mut self, user: &UserId) {
        self.accounts.remove(&self.account_id(user));
    }

    /// Returns whether there is a mailbox below this name (`mboxlist_haschildren`).
    pub fn has_children(&self, name: &MboxName) -> bool {
        let prefix = [name.as_bytes(), b"."].concat();
        let below = self.entries.range(MboxName::new(&prefix)..);
        below
            .take_while(|(name, _)| name.as_bytes().starts_with(&prefix))
            .any(|(_, e)| !e.mbtype.is_deleted() && !e.mbtype.is_intermediate())
    }

    /// Returns the quota root that applies to a mailbox (`quota_findroot`).
    pub fn quota_root(&self, name: &MboxName) -> Option<Text> {
        let above = |root: &&Text| is_within(name, root.as_bytes());
        self.quotas.keys().filter(above).max_by_key(|root| root.as_bytes().len()).cloned()
    }

    /// Returns the existing mailboxes with the name `above` or below it.
    pub fn names_within(&self, above: &[u8]) -> Vec<MboxName> {
        let living = self.entries.keys().filter(|name| self.living(name).is_some());
        living.filter(|name| is_within(name, above)).cloned().collect()
    }

    /// Returns all entries of a user except tombstones: the INBOX, the mailboxes below it, deleted
    /// mailboxes and intermediates (`mboxlist_usermboxtree`).
    pub fn tree(&self, user: &UserId) -> Vec<&MailboxEntry> {
        let inbox = inbox(user);
        let deleted = [b"DELETED.", inbox.as_bytes()].concat();
        let there = |e: &&MailboxEntry| !e.mbtype.is_deleted();
        let own = self.entries.values().filter(|e| is_within(&e.name, inbox.as_bytes()));
        let gone = self.entries.values().filter(|e| is_within(&e.name, &deleted));
        own.chain(gone).filter(there).collect()
    }
}
