//! A replica in memory for tests. It aborts in the same cases as a replica of Cyrus 3.6.1.

use std::collections::{HashMap, HashSet};

use crate::dlist::{Kv, Value, Writer, parse_named};
use crate::error::{Error, Kind, Result};
use crate::protocol::{Command, Item, Reply, Ticket, Verb};
use crate::replica::{Capabilities, Replica};
use crate::types::{Modseq, Uid};

/// A replica in memory. It carries out each command at once, and returns the replies later.
#[derive(Debug, Default)]
pub struct FakeReplica {
    /// All commands, for example `GET USER fred`, `APPLY MESSAGE (one two)`, `APPLY MAILBOX
    /// user.fred`.
    pub log: Vec<String>,
    /// Commands to refuse: the first characters of the command, and the error kind.
    pub refuse: Vec<(&'static str, Kind)>,
    /// The reason why the replica aborted.
    pub aborted: Option<String>,
    /// Whether the replica replies OK to updates and ignores them.
    pub forgets: bool,
    /// The replica's data, as in replies to `GET`: `MAILBOX %(...)` and others.
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

    /// Makes the `MAILBOX` item of a mailbox in this state.
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

    /// Returns the number of replies that were neither taken nor discarded.
    pub fn unread_replies(&self) -> usize {
        self.replies.len()
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
                // Refuse only once: the client then tries again.
                self.refuse.remove(at);
            }
            if kind == Kind::ReplicaChecksum {
                // Refuse only once, and remove the mailbox.
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
            (Verb::Get, b"FULLMAILBOX") => {
                let found = self.mailbox(value.atom().unwrap());
                reply.items = found.map(|at| wire_item(&self.items[at])).into_iter().collect();
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

/// Formats an item as a replica sends it.
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
