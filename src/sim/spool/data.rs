//! The spool as a whole, and how things are found in it.

use std::collections::{BTreeMap, BTreeSet};

use super::account::Account;
use super::folder::Folder;
use super::names::{inbox, is_within, owner};
use crate::types::{
    Annotation, MailboxEntry, MailboxState, MboxName, Quota, Text, ThreadIds, Time, UniqueId,
    UserId,
};

/// The first moment of every history.
pub(in crate::sim) const START: Time = 1_700_000_000;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Spool {
    /// The list of mailboxes by name, tombstones and intermediates included.
    pub entries: BTreeMap<MboxName, MailboxEntry>,
    /// The same by uniqueid, with former names.
    pub by_id: BTreeMap<UniqueId, MailboxEntry>,
    pub folders: BTreeMap<UniqueId, Folder>,
    /// By the uniqueid of the INBOX, as Cyrus names the directories of its users.
    pub accounts: BTreeMap<UniqueId, Account>,
    pub quotas: BTreeMap<Text, Quota>,
    /// The groups that users are in; `None` on a server before Cyrus 3.12, which has none.
    pub groups: Option<BTreeMap<UserId, BTreeSet<Text>>>,
    /// Annotations of the server, ordered.
    pub annotations: Vec<Annotation>,
    pub now: Time,
    /// How many uniqueids this server has made up.
    pub ids: u64,
    /// How it counts thread ids in CRCs.
    pub thread_ids: ThreadIds,
    /// What its uniqueids begin with.
    pub id_prefix: &'static str,
}

impl Spool {
    pub fn new(id_prefix: &'static str) -> Spool {
        Spool { now: START, id_prefix, ..Spool::default() }
    }

    /// The entry of a mailbox that is there: no tombstone, no intermediate (`mboxlist_lookup`).
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

    /// State of a mailbox, with what its entry says (`mailbox_open`).
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

    /// The groups of a user (`mboxlist_lookup_usergroups`); `None` if this server has none.
    pub fn groups_of(&self, user: &UserId) -> Option<BTreeSet<Text>> {
        Some(self.groups.as_ref()?.get(user).cloned().unwrap_or_default())
    }

    /// The uniqueid of a user's INBOX, of its tombstone too.
    fn account_id(&self, user: &UserId) -> UniqueId {
        let inbox = self.entries.get(&inbox(user)).filter(|entry| !entry.uniqueid.is_empty());
        // Without one, Cyrus takes directories that are named after the user.
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

    /// Whether there is a mailbox below a name (`mboxlist_haschildren`).
    pub fn has_children(&self, name: &MboxName) -> bool {
        let prefix = [name.as_bytes(), b"."].concat();
        let below = self.entries.range(MboxName::new(&prefix)..);
        below
            .take_while(|(name, _)| name.as_bytes().starts_with(&prefix))
            .any(|(_, e)| !e.mbtype.is_deleted() && !e.mbtype.is_intermediate())
    }

    /// The quota root that applies to a name (`quota_findroot`).
    pub fn quota_root(&self, name: &MboxName) -> Option<Text> {
        let above = |root: &&Text| is_within(name, root.as_bytes());
        self.quotas.keys().filter(above).max_by_key(|root| root.as_bytes().len()).cloned()
    }

    /// Living mailboxes of a name and below it.
    pub fn names_within(&self, above: &[u8]) -> Vec<MboxName> {
        let living = self.entries.keys().filter(|name| self.living(name).is_some());
        living.filter(|name| is_within(name, above)).cloned().collect()
    }

    /// Everything of a user: INBOX and what is below it, deleted mailboxes, intermediates; no
    /// tombstones (`mboxlist_usermboxtree`).
    pub fn tree(&self, user: &UserId) -> Vec<&MailboxEntry> {
        let inbox = inbox(user);
        let deleted = [b"DELETED.", inbox.as_bytes()].concat();
        let there = |e: &&MailboxEntry| !e.mbtype.is_deleted();
        let own = self.entries.values().filter(|e| is_within(&e.name, inbox.as_bytes()));
        let gone = self.entries.values().filter(|e| is_within(&e.name, &deleted));
        own.chain(gone).filter(there).collect()
    }
}
