//! A master in memory for tests.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use sha1::{Digest, Sha1};

use crate::error::{Error, Kind, Result, Subject};
use crate::events::Silent;
use crate::names::Namespace;
use crate::settings::{self, Replication};
use crate::store::{
    Lock, Mailbox, MailboxFiles, MessageFile, Metadata, Records, ScriptDirectory, Store,
    UnlockedState, UserTree, Wait,
};
use crate::sync::{Cancel, Pass, Staged};
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxEntry, MailboxHeader, MailboxState, MboxName, MboxType,
    Modseq, Quota, Record, Seen, SieveScript, SyncCrcs, Text, Uid, UniqueId, UserId,
};

use super::fake_replica::FakeReplica;

/// A mailbox of the master, with a record and a file for each UID from 1.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    pub entry: MailboxEntry,
    pub state: MailboxState,
    pub records: Vec<Record>,
    /// Content of the file of each record. `None` if the file is missing.
    pub files: Vec<Option<Vec<u8>>>,
    /// Whether opening the mailbox fails.
    pub broken: bool,
}

/// Returns the GUID of a text.
pub fn guid(text: &str) -> Guid {
    Guid(Sha1::digest(text.as_bytes()).into())
}

/// Makes a mailbox with these messages.
pub fn mailbox(name: &str, id: &str, messages: &[&str]) -> Folder {
    let records = messages.iter().zip(1..).map(|(text, uid)| Record {
        uid,
        modseq: 100 + u64::from(uid),
        size: text.len() as u64,
        guid: guid(text),
        ..Record::default()
    });
    let records: Vec<Record> = records.collect();
    let last_uid = records.last().map_or(0, |r| r.uid);
    Folder {
        entry: MailboxEntry {
            name: name.into(),
            uniqueid: id.into(),
            partition: "default".into(),
            ..MailboxEntry::default()
        },
        state: MailboxState {
            header: MailboxHeader {
                name: name.into(),
                uniqueid: id.into(),
                partition: "default".into(),
                last_uid,
                highestmodseq: 100 + u64::from(last_uid),
                crcs: SyncCrcs::computed(7, 7),
                minor_version: 17,
                ..MailboxHeader::default()
            },
            num_records: u32::try_from(records.len()).unwrap(),
            ..MailboxState::default()
        },
        records,
        files: messages.iter().map(|text| Some(text.as_bytes().to_vec())).collect(),
        broken: false,
    }
}

/// Makes an intermediate: a name above other mailboxes.
pub fn intermediate(name: &str, id: &str) -> Folder {
    let mut made = mailbox(name, id, &[]);
    made.entry.mbtype = MboxType(MboxType::INTERMEDIATE);
    made.entry.foldermodseq = 5;
    made
}

/// A master in memory.
#[derive(Debug, Default)]
pub struct Master {
    pub boxes: Vec<Folder>,
    pub tombstones: Vec<MailboxEntry>,
    pub quotas: Vec<Quota>,
    /// Whether fred has a subscription, seen state and a sieve script.
    pub metadata: bool,
    /// Whether the store can read the state of mailboxes without opening them.
    pub unlocked_states: bool,
    /// The kinds of data that cannot be read, of `sub`, `seen`, `sieve`, `quota`.
    pub unreadable: Vec<&'static str>,
    /// The files that do not exist, of `sub`, `sieve`.
    pub missing: Vec<&'static str>,
    /// The mailboxes that take the place of `boxes` when `is_replaced` is set.
    pub replaced_by: Vec<Folder>,
    pub is_replaced: AtomicBool,
}

struct Unlocked;

impl Lock for Unlocked {}

impl Master {
    fn of<T>(&self, one: impl FnOnce() -> T) -> Vec<T> {
        self.metadata.then(one).into_iter().collect()
    }

    fn readable(&self, file: &str) -> Result<()> {
        if self.unreadable.contains(&file) {
            Err(Error::new(Kind::Corrupt, "read", file, "damaged"))
        } else {
            Ok(())
        }
    }

    fn entries(&self) -> impl Iterator<Item = &MailboxEntry> {
        self.boxes.iter().map(|b| &b.entry).chain(&self.tombstones)
    }
}

