//! Loads the fixtures in `tests/fixtures/index`, each with Cyrus's own description of the mailbox.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::types::{Annotation, SyncCrcs, Text, Uid};

/// A fixture: the files of a mailbox, and Cyrus's description of the mailbox.
pub(crate) struct Recorded {
    pub(crate) name: &'static str,
    pub(crate) index: Vec<u8>,
    pub(crate) header: Vec<u8>,
    pub(crate) mailbox: BTreeMap<String, String>,
    pub(crate) records: Vec<RecordedRecord>,
    /// Annotations in Cyrus's order, each with its UID. The UID 0 stands for the mailbox itself.
    pub(crate) annotations: Vec<(Uid, Annotation)>,
}

pub(crate) struct RecordedRecord {
    pub(crate) uid: Uid,
    /// The values of modseq, last_updated, internaldate, size and GUID.
    pub(crate) fields: String,
    /// The names of the flags, sorted in Cyrus's order.
    pub(crate) flags: Vec<String>,
}

impl Recorded {
    /// Reads all fixtures. Those of old versions of cyrus.index come first.
    pub(crate) fn all() -> Vec<Recorded> {
        let names = ["v12", "v13", "v14", "v15", "v16", "text-header", "v17", "v18", "v19"];
        // A Cyrus 3.13 server wrote these, in different versions of cyrus.index.
        let recent = ["v17-recent", "v19-recent", "v20", "v20-thread"];
        names.into_iter().chain(recent).map(Recorded::read).collect()
    }

    pub(crate) fn read(name: &'static str) -> Recorded {
        let dir: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/index", name].iter().collect();
        let file = |file| std::fs::read(dir.join(file)).unwrap();
        let mut recorded = Recorded {
            name,
            index: file("cyrus.index"),
            header: file("cyrus.header"),
            mailbox: BTreeMap::new(),
            records: vec![],
            annotations: vec![],
        };
        let facts = String::from_utf8(file("reply")).unwrap();
        for fact in facts.lines() {
            match fact.split_once('\t').unwrap() {
                ("mailbox", rest) => {
                    let (key, value) = rest.split_once('\t').unwrap();
                    recorded.mailbox.insert(key.to_owned(), value.to_owned());
                }
                ("record", rest) => {
                    let (uid, rest) = rest.split_once('\t').unwrap();
                    let (fields, flags) = rest.rsplit_once('\t').unwrap();
                    let mut flags: Vec<_> = flags.split_whitespace().map(str::to_owned).collect();
                    flags.sort();
                    recorded.records.push(RecordedRecord {
                        uid: uid.parse().unwrap(),
                        fields: fields.to_owned(),
                        flags,
                    });
                }
                ("annotation", rest) => {
                    let [uid, entry, userid, value] =
                        rest.splitn(4, '\t').collect::<Vec<_>>().try_into().unwrap();
                    let [entry, userid] = [entry, userid].map(Text::from);
                    let annotation =
                        Annotation { entry, userid, value: unescaped(value), modseq: 0 };
                    recorded.annotations.push((uid.parse().unwrap(), annotation));
                }
                (what, _) => panic!("{what}"),
            }
        }
        recorded
    }

    pub(crate) fn number(&self, key: &str) -> u64 {
        self.mailbox.get(key).map_or(0, |value| value.parse().unwrap())
    }

    pub(crate) fn crcs(&self) -> SyncCrcs {
        let crc = |key| self.number(key).try_into().unwrap();
        SyncCrcs::from_wire(crc("SYNC_CRC"), crc("SYNC_CRC_ANNOT"))
    }
}

/// Decodes a value in which `\xNN` stands for a byte.
fn unescaped(value: &str) -> Text {
    let mut parts = value.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(byte, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    Text::new(bytes)
}
