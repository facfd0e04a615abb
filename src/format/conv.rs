//! Reads the parts of the conversations database that replication needs (`imap/conversations.c`).

use crate::error::Malformed;
use crate::types::Modseq;

use super::dl::{self, Item};

/// Key of the record that lists mailboxes (folders) by uniqueid (`FIKEY`). If this record exists,
/// the keys of folder status use the uniqueid too.
pub const FOLDER_IDS_KEY: &[u8] = b"$FOLDER_IDS";
/// Key of the record that says that messages have short ids in JMAP, if its value is not empty
/// (`IDKEY`, Cyrus 3.13). It has this meaning from version 2 of the database on.
pub const COMPACT_IDS_KEY: &[u8] = b"$COMPACT_EMAILIDS";
/// Key of the record with the version of the database (`VERSIONKEY`, Cyrus 3.13). The value is one
/// digit.
pub const VERSION_KEY: &[u8] = b"$VERSION";
/// Prefix of the keys of records about the database as a whole.
pub const OWN_KEYS: &[u8] = b"$";
/// Key of the record that lists folders by name (`FNKEY`), in databases created before Cyrus 3.4.
pub const FOLDER_NAMES_KEY: &[u8] = b"$FOLDER_NAMES";

/// Returns whether this program knows a record about the database as a whole
/// (`conversations_open_path`).
pub fn is_known(key: &[u8], value: &[u8]) -> bool {
    const OTHERS: &[&[u8]] =
        &[FOLDER_IDS_KEY, FOLDER_NAMES_KEY, COMPACT_IDS_KEY, b"$COUNTED_FLAGS"];
    let version = |value: &[u8]| matches!(value, b"0" | b"1" | b"2");
    OTHERS.contains(&key) || (key == VERSION_KEY && version(value))
}

/// Returns the key of a folder's status (`conversation_getstatus`). `folder` is the uniqueid or the
/// internal name of the mailbox.
pub fn status_key(folder: &[u8]) -> Vec<u8> {
    [b"F", folder].concat()
}

/// Returns the modseq in the status of a folder (`conversation_parsestatus`). The status has the
/// form `0 (modseq threads unseen emails unseen)`, where the first 0 is the version. Returns 0 if
/// the list is empty.
///
/// # Errors
/// Fails if the version is not 0, or no list follows.
pub fn status_modseq(value: &[u8]) -> Result<Modseq, Malformed> {
    let list = value
        .strip_prefix(b"0 ")
        .ok_or_else(|| Malformed::new(0u64, "the version of the folder's status is not 0"))?;
    let inner = |complaint: Malformed| Malformed::new(complaint.offset + 2, complaint.what);
    match dl::parse(list).map_err(inner)? {
        Item::List(items) => match items.first() {
            Some(item) => item.word(0).and_then(|word| word.number()).map_err(inner),
            None => Ok(0),
        },
        _ => Err(Malformed::new(2u64, "the folder's status is not a list")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const DUMP: &str = include_str!("../../tests/fixtures/userdata/dump/fred.conversations.db");
    const REPLY: &str = include_str!("../../tests/fixtures/userdata/replies/user.fred");

    #[test]
    fn the_modseq_is_what_cyrus_says() {
        let records = damage::records(DUMP);
        assert!(records.iter().any(|(key, _)| key == FOLDER_IDS_KEY));
        let mut compared = 0;
        for line in REPLY.lines() {
            let Some(reply) = damage::recorded(line, "* MAILBOX", "XCONVMODSEQ") else { continue };
            let id = damage::recorded(line, "", "UNIQUEID").unwrap();
            let key = status_key(id.as_bytes());
            let (_, value) = records.iter().find(|(found, _)| *found == key).unwrap();
            assert_eq!(status_modseq(value).unwrap().to_string(), reply);
            damage::survives(value, |value| drop(status_modseq(value)));
            compared += 1;
        }
        assert!(compared >= 10, "{compared}");
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        let complaint = |value: &[u8]| status_modseq(value).unwrap_err().to_string();
        assert_eq!(
            complaint(b"1 (5)"),
            "the version of the folder's status is not 0 at offset 0x0"
        );
        assert_eq!(complaint(b"0 5"), "the folder's status is not a list at offset 0x2");
        assert_eq!(
            complaint(b"0 (x)"),
            "not a number, or a number that is too large at offset 0x3"
        );
        assert_eq!(status_modseq(b"0 ()"), Ok(0));
    }
}
