//! Reads a user's conversations database (conversations are threads of messages): the modseq of the
//! conversations of each mailbox (`mailbox_get_xconvmodseq` in `imap/mailbox.c`), and settings that
//! replication needs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::cyrusdb::Sought;
use crate::error::Result;
use crate::format::conv;
use crate::types::{MboxName, MboxType, Modseq, UniqueId};

use super::table::Table;

/// The maximum number of records to read about the database as a whole. A real database has five.
const OWN_RECORDS: usize = 64;

/// The contents of a conversations database that concern its owner's mailboxes.
#[derive(Debug, PartialEq, Eq)]
pub struct Conversations {
    /// The modseqs of the conversations, one for each requested mailbox and in the order of the
    /// request. 0 if a mailbox has no conversations yet.
    pub modseqs: Vec<Modseq>,
    /// Whether messages have short ids in JMAP (`USER_COMPACT_EMAILIDS`).
    pub compact_emailids: bool,
    /// Keys of records about the whole database that this program does not know.
    pub unknown: Vec<Vec<u8>>,
}

/// Reads the part of a user's conversations database that concerns `mailboxes`.
///
/// Pass only mailboxes that have conversations ([`has_conversations`]).
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if a status cannot be parsed.
pub fn read(table: &Table, mailboxes: &[(&UniqueId, &MboxName)]) -> Result<Conversations> {
    let mut keys: Vec<_> =
        mailboxes.iter().map(|(id, _)| conv::status_key(id.as_bytes())).collect();
    let mut own = BTreeMap::new();
    let mut values = values(table, &keys, &mut own)?;
    let has = |key: &[u8]| own.contains_key(key);
    if !has(conv::FOLDER_IDS_KEY) && has(conv::FOLDER_NAMES_KEY) {
        let by_name = mailboxes.iter().map(|(_, name)| conv::status_key(name.as_bytes()));
        keys = by_name.collect();
        values = self::values(table, &keys, &mut BTreeMap::new())?;
    }
    let value = |key: &[u8]| own.get(key).map(Vec::as_slice).unwrap_or_default();
    let compact_emailids =
        !value(conv::COMPACT_IDS_KEY).is_empty() && value(conv::VERSION_KEY) >= &b"2"[..];
    let unknown = own.iter().filter(|(key, value)| !conv::is_known(key, value));
    let unknown = unknown.map(|(key, _)| key.clone()).collect();
    let modseq = |(key, value): (Vec<u8>, Option<Vec<u8>>)| {
        let Some(value) = value else { return Ok(0) };
        conv::status_modseq(&value).map_err(|malformed| {
            let hint = "rebuild the user's conversations: run ctl_conversationsdb -z USER, then \
                        ctl_conversationsdb -b USER";
            table.corrupt("read conversations", &key, malformed, hint)
        })
    };
    let modseqs: Result<Vec<Modseq>> = keys.into_iter().zip(values).map(modseq).collect();
    Ok(Conversations { modseqs: modseqs?, compact_emailids, unknown })
}

