//! Reads the parts of the conversations database that replication needs (`imap/conversations.c`).

use crate::error::Malformed;
use crate::types::Modseq;

use super::dl::{self, Item};

/// Key under which folders are listed by uniqueid (`FIKEY`). If it is present, the keys of folder
/// status also use the uniqueid.
pub const FOLDER_IDS_KEY: &[u8] = b"$FOLDER_IDS";
/// Key that says, with any non-empty value, that messages have short ids in JMAP (`IDKEY`, Cyrus
/// 3.13). It counts from version 2 of the database on.
pub const COMPACT_IDS_KEY: &[u8] = b"$COMPACT_EMAILIDS";
/// Key of the version of the whole database (`VERSIONKEY`, Cyrus 3.13). The value is one digit.
pub const VERSION_KEY: &[u8] = b"$VERSION";
/// Prefix of keys of records that describe the whole database.
pub const OWN_KEYS: &[u8] = b"$";
/// Key under which folders are listed by name (`FNKEY`), in databases created before Cyrus 3.4.
pub const FOLDER_NAMES_KEY: &[u8] = b"$FOLDER_NAMES";

/// Returns whether a record about the whole database is known here (`conversations_open_path`).
pub fn is_known(key: &[u8], value: &[u8]) -> bool {
    const OTHERS: &[&[u8]] =
        &[FOLDER_IDS_KEY, FOLDER_NAMES_KEY, COMPACT_IDS_KEY, b"$COUNTED_FLAGS"];
    let version = |value: &[u8]| matches!(value, b"0" | b"1" | b"2");
    OTHERS.contains(&key) || (key == VERSION_KEY && version(value))
}

/// Returns the key of a folder's status; the folder is given by uniqueid or internal name
/// (`conversation_getstatus`).
pub fn status_key(folder: &[u8]) -> Vec<u8> {
    [b"F", folder].concat()
}

/// Returns the modseq in the status of a folder (`conversation_parsestatus`):
/// `0 (modseq threads unseen emails unseen)`, 0 being the version.
///
/// # Errors
/// If the version is not 0, or no list follows. An empty list gives 0.
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
    const TOLD: &str = include_str!("../../tests/fixtures/userdata/told/user.fred");

    #[test]
    fn the_modseq_is_what_cyrus_says() {
        let records = damage::records(DUMP);
        assert!(records.iter().any(|(key, _)| key == FOLDER_IDS_KEY));
        let mut compared = 0;
        for line in TOLD.lines() {
            let Some(told) = damage::told(line, "* MAILBOX", "XCONVMODSEQ") else { continue };
            let id = damage::told(line, "", "UNIQUEID").unwrap();
            let key = status_key(id.as_bytes());
            let (_, value) = records.iter().find(|(found, _)| *found == key).unwrap();
            assert_eq!(status_modseq(value).unwrap().to_string(), told);
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
        assert_eq!(complaint(b"0 (x)"), "not a number, or too large a one at offset 0x3");
        assert_eq!(status_modseq(b"0 ()"), Ok(0));
    }
}
