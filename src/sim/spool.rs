//! A mail spool in memory, of a master or of a replica: the list of mailboxes, their contents, what
//! belongs to users. Its parts are those of Cyrus 3.6.1's disk, so that what Cyrus forgets to clean
//! up is left over here too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha1::{Digest, Sha1};

use crate::types::{
    Annotation, CrcSum, FormerName, Guid, InternalFlags, MailboxEntry, MailboxHeader, MailboxState,
    MboxName, MboxType, Modseq, Options, Quota, Record, Seen, SieveScript, SyncCrcs, Text, Time,
    Uid, UniqueId, UserId, crc,
};

/// The version of cyrus.index that 3.6 writes.
pub(super) const MINOR_VERSION: u32 = 17;

/// The first moment of every history.
pub(super) const START: Time = 1_700_000_000;

/// A message and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub record: Record,
    /// Ordered.
    pub annotations: Vec<Annotation>,
    /// Its file, until that is unlinked.
    pub file: Option<Arc<[u8]>>,
}

/// A mailbox as its directory has it; name, ACL and type are those of its entry.
#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    pub state: MailboxState,
    /// The mailbox's own, ordered.
    pub annotations: Vec<Annotation>,
    pub messages: BTreeMap<Uid, Message>,
}

/// A sieve script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    pub content: Arc<[u8]>,
    pub last_update: Time,
}

/// What a user has beside mailboxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub subscriptions: BTreeSet<MboxName>,
    pub seen: BTreeMap<UniqueId, Seen>,
    /// By the name that users see.
    pub scripts: BTreeMap<Text, Script>,
    /// The active script.
    pub active: Option<Text>,
}

