//! The spool as a whole, and lookups in it.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use super::folder::Folder;
use super::names::{inbox, is_within, owner};
use crate::types::{
    Annotation, MailboxEntry, MailboxState, MboxName, Quota, Text, ThreadIds, Time, UniqueId,
    UserId,
};

/// The time at which every history starts.
pub(in crate::sim) const START: Time = 1_700_000_000;

/// A mail spool, see the module.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Spool {
    /// The list of mailboxes by name, including tombstones and intermediates.
    pub entries: BTreeMap<MboxName, MailboxEntry>,
    /// The same list by uniqueid, with former names.
    pub by_id: BTreeMap<UniqueId, MailboxEntry>,
    pub folders: BTreeMap<UniqueId, Folder>,
    /// User data by the uniqueid of the INBOX, from which Cyrus names its user directories.
    pub accounts: BTreeMap<UniqueId, Account>,
    pub quotas: BTreeMap<Text, Quota>,
    /// The groups of each user; `None` on a server before Cyrus 3.12, which has no groups.
    pub groups: Option<BTreeMap<UserId, BTreeSet<Text>>>,
    /// Annotations of the server, sorted.
    pub annotations: Vec<Annotation>,
    pub now: Time,
    /// Number of uniqueids that this server has created.
    pub ids: u64,
    /// The form of thread ids in this server's CRCs.
    pub thread_ids: ThreadIds,
    /// Prefix of this server's uniqueids.
    pub id_prefix: &'static str,
}

impl Spool {
    pub fn new(id_prefix: &'static str) -> Spool {
        Spool { now: START, id_prefix, ..Spool::default() }
    }

    /// Returns the entry of an existing mailbox, which is not a tombstone or intermediate
    /// (`mboxlist_lookup`).
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

    /// Returns the state of a mailbox, with the values of its entry (`mailbox_open`).
    pub fn state(&self, name: &MboxName) -> Option<MailboxState> {
        let entry = self.living(name)?;
        let folder = self.folders.get(&entry.uniqueid)?;
        let mut state = folder.state.clone();
        state.name = entry.name.clone();
        state.uniqueid = entry.uniqueid.clone();
        state.mbtype = entry.mbtype;
        state.partition = entry.partition.clone();
        state.acl = entry.acl.clone();
        state.foldermodseq = Some(entry.foldermodseq).filter(|modseq| *modseq != 0);
        let groups = owner(name).and_then(|user| self.groups_of(&user));
        state.usergroups = groups.map(|groups| {
            let all: Vec<&[u8]> = groups.iter().map(Text::as_bytes).collect();
            all.join(&b'\t').into()
        });
        Some(state)
    }

    /// Returns the groups of a user (`mboxlist_lookup_usergroups`), or `None` if this server has no
    /// groups.
    pub fn groups_of(&self, user: &UserId) -> Option<BTreeSet<Text>> {
        Some(self.groups.as_ref()?.get(user).cloned().unwrap_or_default())
    }

    /// Returns the uniqueid of a user's INBOX, which may be a tombstone.
    fn account_id(&self, user: &UserId) -> UniqueId {
        let inbox = self.entries.get(&inbox(user)).filter(|entry| !entry.uniqueid.is_empty());
        // Without an INBOX, Cyrus uses directories that are named after the user.
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

    /// Returns whether there is a mailbox below a name (`mboxlist_haschildren`).
    pub fn has_children(&self, name: &MboxName) -> bool {
        let prefix = [name.as_bytes(), b"."].concat();
        let below = self.entries.range(MboxName::new(&prefix)..);
        below
            .take_while(|(name, _)| name.as_bytes().starts_with(&prefix))
            .any(|(_, e)| !e.mbtype.is_deleted() && !e.mbtype.is_intermediate())
    }

    /// Returns the quota root for a name (`quota_findroot`).
    pub fn quota_root(&self, name: &MboxName) -> Option<Text> {
        let above = |root: &&Text| is_within(name, root.as_bytes());
        self.quotas.keys().filter(above).max_by_key(|root| root.as_bytes().len()).cloned()
    }

    /// Returns the existing mailboxes with this name or below it.
    pub fn names_within(&self, above: &[u8]) -> Vec<MboxName> {
        let living = self.entries.keys().filter(|name| self.living(name).is_some());
        living.filter(|name| is_within(name, above)).cloned().collect()
    }

    /// Returns all entries of a user: the INBOX and those below it, deleted mailboxes and
    /// intermediates, but no tombstones (`mboxlist_usermboxtree`).
    pub fn tree(&self, user: &UserId) -> Vec<&MailboxEntry> {
        let inbox = inbox(user);
        let deleted = [b"DELETED.", inbox.as_bytes()].concat();
        let there = |e: &&MailboxEntry| !e.mbtype.is_deleted();
        let own = self.entries.values().filter(|e| is_within(&e.name, inbox.as_bytes()));
        let gone = self.entries.values().filter(|e| is_within(&e.name, &deleted));
        own.chain(gone).filter(there).collect()
    }
}
