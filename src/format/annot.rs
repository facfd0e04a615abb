//! Parses records of annotations.db and cyrus.annotations (`imap/annotate.c`).
//!
//! A key has three parts: scope NUL entry NUL userid NUL. In annotations.db the scope is empty for
//! the server; for a mailbox it is the uniqueid or, up to Cyrus 3.4, the internal name. In
//! cyrus.annotations the scope is the UID of a message in decimal.

use crate::error::Malformed;
use crate::types::{Modseq, Uid};

/// The token that replaces the mailbox owner's userid in keys (`OWNER_USERID_TOKEN`).
pub const OWNER_TOKEN: &[u8] = b"[.OwNeR.]";

/// The object (server, mailbox or message) to which annotations belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// The server.
    Server,
    /// A mailbox, by its uniqueid or, up to Cyrus 3.4, its internal name.
    Mailbox(&'a [u8]),
    /// A message.
    Message(Uid),
}

impl Scope<'_> {
    /// Returns the beginning of all keys of this scope (`make_key`).
    pub fn prefix(self) -> Vec<u8> {
        let mut prefix = match self {
            Scope::Server => Vec::new(),
            Scope::Mailbox(id) => id.to_vec(),
            Scope::Message(uid) => uid.to_string().into_bytes(),
        };
        prefix.push(0);
        prefix
    }
}

/// The parts of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The scope: empty, a uniqueid, a mailbox name or a UID.
    pub scope: &'a [u8],
    /// The name of the annotation, such as `/comment`.
    pub entry: &'a [u8],
    /// The user for whom the value is private. Empty for a shared value, [`OWNER_TOKEN`] for the
    /// owner of the mailbox.
    pub userid: &'a [u8],
}

impl<'a> Key<'a> {
    /// Splits a key into its parts (`split_key`). Returns `None` if the key has no userid; Cyrus
    /// ignores such keys.
    pub fn split(key: &'a [u8]) -> Option<Self> {
        let mut parts = key.split(|byte| *byte == 0);
        Some(Key { scope: parts.next()?, entry: parts.next()?, userid: parts.next()? })
    }
}

/// The parts of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// The annotation's value.
    pub value: &'a [u8],
    /// The modseq of the last change. 0 for annotations of the server or a mailbox, and in records
    /// of early versions.
    pub modseq: Modseq,
    /// Whether the annotation was deleted (a tombstone).
    pub deleted: bool,
}

impl<'a> Value<'a> {
    const FLAG_DELETED: u8 = 1;

    /// Splits a value into its parts (`split_attribs`): length, value NUL, content type NUL,
    /// modification time, modseq, flags. Records of early versions lack the last parts. Length and
    /// time take eight bytes each; only the first four bytes of the length are used.
    ///
    /// # Errors
    /// Fails if the value is shorter than its length field says.
    pub fn split(data: &'a [u8]) -> Result<Self, Malformed> {
        let len = data.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let len = len.and_then(|len| usize::try_from(len).ok());
        let len = len.ok_or_else(|| Malformed::new(0u64, "no room for a length"))?;
        let (value, rest) = data
            .get(8..)
            .and_then(|rest| rest.split_at_checked(len))
            .ok_or_else(|| Malformed::new(0u64, "the value is shorter than its length says"))?;
        let after_type = rest.split_first().and_then(|(_nul, rest)| {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest.get(end + 1..)
        });
        let metadata = after_type.and_then(|rest| rest.get(8..)).unwrap_or_default();
        let (modseq, flags) = match metadata.split_first_chunk() {
            Some((modseq, rest)) => (u64::from_be_bytes(*modseq), rest.first().copied()),
            None => (0, None),
        };
        let deleted = flags.is_some_and(|flags| flags & Self::FLAG_DELETED != 0);
        let value = if deleted { &[] } else { value };
        Ok(Value { value, modseq, deleted })
    }

    /// Returns whether the annotation has a value. An empty value counts as none.
    pub fn exists(&self) -> bool {
        !self.deleted && !self.value.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const GLOBAL: &str = include_str!("../../tests/fixtures/userdata/dump/annotations.db");
    const MESSAGES: &str =
        include_str!("../../tests/fixtures/userdata/dump/fred.cyrus.annotations");

    /// Entry, userid, value, whether there is a modseq, whether it is a tombstone.
    type Row = (String, String, String, bool, bool);

    fn rows(dump: &str, prefix: &[u8]) -> Vec<Row> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        damage::records(dump)
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, data)| {
                let (key, value) = (Key::split(key).unwrap(), Value::split(data).unwrap());
                let (entry, userid) = (text(key.entry), text(key.userid));
                (entry, userid, text(value.value), value.modseq > 0, value.deleted)
            })
            .collect()
    }

    fn row(entry: &str, userid: &str, value: &str, modseq: bool, deleted: bool) -> Row {
        (entry.into(), userid.into(), value.into(), modseq, deleted)
    }

    #[test]
    fn server_annotations_are_read() {
        let expected = [
            row("/comment", "", "A server", false, false),
            row("/comment", "cyrus", "mine", false, false),
        ];
        assert_eq!(rows(GLOBAL, &Scope::Server.prefix()), expected);
    }

    #[test]
    fn mailbox_annotations_are_read() {
        let reply = include_str!("../../tests/fixtures/userdata/replies/user.fred");
        let id = damage::recorded(reply, " user.fred ", "UNIQUEID").unwrap();
        let expected = [
            row("/comment", "", "ten chars.", false, false),
            row("/comment", "[.OwNeR.]", "for fred only", false, false),
        ];
        assert_eq!(rows(GLOBAL, &Scope::Mailbox(id.as_bytes()).prefix()), expected);
    }

    #[test]
    fn message_annotations_keep_their_modseq_and_tombstones() {
        let expected = [
            row("/comment", "", "all", true, false),
            row("/comment", "[.OwNeR.]", "own", true, false),
        ];
        assert_eq!(rows(MESSAGES, &Scope::Message(1).prefix()), expected);
        let expected = [row("/comment", "", "", true, true)];
        assert_eq!(rows(MESSAGES, &Scope::Message(2).prefix()), expected);
    }

    #[test]
    fn early_values_end_after_the_value() {
        let value = Value::split(b"\0\0\0\x02\0\0\0\0hi").unwrap();
        assert_eq!(value, Value { value: b"hi", modseq: 0, deleted: false });
        let value = Value::split(b"\0\0\0\x02\0\0\0\0hi\0text/plain\0\0\0\0\0\0\0\0\x07").unwrap();
        assert_eq!(value, Value { value: b"hi", modseq: 0, deleted: false });
    }

    #[test]
    fn keys_without_userid_are_ignored() {
        assert_eq!(Key::split(b"1\0/comment"), None);
        assert_eq!(Key::split(b""), None);
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(Value::split(b"").is_err());
        assert!(Value::split(b"\xff\xff\xff\xff\0\0\0\0abc").is_err());
        assert!(Value::split(b"\0\0\0\x01\0\0\0").is_err());
    }

    #[test]
    fn damage_is_survived() {
        for (key, value) in [GLOBAL, MESSAGES].into_iter().flat_map(damage::records) {
            damage::survives(&key, |key| {
                let _ = Key::split(key);
            });
            damage::survives(&value, |value| drop(Value::split(value)));
        }
    }
}