impl Store for Master {
    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        Ok(self.entries().find(|e| e.name == *name).cloned())
    }
    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        Ok(self.entries().find(|e| e.uniqueid == *id).cloned())
    }
    fn user_tree(&self, _: &UserId) -> Result<UserTree> {
        let entries = self.boxes.iter().map(|b| b.entry.clone()).collect();
        Ok(UserTree { entries, unreadable: Vec::new() })
    }
    fn each_mailbox(
        &self,
        _: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.entries().try_for_each(|e| visit(e.clone()).map(drop))
    }
    fn sync_lock(&self, _: &str, _: Option<&UserId>, _: Wait) -> Result<Box<dyn Lock>> {
        Ok(Box::new(Unlocked))
    }
    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>> {
        let is_replaced = self.is_replaced.load(Ordering::Relaxed);
        let boxes = if is_replaced { &self.replaced_by } else { &self.boxes };
        match boxes.iter().find(|b| b.entry.name == *name) {
            Some(found) if found.broken => {
                Err(Error::new(Kind::Corrupt, "open", name.to_string(), "broken"))
            }
            Some(found) => Ok(Box::new(Opened(found))),
            None => Err(Error::new(Kind::NotFound, "open", name.to_string(), "not there")),
        }
    }
    fn read_unlocked(&self, entries: &[&MailboxEntry]) -> Vec<Option<UnlockedState>> {
        let state = |entry: &&MailboxEntry| {
            let found = self.boxes.iter().find(|b| b.entry.name == entry.name);
            let state = found.filter(|_| self.unlocked_states)?.state.clone();
            Some(UnlockedState { state, annotations: Vec::new() })
        };
        entries.iter().map(state).collect()
    }
    fn metadata(&self, user: &UserId, sieve_mailbox: Option<&MboxName>) -> Metadata {
        let missing = |what: &str| self.missing.contains(&what).then(|| what.into());
        Metadata {
            no_subscriptions: missing("sub"),
            script_directory: missing("sieve")
                .map_or(ScriptDirectory::Unknown, ScriptDirectory::Missing),
            ..Metadata::by_parts(self, user, sieve_mailbox)
        }
    }
    fn subscriptions(&self, _: &UserId) -> Result<Vec<MboxName>> {
        self.readable("sub")?;
        Ok(self.of(|| "user.fred.subscribed".into()))
    }
    fn seen(&self, _: &UserId) -> Result<Vec<Seen>> {
        self.readable("seen")?;
        Ok(self.of(|| Seen {
            uniqueid: "seen".into(),
            lastread: 1,
            lastuid: 1,
            lastchange: 1,
            seenuids: "1".into(),
        }))
    }
    fn quota(&self, root: &Text) -> Result<Option<Quota>> {
        self.readable("quota")?;
        Ok(self.quotas.iter().find(|q| q.root == *root).cloned())
    }
    fn sieve_scripts(&self, _: &UserId) -> Result<Vec<SieveScript>> {
        self.readable("sieve")?;
        Ok(self.of(|| SieveScript {
            name: "main.script".into(),
            last_update: 1,
            guid: guid(""),
            active: false,
        }))
    }
    fn sieve_content(&self, _: &UserId, _: &Text) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
    fn annotations(&self, _: Option<&MboxName>) -> Result<Vec<Annotation>> {
        Ok(Vec::new())
    }
    fn used_modseq(&self, _: &MboxName) -> Result<Modseq> {
        Ok(0)
    }
    fn raclmodseq(&self, _: &MboxName) -> Result<Modseq> {
        Ok(0)
    }
}

struct Opened<'s>(&'s Folder);

impl MailboxFiles for Opened<'_> {
    fn message(&self, record: &Record) -> Result<MessageFile> {
        let Some(bytes) = &self.0.files[record.uid as usize - 1] else {
            return Err(Error::new(Kind::Corrupt, "open", "message", "missing"));
        };
        Ok(bytes.clone().into())
    }
    fn message_name(&self, record: &Record) -> Subject {
        Subject::message(self.0.state.name.clone(), record.uid, None)
    }
}

impl Mailbox for Opened<'_> {
    fn state(&self) -> &MailboxState {
        &self.0.state
    }
    fn annotations(&self) -> Result<Vec<Annotation>> {
        Ok(Vec::new())
    }
    fn scan(
        &mut self,
        wanted: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        for record in self.0.records.iter().filter(|r| wanted.contain(r.uid)) {
            if visit(record)?.is_break() {
                break;
            }
        }
        Ok(())
    }
    fn visit_annotations(
        &self,
        _: &[Uid],
        _: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()> {
        Ok(())
    }
    fn unlock_index(&mut self) {}
}
/// Calls a function with a pass over this master and replica.
pub fn sync<T>(
    master: &Master,
    replica: &mut FakeReplica,
    batch_size: u32,
    work: impl FnOnce(&mut Pass<'_>) -> T,
) -> T {
    let settings = settings::tests::of("sync_host: replica\n");
    let names = Namespace::new(&settings.naming);
    let settings = Replication { sync_batchsize: batch_size, ..settings.replication };
    let cancel = Cancel::default();
    let mut staged = Staged::default();
    work(&mut Pass::new(master, &names, replica, &settings, &Silent, &cancel, &mut staged))
}

/// Marks the record with this UID as expunged.
pub fn expunge(mailbox: &mut Folder, uid: Uid) {
    mailbox.records[uid as usize - 1].internal_flags = InternalFlags(InternalFlags::EXPUNGED);
}
