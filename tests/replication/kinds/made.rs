//! Creates mailboxes that a mail client cannot create, in the state in which Cyrus's DAV and JMAP
//! would leave them. The master's own replication server creates them.

use cyrsync_lab::{Cyrus, SyncServer, Value};
use sha1::{Digest, Sha1};

/// An annotation: entry, userid, value.
pub type Note<'a> = (&'a str, &'a str, &'a str);

/// A message: text, flags, annotations.
pub type Message<'a> = (String, &'a [&'a str], Vec<Note<'a>>);

/// A mailbox and its contents.
pub struct Made<'a> {
    pub name: &'a str,
    pub mbtype: &'a str,
    /// Letters of the mailbox's options.
    pub options: &'a str,
    /// Modseq of all data in the mailbox. A later state needs a higher one.
    pub modseq: u64,
    pub notes: Vec<Note<'a>>,
    pub messages: Vec<Message<'a>>,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Made {
            name: "",
            mbtype: "e",
            options: "P",
            modseq: 100,
            notes: Vec::new(),
            messages: Vec::new(),
        }
    }
}

impl Made<'_> {
    /// Creates the mailbox on a server, or changes it to this state.
    #[track_caller]
    pub fn put(&self, cyrus: &Cyrus) {
        let mut server = SyncServer::spawn(cyrus);
        let hash = |text: &str| {
            Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let mut files = Vec::new();
        let mut records = Vec::new();
        for (uid, (text, flags, notes)) in (1..).zip(&self.messages) {
            let guid = hash(text);
            let bytes = text.clone().into_bytes();
            records.push(Value::keyed([
                ("UID", Value::number(uid)),
                ("MODSEQ", Value::number(self.modseq)),
                ("LAST_UPDATED", Value::number(1_700_000_000 + uid)),
                ("FLAGS", Value::texts(*flags)),
                ("INTERNALDATE", Value::number(1_690_000_000 + uid)),
                ("SIZE", Value::number(bytes.len() as u64)),
                ("GUID", Value::text(&guid)),
                ("ANNOTATIONS", annotations(notes, self.modseq)),
            ]));
            files.push(Value::File { partition: "default".into(), guid, bytes });
        }
        server.apply("MESSAGE", &Value::List(files)).ok();
        let owner = self.name.split('.').nth(1).unwrap_or("anyone");
        let mailbox = Value::keyed([
            ("UNIQUEID", Value::text(hash(self.name).get(..24).unwrap_or_default())),
            ("MBOXNAME", Value::text(self.name)),
            ("MBOXTYPE", Value::text(self.mbtype)),
            ("SYNC_CRC", Value::number(0)),
            ("LAST_UID", Value::number(self.messages.len() as u64)),
            ("HIGHESTMODSEQ", Value::number(self.modseq)),
            ("RECENTUID", Value::number(0)),
            ("RECENTTIME", Value::number(0)),
            ("LAST_APPENDDATE", Value::number(1_700_000_000)),
            ("POP3_LAST_LOGIN", Value::number(0)),
            ("UIDVALIDITY", Value::number(1_690_000_000)),
            ("PARTITION", Value::text("default")),
            ("ACL", Value::text(format!("{owner}\tlrswipkxtecdan789\tanna\tlrs89\t"))),
            ("OPTIONS", Value::text(self.options)),
            ("CREATEDMODSEQ", Value::number(90)),
            ("FOLDERMODSEQ", Value::number(self.modseq)),
            ("ANNOTATIONS", annotations(&self.notes, self.modseq)),
            ("RECORD", Value::List(records)),
        ]);
        server.apply("MAILBOX", &mailbox).ok();
    }
}

fn annotations(notes: &[Note<'_>], modseq: u64) -> Value {
    let one = |(entry, userid, value): &Note<'_>| {
        Value::keyed([
            ("ENTRY", Value::text(entry)),
            ("USERID", Value::text(userid)),
            ("MODSEQ", Value::number(modseq)),
            ("VALUE", Value::text(value)),
        ])
    };
    Value::List(notes.iter().map(one).collect())
}
