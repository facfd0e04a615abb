//! Changes the list of mailboxes, like the functions of `imap/mboxlist.c`.

use super::data::Spool;
use super::folder::{Folder, MINOR_VERSION};
use super::names::{is_deleted_name, owner, parents};
use crate::types::{
    FormerName, MailboxEntry, MailboxHeader, MailboxState, MboxName, MboxType, Modseq, Options,
    Quota, Text, UniqueId,
};

/// The properties of a new mailbox. Defaults replace values that are empty or 0.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Created {
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
    /// Whether replication creates the mailbox. An earlier mailbox with the same name is then
    /// ignored.
    pub sync: bool,
}

/// The properties of a rename.
#[derive(Debug, Clone, Default)]
pub(in crate::sim) struct Renamed {
    pub partition: Option<Text>,
    pub silent: bool,
    pub keep_intermediates: bool,
}

impl Spool {
    /// Writes or removes the entry of a name, and updates the record of its uniqueid
    /// (`mboxlist_update_entry`). If the entry is removed, the record of the uniqueid stays, like
    /// in Cyrus 3.6.
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

    /// Creates intermediates for the unused names from `name` upwards
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

    /// Creates a mailbox (`mboxlist_createmailbox`). There must be no mailbox with this name.
    pub fn create(&mut self, name: &MboxName, new: Created) {
        let (old, mut new) = (self.entries.get(name).filter(|_| !new.sync).cloned(), new);
        if let Some(old) = old {
            if old.mbtype.is_deleted() {
                // The deleted mailbox had the same name. A new UIDVALIDITY shows clients that the
                // UIDs are new.
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
            minor_version: MINOR_VERSION,
            ..MailboxHeader::default()
        };
        let state = MailboxState { header, ..MailboxState::default() };
        let thread_ids = self.thread_ids;
        let mut folder = Folder { state, thread_ids, ..Folder::default() };
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

    /// Returns a new UIDVALIDITY. The clock is advanced, so that no two mailboxes get the same
    /// value.
    fn next_uidvalidity(&mut self) -> u32 {
        self.now += 1;
        u32::try_from(self.now).unwrap()
    }

    /// Deletes a mailbox permanently (`mboxlist_deletemailbox`). `silent` is set on a replica: no
    /// modseq is raised then.
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
            mbtype: MboxType(if self.has_children(name) {
                MboxType::INTERMEDIATE
            } else {
                MboxType::DELETED
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

    /// Renames a mailbox (`mboxlist_renamemailbox`). If both names are equal, moves it to another
    /// partition. `silent` is set on a replica.
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
            folder.state.header.quotaroot = root;
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

    /// Sets the limits of a quota root. A new root applies to the mailboxes below it
    /// (`mboxlist_setquotas`).
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
                folder.state.header.quotaroot = Some(root.clone());
            }
        }
    }

    /// Removes a quota root, also as the root of mailboxes (`mboxlist_unsetquota`).
    pub fn remove_quota(&mut self, root: &Text) {
        if self.quotas.remove(root).is_none() {
            return;
        }
        for name in self.names_within(root.as_bytes()) {
            if let Some(folder) = self.folder_mut(&name)
                && folder.state.quotaroot.as_ref() == Some(root)
            {
                folder.state.header.quotaroot = None;
            }
        }
    }
}
