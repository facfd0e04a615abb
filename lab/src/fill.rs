//! Fills a spool with thousands of messages a second, through Cyrus's own replication server.
//!
//! `APPLY MESSAGE` stages the files. `APPLY MAILBOX` with `SYNC_CRC 0`, which the server does not
//! check, adds them to the index. The modseqs ascend, as with delivery. The next batch is prepared
//! while the server processes the last one.

use std::collections::HashMap;

use sha1::{Digest, Sha1};

use crate::cyrus::Cyrus;
use crate::dlist::Value;
use crate::rng::Rng;
use crate::sync_server::SyncServer;
use crate::text;

/// Limits of a batch: number of messages, and bytes.
const BATCH_MESSAGES: usize = 500;
const BATCH_BYTES: usize = 4 << 20;

/// Arrival time of the first message: 2024-01-01.
const FIRST_ARRIVAL: u64 = 1_704_067_200;

/// Creates mailboxes with messages. The daemons may run at the same time.
#[derive(Debug)]
pub struct Filler {
    server: SyncServer,
    rng: Rng,
    /// Highest modseq used so far, by owner (`""` for shared mailboxes).
    modseqs: HashMap<String, u64>,
    outstanding: usize,
}

/// The amount of mail to create.
#[derive(Debug, Clone, Copy)]
pub struct Bulk {
    /// Number of users, named `u000`, `u001`, ...
    pub users: usize,
    /// Number of mailboxes of each user, including INBOX.
    pub folders: usize,
    /// Number of messages in each mailbox.
    pub messages: usize,
    /// Seed for the contents.
    pub seed: u64,
}

impl Filler {
    /// Starts a replication server on the spool.
    pub fn new(cyrus: &Cyrus, seed: u64) -> Filler {
        let server = SyncServer::spawn(cyrus);
        Filler { server, rng: Rng::new(seed), modseqs: HashMap::new(), outstanding: 0 }
    }

    /// Creates a mailbox with messages of usual sizes, about 11 KiB on average.
    pub fn mailbox(&mut self, name: &str, messages: usize) {
        self.mailbox_of_sizes(name, messages, text::usual_size);
    }

    /// Creates a mailbox with messages whose sizes `size` returns. A user's INBOX (`user.fred`)
    /// must be created before the user's other mailboxes.
    pub fn mailbox_of_sizes(
        &mut self,
        name: &str,
        messages: usize,
        size: impl Fn(&mut Rng) -> usize,
    ) {
        self.mailbox_of(name, messages, |rng| {
            let wanted = size(rng);
            text::message(rng, wanted)
        });
    }

    /// Creates a mailbox with the messages that `make` returns. A user's INBOX must be created
    /// before the user's other mailboxes.
    pub fn mailbox_of(&mut self, name: &str, messages: usize, make: impl Fn(&mut Rng) -> Vec<u8>) {
        let uniqueid = self.unique_id();
        let mut state = State {
            name: name.to_owned(),
            uniqueid,
            created: self.modseq(name),
            highest: 0,
            last_uid: 0,
        };
        state.highest = state.created;
        let (mut files, mut records, mut bytes) = (Vec::new(), Vec::new(), 0);
        for _ in 0..messages {
            let message = make(&mut self.rng);
            state.last_uid += 1;
            state.highest = self.modseq(name);
            bytes += message.len();
            let guid: String = Sha1::digest(&message).iter().map(|b| format!("{b:02x}")).collect();
            records.push(record(&mut self.rng, &state, &guid, message.len()));
            files.push(Value::File { partition: "default".into(), guid, bytes: message });
            if files.len() >= BATCH_MESSAGES || bytes >= BATCH_BYTES {
                self.batch(&state, std::mem::take(&mut files), std::mem::take(&mut records));
                bytes = 0;
            }
        }
        if !files.is_empty() || state.last_uid == 0 {
            self.batch(&state, files, records);
        }
        self.settle();
    }

    /// Creates users with INBOX, Sent, Archive, ... with `bulk.messages` messages each.
    pub fn bulk(&mut self, bulk: Bulk) {
        self.bulk_of(bulk, |rng| {
            let size = text::usual_size(rng);
            text::message(rng, size)
        });
    }