impl Account {
    /// The scripts as replication lists them: the active one once more, as bytecode
    /// (`list_gen_cb`).
    pub fn listed(&self) -> Vec<SieveScript> {
        let mut all = Vec::new();
        for (name, script) in &self.scripts {
            all.push(SieveScript {
                name: Text::from(&*format!("{name}.script")),
                last_update: script.last_update,
                guid: guid(&script.content),
                active: false,
            });
            if self.active.as_ref() == Some(name) {
                let name = Text::from(&*format!("{name}.bc"));
                let guid = Guid::default();
                all.push(SieveScript { name, last_update: 0, guid, active: true });
            }
        }
        all
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Spool {
    /// The list of mailboxes by name, tombstones and intermediates included.
    pub entries: BTreeMap<MboxName, MailboxEntry>,
    /// The same by uniqueid, with former names.
    pub by_id: BTreeMap<UniqueId, MailboxEntry>,
    pub folders: BTreeMap<UniqueId, Folder>,
    /// By the uniqueid of the INBOX, as Cyrus names the directories of its users.
    pub accounts: BTreeMap<UniqueId, Account>,
    pub quotas: BTreeMap<Text, Quota>,
    /// Annotations of the server, ordered.
    pub annotations: Vec<Annotation>,
    pub now: Time,
    /// How many uniqueids this server has made up.
    pub ids: u64,
    /// What its uniqueids begin with.
    pub id_prefix: &'static str,
}

/// The GUID of a message or script.
pub(super) fn guid(bytes: &[u8]) -> Guid {
    Guid(Sha1::digest(bytes).into())
}

impl Message {
    pub fn is_expunged(&self) -> bool {
        self.record.is_expunged()
    }

    pub fn is_unlinked(&self) -> bool {
        self.record.internal_flags.has(InternalFlags::UNLINKED)
    }
}

impl Folder {
    /// Both sync CRCs, computed.
    pub fn crcs(&self) -> SyncCrcs {
        let flags = crc::FlagCrcs::new(&self.state.flags);
        let mut sum = CrcSum::EMPTY;
        for message in self.messages.values().filter(|message| !message.is_expunged()) {
            sum.basic ^= crc::basic(&message.record, &flags);
            sum.annot ^= crc::virtual_annots(&message.record, MINOR_VERSION);
            for annotation in &message.annotations {
                sum.annot ^= crc::annot(message.record.uid, annotation);
            }
        }
        sum.into()
    }

    /// The bit of a user flag, which gets one if it has none.
    pub fn flag_bit(&mut self, name: &Text) -> usize {
        let flags = &mut self.state.flags;
        let known = flags.iter().position(|flag| flag.as_ref() == Some(name));
        known.unwrap_or_else(|| {
            flags.push(Some(name.clone()));
            flags.len() - 1
        })
    }

    /// The next modseq, which is the highest then.
    pub fn next_modseq(&mut self) -> Modseq {
        self.state.highestmodseq += 1;
        self.state.highestmodseq
    }

    /// Private annotations of the owner are the next owner's when a mailbox goes to another user:
    /// Cyrus stores them as the owner's, whoever that is.
    fn change_owner(&mut self, from: Option<UserId>, to: Option<UserId>) {
        let (Some(from), Some(to)) = (from, to) else { return };
        if from == to {
            return;
        }
        let of_messages = self.messages.values_mut().map(|message| &mut message.annotations);
        for all in of_messages.chain([&mut self.annotations]) {
            for annotation in all.iter_mut().filter(|a| *a.userid.as_bytes() == *from.as_bytes()) {
                annotation.userid = Text::new(&to);
            }
            all.sort();
        }
    }

    /// Counts and CRCs of the index header follow the records.
    pub fn settle(&mut self) {
        let count = |n: usize| u32::try_from(n).unwrap();
        self.state.num_records = count(self.messages.len());
        let exists = self.messages.values().filter(|message| !message.is_expunged());
        self.state.exists = Some(count(exists.count()));
        if self.state.exists == Some(0) {
            // As whoever reads the header of an empty one takes it.
            self.state.options.0 |= Options::POP3_NEW_UIDL;
        }
        self.state.crcs = self.crcs();
    }
}

/// Sets or removes an annotation among ordered ones.
pub(super) fn annotate(
    all: &mut Vec<Annotation>,
    entry: &Text,
    userid: &Text,
    value: Option<&[u8]>,
) {
    all.retain(|known| (&known.entry, &known.userid) != (entry, userid));
    if let Some(value) = value {
        let value = Text::new(value);
        all.push(Annotation { entry: entry.clone(), userid: userid.clone(), value, modseq: 0 });
        all.sort();
    }
}

/// The names above a mailbox of a user, nearest first, the INBOX last.
pub(super) fn parents(name: &MboxName) -> Vec<MboxName> {
    let mut parents = Vec::new();
    let mut rest = name.as_bytes();
    while let Some(dot) = rest.iter().rposition(|byte| *byte == b'.') {
        rest = &rest[..dot];
        parents.push(MboxName::new(rest));
    }
    if name.as_bytes().starts_with(b"user.") {
        parents.pop();
    }
    parents
}

/// Who owns a mailbox, a deleted one included.
pub(super) fn owner(name: &MboxName) -> Option<UserId> {
    let name = name.as_bytes();
    let name = name.strip_prefix(b"DELETED.").unwrap_or(name);
    let rest = name.strip_prefix(b"user.")?;
    Some(UserId::new(rest.split(|byte| *byte == b'.').next().unwrap_or_default()))
}

pub(super) fn inbox(user: &UserId) -> MboxName {
    MboxName::from(&*format!("user.{user}"))
}

pub(super) fn is_deleted_name(name: &MboxName) -> bool {
    name.as_bytes().starts_with(b"DELETED.")
}

/// Whether `name` lies below `above`, or is it.
pub(super) fn is_within(name: &MboxName, above: &[u8]) -> bool {
    let rest = name.as_bytes().strip_prefix(above);
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.')))
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
        Some(state)
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

    /// Writes or removes an entry; the record by uniqueid follows (`mboxlist_update_entry`). When an
    /// entry is removed that record stays, as in 3.6.
    pub fn update_entry(&mut self, name: &MboxName, entry: Option<MailboxEntry>) {
        let Some(mut entry) = entry else {
            self.entries.remove(name);
            return;
        };
        entry.name = name.clone();
        entry.mtime = self.now;
        entry.name_history.clear();
        if let Some(old) = self.entries.get(name)
            && old.uniqueid != entry.uniqueid
            && self.by_id.get(&old.uniqueid).is_some_and(|known| known.name == *name)
        {
            self.by_id.remove(&old.uniqueid);
        }
        self.entries.insert(name.clone(), entry.clone());
        if entry.uniqueid.is_empty() {
            return;
        }
        let mut record = entry;
        if let Some(old) = self.by_id.remove(&record.uniqueid) {
            if old.name != *name {
                record.name_history.push(FormerName {
                    name: old.name,
                    partition: old.partition,
                    mtime: old.mtime,
                    foldermodseq: old.foldermodseq,
                    uidvalidity: old.uidvalidity,
                });
            }
            record.name_history.extend(old.name_history);
        }
        self.by_id.insert(record.uniqueid.clone(), record);
    }

    /// Whether there is a mailbox below a name (`mboxlist_haschildren`).
    pub fn has_children(&self, name: &MboxName) -> bool {
        let prefix = [name.as_bytes(), b"."].concat();
        let below = self.entries.range(MboxName::new(&prefix)..);
        below
            .take_while(|(name, _)| name.as_bytes().starts_with(&prefix))
            .any(|(_, e)| !e.mbtype.is_deleted() && !e.mbtype.is_intermediate())
    }

    /// Makes intermediates of the names above a mailbox that stand for nothing yet
    /// (`mboxlist_update_intermediaries`).
    pub fn fill_in(&mut self, name: &MboxName, modseq: Modseq) {
        if is_deleted_name(name) || owner(name).is_none() {
            return;
        }
        let mut names = vec![name.clone()];
        names.extend(parents(name));
        names.pop();
        for name in names {
            let known = self.entries.get(&name).is_some_and(|e| !e.mbtype.is_deleted());
            if known || !self.has_children(&name) {
                continue;
            }
            self.create(&name, Created { foldermodseq: modseq, ..Created::default() });
        }
    }

    pub fn next_id(&mut self) -> UniqueId {
        self.ids += 1;
        UniqueId::from(&*format!("{}{}", self.id_prefix, self.ids))
    }

    /// The quota root that applies to a name (`quota_findroot`).
    pub fn quota_root(&self, name: &MboxName) -> Option<Text> {
        let above = |root: &&Text| is_within(name, root.as_bytes());
        self.quotas.keys().filter(above).max_by_key(|root| root.as_bytes().len()).cloned()
    }

    /// Creates a mailbox (`mboxlist_createmailbox`); the name must be free.
    pub fn create(&mut self, name: &MboxName, new: Created) {
        let (old, mut new) = (self.entries.get(name).filter(|_| !new.sync).cloned(), new);
        if let Some(old) = old {
            if old.mbtype.is_deleted() {
                // UIDs of the mailbox that had this name must not seem to be those of this one.
                new.uidvalidity = self.next_uidvalidity().max(old.uidvalidity + 1);
            } else if old.mbtype.is_intermediate() {
                new.uniqueid = new.uniqueid.or(Some(old.uniqueid));
                new.createdmodseq = old.createdmodseq;
            }
        }
        let uniqueid = new.uniqueid.unwrap_or_else(|| self.next_id());
        let parent = parents(name).into_iter().find_map(|above| self.living(&above).cloned());
        let acl = match (new.acl, &parent) {
            (Some(acl), _) => acl,
            (None, Some(parent)) => parent.acl.clone(),
            (None, None) => Text::from("anyone\tlrs\t"),
        };
        let highestmodseq = if new.highestmodseq == 0 { 1 } else { new.highestmodseq };
        let createdmodseq = match new.createdmodseq {
            0 => highestmodseq,
            created => created.min(highestmodseq),
        };
        let uidvalidity =
            if new.uidvalidity == 0 { self.next_uidvalidity() } else { new.uidvalidity };
        let header = MailboxHeader {
            name: name.clone(),
            uniqueid: uniqueid.clone(),
            quotaroot: self.quota_root(name),
            options: new.options,
            uidvalidity,
            highestmodseq,
            createdmodseq: Some(createdmodseq),
            ..MailboxHeader::default()
        };
        let minor_version = MINOR_VERSION;
        let state = MailboxState { header, minor_version, ..MailboxState::default() };
        let mut folder = Folder { state, ..Folder::default() };
        folder.settle();
        self.folders.insert(uniqueid.clone(), folder);
        let foldermodseq = if new.foldermodseq == 0 { highestmodseq } else { new.foldermodseq };
        let partition = match (new.partition.is_empty(), parent) {
            (false, _) => new.partition,
            (true, Some(parent)) => parent.partition,
            (true, None) => Text::from("default"),
        };
        let entry = MailboxEntry {
            uniqueid,
            mbtype: new.mbtype,
            partition,
            acl,
            uidvalidity,
            createdmodseq,
            foldermodseq,
            ..MailboxEntry::default()
        };
        self.update_entry(name, Some(entry));
        if !new.keep_intermediates {
            self.fill_in(name, foldermodseq);
        }
    }

    /// Seconds would be the same for mailboxes that are made in one.
    fn next_uidvalidity(&mut self) -> u32 {
        self.now += 1;
        u32::try_from(self.now).unwrap()
    }

    /// Deletes a mailbox for good (`mboxlist_deletemailbox`). `silent`: on a replica, where no modseq
    /// goes up.
    pub fn delete(&mut self, name: &MboxName, silent: bool) -> Option<()> {
        let entry = self.entries.get(name)?.clone();
        if entry.mbtype.is_deleted() {
            return None;
        }
        if entry.mbtype.is_intermediate() {
            let foldermodseq = entry.foldermodseq + u64::from(!silent);
            let mbtype = MboxType(entry.mbtype.0 | MboxType::DELETED);
            let tombstone = MailboxEntry { foldermodseq, mbtype, ..entry };
            self.update_entry(name, (!is_deleted_name(name)).then_some(tombstone));
            return Some(());
        }
        if is_deleted_name(name) {
            self.update_entry(name, None);
            self.folders.remove(&entry.uniqueid);
            return Some(());
        }
        let folder = self.folders.remove(&entry.uniqueid)?;
        let foldermodseq = folder.state.highestmodseq + u64::from(!silent);
        let left = MailboxEntry {
            uniqueid: entry.uniqueid,
            mbtype: MboxType(match self.has_children(name) {
                true => MboxType::INTERMEDIATE,
                false => MboxType::DELETED,
            }),
            uidvalidity: folder.state.uidvalidity,
            createdmodseq: folder.state.createdmodseq.unwrap_or(0),
            foldermodseq,
            ..MailboxEntry::default()
        };
        self.update_entry(name, Some(left));
        self.fill_in(name, foldermodseq);
        Some(())
    }

    /// Renames a mailbox (`mboxlist_renamemailbox`), or moves it to another partition if the name
    /// stays. `silent`: on a replica.
    pub fn rename(&mut self, from: &MboxName, to: &MboxName, rename: Renamed) -> Option<()> {
        let entry = self.entries.get(from)?.clone();
        let mut new = entry.clone();
        if entry.mbtype.is_intermediate() {
            self.name_is_free(to)?;
            new.foldermodseq += u64::from(!rename.silent);
        } else {
            if from == to {
                let partition = rename.partition.filter(|p| *p != entry.partition)?;
                new.partition = partition;
                new.foldermodseq += u64::from(!rename.silent);
                self.update_entry(to, Some(new));
                return Some(());
            }
            if self.living(to).is_some() {
                return None;
            }
            let root = self.quota_root(to);
            let folder = self.folders.get_mut(&entry.uniqueid)?;
            folder.state.quotaroot = root;
            folder.change_owner(owner(from), owner(to));
            if !rename.silent {
                folder.next_modseq();
            }
            new.foldermodseq = folder.state.highestmodseq;
        }
        let tombstone = MailboxEntry {
            mbtype: MboxType(entry.mbtype.0 | MboxType::DELETED),
            foldermodseq: new.foldermodseq,
            partition: Text::default(),
            acl: Text::default(),
            ..entry
        };
        let foldermodseq = new.foldermodseq;
        self.update_entry(from, Some(tombstone));
        self.update_entry(to, Some(new));
        if !rename.keep_intermediates {
            self.fill_in(from, foldermodseq);
            self.fill_in(to, foldermodseq);
        }
        Some(())
    }

    fn name_is_free(&self, name: &MboxName) -> Option<()> {
        self.living(name).is_none().then_some(())
    }

    /// Sets the limits of a quota root; mailboxes below it get to know of it (`mboxlist_setquotas`).
    pub fn set_quota(&mut self, quota: Quota) {
        let root = quota.root.clone();
        let new = !self.quotas.contains_key(&root);
        self.quotas.insert(root.clone(), quota);
        if !new {
            return;
        }
        for name in self.names_within(root.as_bytes()) {
            let Some(folder) = self.folder_mut(&name) else { continue };
            let longer = folder.state.quotaroot.as_ref().map(|r| r.as_bytes().len());
            if longer.is_none_or(|longer| longer < root.as_bytes().len()) {
                folder.state.quotaroot = Some(root.clone());
            }
        }
    }

    /// Removes a quota root, from mailboxes below it too (`mboxlist_unsetquota`).
    pub fn remove_quota(&mut self, root: &Text) {
        if self.quotas.remove(root).is_none() {
            return;
        }
        for name in self.names_within(root.as_bytes()) {
            if let Some(folder) = self.folder_mut(&name)
                && folder.state.quotaroot.as_ref() == Some(root)
            {
                folder.state.quotaroot = None;
            }
        }
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

/// How a mailbox is created; what is empty or 0 is made up.
#[derive(Debug, Clone, Default)]
pub(super) struct Created {
    pub uniqueid: Option<UniqueId>,
    pub mbtype: MboxType,
    pub partition: Text,
    pub acl: Option<Text>,
    pub options: Options,
    pub uidvalidity: u32,
    pub highestmodseq: Modseq,
    pub createdmodseq: Modseq,
    pub foldermodseq: Modseq,
    pub keep_intermediates: bool,
    /// As replication creates it, with what it was told alone.
    pub sync: bool,
}

/// How a mailbox is renamed.
#[derive(Debug, Clone, Default)]
pub(super) struct Renamed {
    pub partition: Option<Text>,
    pub silent: bool,
    pub keep_intermediates: bool,
}