/// Returns the value of each of `keys`. Also collects in `own` up to [`OWN_RECORDS`] records about
/// the whole database.
fn values(
    table: &Table,
    keys: &[Vec<u8>],
    own: &mut BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<Vec<Option<Vec<u8>>>> {
    let mut sought: Vec<_> = keys.iter().map(|key| Sought::Key(key)).collect();
    sought.push(Sought::Prefix(conv::OWN_KEYS));
    let mut values = vec![None; keys.len()];
    table.scan_each(&sought, &mut |nth, key, value| {
        match values.get_mut(nth) {
            Some(place) => *place = Some(value.to_vec()),
            None if own.len() < OWN_RECORDS => drop(own.insert(key.to_vec(), value.to_vec())),
            None => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(values)
}

/// Returns whether a mailbox has conversations, if imapd.conf says `conversations: yes`. Deleted
/// mailboxes and mailboxes for JMAP submissions do not (`mailbox_has_conversations`).
///
/// `owned` is whether the mailbox belongs to a user, and `deleted` whether it is in the namespace
/// for deleted mailboxes. `top` is the component of its name directly below the INBOX, and
/// `submissions` imapd.conf's `jmapsubmissionfolder`.
pub fn has_conversations(
    owned: bool,
    deleted: bool,
    mbtype: MboxType,
    top: Option<&[u8]>,
    submissions: &[u8],
) -> bool {
    let is_submissions = mbtype.kind() == MboxType::JMAP_SUBMIT || top == Some(submissions);
    owned && !deleted && !is_submissions
}

#[cfg(test)]
mod tests {
    use super::super::table::testing::table;
    use super::*;
    use crate::error::Kind;

    fn xconvmodseq(table: &Table, id: &UniqueId, name: &MboxName) -> Result<Modseq> {
        read(table, &[(id, name)]).map(|found| found.modseqs[0])
    }
    use crate::format::damage::recorded;

    #[test]
    fn the_modseq_is_found_by_uniqueid() {
        let dump = include_str!("../../../tests/fixtures/userdata/dump/fred.conversations.db");
        let answer = include_str!("../../../tests/fixtures/userdata/replies/user.fred");
        let reply = |field| recorded(answer, " user.fred.Sent ", field).unwrap();
        let name = "user.fred.Sent".into();
        let modseq = xconvmodseq(&table(dump), &reply("UNIQUEID").into(), &name).unwrap();
        assert_eq!(modseq.to_string(), reply("XCONVMODSEQ"));
        assert_eq!(xconvmodseq(&table(dump), &"none".into(), &name).unwrap(), 0);
    }

    #[test]
    fn early_databases_go_by_name() {
        let dump = "$FOLDER_NAMES\t(user.a)\nFuser.a\t0 (7 0 0 0 0)\nFid\t0 (9 0 0 0 0)";
        assert_eq!(xconvmodseq(&table(dump), &"id".into(), &"user.a".into()).unwrap(), 7);
        let fresh = "Fid\t0 (9 0 0 0 0)";
        assert_eq!(xconvmodseq(&table(fresh), &"id".into(), &"user.a".into()).unwrap(), 9);
    }

    #[test]
    fn short_ids_and_what_is_not_known_are_noticed() {
        let found = |dump: &str| read(&table(dump), &[]).unwrap();
        let now = found("$COMPACT_EMAILIDS\t1\n$COUNTED_FLAGS\t\n$FOLDER_IDS\t()\n$VERSION\t2");
        assert_eq!((now.compact_emailids, now.unknown), (true, vec![]));
        let later = found("$FOLDER_IDS\t()\n$LATER\tx\n$VERSION\t3");
        let unknown = vec![b"$LATER".to_vec(), b"$VERSION".to_vec()];
        assert_eq!((later.compact_emailids, later.unknown), (false, unknown));
        assert!(!found("$COMPACT_EMAILIDS\t\n$VERSION\t2").compact_emailids);
        assert!(!found("$COMPACT_EMAILIDS\t1\n$VERSION\t1").compact_emailids);
    }

    #[test]
    fn a_broken_status_is_an_error() {
        let error = xconvmodseq(&table("Fid\tx"), &"id".into(), &"a".into()).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
    }

    #[test]
    fn some_mailboxes_have_none() {
        let has = |owned, deleted, kind, top| {
            has_conversations(owned, deleted, MboxType(kind), top, b"#jmapsubmission")
        };
        assert!(has(true, false, MboxType::EMAIL, None));
        assert!(has(true, false, MboxType::SIEVE, Some(b"#sieve")));
        assert!(!has(false, false, MboxType::EMAIL, None));
        assert!(!has(true, true, MboxType::EMAIL, None));
        assert!(!has(true, false, MboxType::JMAP_SUBMIT, None));
        assert!(!has(true, false, MboxType::EMAIL, Some(b"#jmapsubmission")));
    }
}