    /// Like [`Filler::bulk`], with the messages that `make` returns.
    pub fn bulk_of(&mut self, bulk: Bulk, make: impl Fn(&mut Rng) -> Vec<u8>) {
        const FOLDERS: [&str; 6] = ["Sent", "Archive", "Drafts", "Trash", "Lists", "Lists.rust"];
        for user in 0..bulk.users {
            let inbox = format!("user.u{user:03}");
            self.mailbox_of(&inbox, bulk.messages, &make);
            for n in 1..bulk.folders {
                let folder = FOLDERS.get(n - 1).map_or_else(|| format!("f{n}"), |f| (*f).into());
                self.mailbox_of(&format!("{inbox}.{folder}"), bulk.messages, &make);
            }
        }
    }

    fn modseq(&mut self, mailbox: &str) -> u64 {
        let modseq = self.modseqs.entry(owner(mailbox).to_owned()).or_insert(0);
        *modseq += 1;
        *modseq
    }

    fn unique_id(&mut self) -> String {
        const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..24).map(|_| char::from(*self.rng.pick(LETTERS).unwrap_or(&b'0'))).collect()
    }

    fn batch(&mut self, state: &State, files: Vec<Value>, records: Vec<Value>) {
        let mut bytes = b"APPLY MESSAGE ".to_vec();
        Value::List(files).write(&mut bytes);
        bytes.extend(b"\r\nAPPLY MAILBOX ");
        state.value(records).write(&mut bytes);
        bytes.extend(b"\r\nRESTART\r\n");
        self.settle();
        self.server.send(&bytes);
        self.outstanding = 3;
    }

    fn settle(&mut self) {
        for _ in 0..std::mem::take(&mut self.outstanding) {
            self.server.reply().ok();
        }
    }
}

/// Fills a server with the given amount of mail.
pub fn bulk(cyrus: &Cyrus, bulk: Bulk) {
    Filler::new(cyrus, bulk.seed).bulk(bulk);
}

struct State {
    name: String,
    uniqueid: String,
    created: u64,
    highest: u64,
    last_uid: u64,
}

impl State {
    fn value(&self, records: Vec<Value>) -> Value {
        let owner = owner(&self.name);
        let acl = match owner {
            "" => "anyone\tlrs\t".to_owned(),
            user => format!("{user}\tlrswipkxtecdan\t"),
        };
        let last = arrival(self.last_uid);
        Value::keyed([
            ("UNIQUEID", Value::text(&self.uniqueid)),
            ("MBOXNAME", Value::text(&self.name)),
            ("SYNC_CRC", Value::number(0)),
            ("LAST_UID", Value::number(self.last_uid)),
            ("HIGHESTMODSEQ", Value::number(self.highest)),
            ("RECENTUID", Value::number(self.last_uid)),
            ("RECENTTIME", Value::number(last)),
            ("LAST_APPENDDATE", Value::number(last)),
            ("POP3_LAST_LOGIN", Value::number(0)),
            ("UIDVALIDITY", Value::number(FIRST_ARRIVAL)),
            ("PARTITION", Value::text("default")),
            ("ACL", Value::text(acl)),
            ("OPTIONS", Value::text("P")),
            ("CREATEDMODSEQ", Value::number(self.created)),
            ("FOLDERMODSEQ", Value::number(self.created)),
            ("RECORD", Value::List(records)),
        ])
    }
}

fn record(rng: &mut Rng, state: &State, guid: &str, size: usize) -> Value {
    let mut flags = Vec::new();
    for (flag, often) in [
        ("\\Seen", 2),
        ("\\Answered", 9),
        ("\\Flagged", 15),
        ("$Forwarded", 30),
        ("$Label1", 25),
        ("NonJunk", 6),
    ] {
        if rng.one_in(often) {
            flags.push(flag);
        }
    }
    let time = arrival(state.last_uid);
    Value::keyed([
        ("UID", Value::number(state.last_uid)),
        ("MODSEQ", Value::number(state.highest)),
        ("LAST_UPDATED", Value::number(time)),
        ("FLAGS", Value::texts(flags)),
        ("INTERNALDATE", Value::number(time)),
        ("SIZE", Value::number(size as u64)),
        ("GUID", Value::text(guid)),
    ])
}

/// Returns the arrival time of a message: one message every five minutes.
fn arrival(uid: u64) -> u64 {
    FIRST_ARRIVAL + uid * 300
}

/// Returns the user in an internal name, or an empty text for shared mailboxes.
fn owner(name: &str) -> &str {
    name.strip_prefix("user.").and_then(|n| n.split('.').next()).unwrap_or("")
}
