//! A master and a replica in memory for tests. The replica aborts like one of Cyrus 3.6.1.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sha1::{Digest, Sha1};

use crate::dlist::{Kv, Value, Writer, parse_named};
use crate::error::{Error, Kind, Result, Subject};
use crate::events::Silent;
use crate::names::Namespace;
use crate::protocol::{Command, Item, Reply, Ticket, Verb};
use crate::replica::{Capabilities, Replica};
use crate::settings::{self, Replication};
use crate::store::{
    Glance, Lock, Mailbox, MailboxFiles, MessageFile, Metadata, Records, ScriptDirectory, Store,
    UserTree, Wait,
};
use crate::sync::{Cancel, Pass, Staged};
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxEntry, MailboxHeader, MailboxState, MboxName, MboxType,
    Modseq, Quota, Record, Seen, SieveScript, SyncCrcs, Text, Uid, UniqueId, UserId,
};

/// A mailbox of the master, with a record and its file for each UID from 1.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    pub entry: MailboxEntry,
    pub state: MailboxState,
    pub records: Vec<Record>,
    /// `None` if the file is missing.
    pub files: Vec<Option<Vec<u8>>>,
    /// Whether opening it fails.
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
    /// Whether it can read the state of mailboxes without opening them.
    pub glances: bool,
    /// Which of `sub`, `seen`, `sieve`, `quota` cannot be read.
    pub unreadable: Vec<&'static str>,
    /// Which of `sub`, `sieve` do not exist.
    pub missing: Vec<&'static str>,
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
        let found = self.boxes.iter().find(|b| b.entry.name == *name);
        match found {
            Some(found) if found.broken => {
                Err(Error::new(Kind::Corrupt, "open", name.to_string(), "broken"))
            }
            Some(found) => Ok(Box::new(Opened(found))),
            None => Err(Error::new(Kind::NotFound, "open", name.to_string(), "not there")),
        }
    }
    fn glance(&self, entries: &[&MailboxEntry]) -> Vec<Option<Glance>> {
        let state = |entry: &&MailboxEntry| {
            let found = self.boxes.iter().find(|b| b.entry.name == entry.name);
            let state = found.filter(|_| self.glances)?.state.clone();
            Some(Glance { state, annotations: Vec::new() })
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
    fn computed_crcs(&mut self) -> Result<Option<SyncCrcs>> {
        Ok(Some(self.0.state.crcs))
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

/// A replica in memory. It carries out each command at once, and returns the replies later.
#[derive(Debug, Default)]
pub struct FakeReplica {
    /// All commands, for example `GET USER fred`, `APPLY MESSAGE (one two)`, `APPLY MAILBOX
    /// user.fred`.
    pub log: Vec<String>,
    /// Commands to refuse: how each starts, and the error kind.
    pub refuse: Vec<(&'static str, Kind)>,
    /// Why it aborted.
    pub aborted: Option<String>,
    /// Whether it answers updates with OK and ignores them.
    pub forgets: bool,
    /// Its answers to `GET`: `MAILBOX %(...)` and others.
    pub items: Vec<(Vec<u8>, Value<'static>)>,
    staged: HashSet<Vec<u8>>,
    replies: HashMap<Ticket, Result<Reply>>,
    next: u64,
}

impl FakeReplica {
    /// Makes a replica with these items.
    pub fn with(items: &[&str]) -> FakeReplica {
        let parsed = items.iter().map(|item| parse_named(item.as_bytes()).unwrap());
        FakeReplica {
            items: parsed.map(|(name, value, _)| (name.into(), value.into_owned())).collect(),
            ..FakeReplica::default()
        }
    }

    /// Makes the item of a mailbox in this state.
    pub fn item(name: &str, id: &str, last_uid: Uid, modseq: Modseq) -> String {
        format!(
            "MAILBOX %(UNIQUEID {id} MBOXNAME {name} PARTITION default UIDVALIDITY 0 \
             LAST_UID {last_uid} HIGHESTMODSEQ {modseq} RECENTUID 0 RECENTTIME 0 POP3_LAST_LOGIN 0)"
        )
    }

    /// Returns the commands that start with this text.
    pub fn commands(&self, start: &str) -> Vec<&str> {
        self.log.iter().map(String::as_str).filter(|line| line.starts_with(start)).collect()
    }

    /// Returns a numeric field of a mailbox.
    pub fn field(&self, name: &str, key: &str) -> u64 {
        let at = self.mailbox(name.as_bytes()).unwrap();
        self.items[at].1.kv().unwrap().opt_num64(key).unwrap().unwrap()
    }

    fn mailbox(&self, name: &[u8]) -> Option<usize> {
        let is = |kv: Kv<'_>| kv.atom("MBOXNAME").is_ok_and(|found| found == name);
        self.items.iter().position(|(item, v)| item == b"MAILBOX" && v.kv().is_ok_and(is))
    }

    fn run(&mut self, verb: Verb, name: &[u8], value: &Value) -> Result<Reply> {
        let subject = match value {
            Value::Kv(_) => {
                let kv = value.kv().unwrap();
                let name = kv.get("MBOXNAME").or(kv.get("OLDMBOXNAME")).or(kv.get("ROOT"));
                name.map(text).unwrap_or_default()
            }
            other => text(other),
        };
        let line = format!("{verb:?} {} {subject}", String::from_utf8_lossy(name));
        let line = line.replacen("Get", "GET", 1).replacen("Apply", "APPLY", 1);
        self.log.push(line.trim_end().to_owned());
        let refused = self.refuse.iter().position(|(start, _)| line.starts_with(start));
        if let Some(at) = refused {
            let (_, kind) = self.refuse[at];
            if kind == Kind::ReplicaChanged {
                // Refuse only once: the mailbox is then requested again.
                self.refuse.remove(at);
            }
            if kind == Kind::ReplicaChecksum {
                // Refuse only once, because the mailbox is removed here.
                self.refuse.remove(at);
                let mailbox = value.kv().unwrap().atom("MBOXNAME").unwrap();
                self.items.remove(self.mailbox(mailbox).unwrap());
            }
            return Err(Error::new(kind, "replica refused", line, "as told"));
        }
        let mut reply = Reply::default();
        match (verb, name) {
            (Verb::Restart, _) => self.staged.clear(),
            (Verb::Get, b"USER") => reply.items = self.items.iter().map(wire_item).collect(),
            (Verb::Get, b"META") => {
                let items = self.items.iter();
                let meta = items.filter(|(name, _)| name != b"MAILBOX" && name != b"QUOTA");
                reply.items = meta.map(wire_item).collect();
            }
            (Verb::Get, b"MAILBOXES") => {
                let found =
                    value.list().unwrap().iter().filter_map(|n| self.mailbox(n.atom().ok()?));
                reply.items = found.map(|at| wire_item(&self.items[at])).collect();
            }
            (Verb::Apply, b"RESERVE") => {
                let missing = value.kv().unwrap().get("GUID").unwrap().clone();
                reply.items.push(wire_item(&(b"MISSING".to_vec(), missing)));
            }
            (Verb::Apply, b"MESSAGE") => {
                for file in value.list().unwrap() {
                    let Value::File { guid, .. } = file else { panic!("{file:?}") };
                    self.staged.insert(guid.to_vec());
                }
            }
            (Verb::Apply, b"MAILBOX") if !self.forgets => self.update(value),
            (Verb::Apply, b"RENAME") => {
                let kv = value.kv().unwrap();
                let at = self.mailbox(kv.atom("OLDMBOXNAME").unwrap()).unwrap();
                assert!(
                    kv.atom("OLDMBOXNAME").unwrap() == kv.atom("NEWMBOXNAME").unwrap()
                        || self.mailbox(kv.atom("NEWMBOXNAME").unwrap()).is_none()
                );
                let Value::Kv(pairs) = &mut self.items[at].1 else { panic!("a mailbox") };
                let name = pairs.iter_mut().find(|(key, _)| **key == *b"MBOXNAME").unwrap();
                name.1 = Value::Atom(kv.atom("NEWMBOXNAME").unwrap().to_vec().into());
            }
            (Verb::Apply, b"UNMAILBOX") => {
                let at = self.mailbox(value.atom().unwrap()).unwrap();
                self.items.remove(at);
            }
            _ => {}
        }
        Ok(reply)
    }

    fn update(&mut self, value: &Value) {
        let kv = value.kv().unwrap();
        let name = kv.atom("MBOXNAME").unwrap();
        let at = self.mailbox(name);
        let known = at.map_or(0, |at| self.items[at].1.kv().unwrap().num32("LAST_UID").unwrap());
        for record in kv.opt_list("RECORD").unwrap().unwrap_or_default() {
            let record = record.kv().unwrap();
            let expunged = record.list("FLAGS").unwrap().iter().any(|f| text(f) == "\\Expunged");
            let staged = self.staged.contains(record.atom("GUID").unwrap());
            if record.num32("UID").unwrap() > known && !expunged && !staged {
                let uid = record.num32("UID").unwrap();
                self.aborted = Some(format!("{} uid {uid} is not staged", text_of(name)));
            }
        }
        let Value::Kv(pairs) = value else { return };
        let kept = pairs.iter().filter(|(key, _)| **key != *b"RECORD").cloned().collect();
        let item = (b"MAILBOX".to_vec(), Value::Kv(kept).into_owned());
        match at {
            Some(at) => self.items[at] = item,
            None => self.items.push(item),
        }
    }
}

/// Formats an item as on the wire.
fn wire_item((name, value): &(Vec<u8>, Value)) -> Item {
    let mut line = Vec::new();
    let mut writer = Writer::new(&mut line);
    writer.name(std::str::from_utf8(name).unwrap()).unwrap();
    write_value(&mut writer, value);
    Item::new(line).unwrap()
}

fn write_value(w: &mut Writer<'_>, value: &Value) {
    match value {
        Value::Nil => w.nil().unwrap(),
        Value::Atom(bytes) => w.atom(bytes).unwrap(),
        Value::List(items) => {
            w.open_list().unwrap();
            items.iter().for_each(|item| write_value(w, item));
            w.close().unwrap();
        }
        Value::Kv(pairs) => {
            w.open_kv().unwrap();
            for (key, value) in pairs {
                w.key(std::str::from_utf8(key).unwrap()).unwrap();
                write_value(w, value);
            }
            w.close().unwrap();
        }
        Value::File { .. } => panic!("no answer holds a file here"),
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn text(value: &Value) -> String {
    match value {
        Value::Atom(bytes) | Value::File { bytes, .. } => text_of(bytes),
        Value::List(items) => format!("({})", items.iter().map(text).collect::<Vec<_>>().join(" ")),
        _ => String::new(),
    }
}

impl Replica for FakeReplica {
    fn submit(&mut self, mut command: Command<'_>) -> Result<Ticket> {
        let verb = command.verb();
        let mut bytes = Vec::new();
        command.encode(&mut Writer::new(&mut bytes))?;
        let (name, value) = match verb {
            Verb::Restart => (b"RESTART".as_slice().into(), Value::Nil),
            _ => parse_named(&bytes).map(|(name, value, _)| (name, value)).unwrap(),
        };
        let reply = match &self.aborted {
            Some(why) => Err(Error::new(Kind::Closed, "talk to", "the replica", why.clone())),
            None => self.run(verb, &name, &value),
        };
        self.next += 1;
        self.replies.insert(Ticket(self.next), reply);
        Ok(Ticket(self.next))
    }
    fn wait(&mut self, ticket: Ticket) -> Result<Reply> {
        self.replies.remove(&ticket).expect("a reply is taken once")
    }
    fn discard(&mut self, ticket: Ticket) {
        self.replies.remove(&ticket);
    }
    fn expect(&mut self, _: u64) {}
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
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
