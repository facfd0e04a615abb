//! The modseq of a mailbox's conversations (`mailbox_get_xconvmodseq` in `imap/mailbox.c`).

use std::ops::ControlFlow;

use crate::cyrusdb::Sought;
use crate::error::Result;
use crate::format::conv;
use crate::types::{MboxName, MboxType, Modseq, UniqueId};

use super::table::Table;

/// The modseqs of the conversations of mailboxes, from the conversations database of their owner;
/// 0 for those that have none yet.
///
/// Ask only for mailboxes that have conversations ([`has_conversations`]).
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if a status cannot be parsed.
pub fn xconvmodseqs(table: &Table, mailboxes: &[(&UniqueId, &MboxName)]) -> Result<Vec<Modseq>> {
    let by_id: Vec<_> = mailboxes.iter().map(|(id, _)| conv::status_key(id.as_bytes())).collect();
    let mut keys = vec![conv::FOLDER_IDS_KEY, conv::FOLDER_NAMES_KEY];
    keys.extend(by_id.iter().map(Vec::as_slice));
    let mut values = values(table, &keys)?.into_iter();
    let (has_ids, has_names) = (values.next().flatten(), values.next().flatten());
    let mut values: Vec<_> = values.collect();
    let mut keys = by_id;
    if has_ids.is_none() && has_names.is_some() {
        let by_name = mailboxes.iter().map(|(_, name)| conv::status_key(name.as_bytes()));
        keys = by_name.collect();
        values = self::values(table, &keys.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    }
    let modseq = |(key, value): (Vec<u8>, Option<Vec<u8>>)| {
        let Some(value) = value else { return Ok(0) };
        conv::status_modseq(&value).map_err(|malformed| {
            let hint = "ctl_conversationsdb -z, then -b, for the user";
            table.corrupt("read conversations", &key, malformed, hint)
        })
    };
    keys.into_iter().zip(values).map(modseq).collect()
}

/// The values of keys.
fn values(table: &Table, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
    let sought: Vec<_> = keys.iter().map(|key| Sought::Key(key)).collect();
    let mut values = vec![None; keys.len()];
    table.scan_each(&sought, &mut |nth, _, value| {
        if let Some(place) = values.get_mut(nth) {
            *place = Some(value.to_vec());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(values)
}

/// Whether a mailbox of a user has conversations where imapd.conf says `conversations: yes`: not
/// if it is deleted or holds JMAP submissions (`mailbox_has_conversations`).
///
/// `owned` is whether it belongs to a user, `deleted` whether it lies in the deleted namespace,
/// `top` is its component below the INBOX and `submissions` imapd.conf's `jmapsubmissionfolder`.
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
        xconvmodseqs(table, &[(id, name)]).map(|found| found[0])
    }
    use crate::format::damage::told;

    #[test]
    fn the_modseq_is_found_by_uniqueid() {
        let dump = include_str!("../../../tests/fixtures/userdata/dump/fred.conversations.db");
        let answer = include_str!("../../../tests/fixtures/userdata/told/user.fred");
        let told = |field| told(answer, " user.fred.Sent ", field).unwrap();
        let name = "user.fred.Sent".into();
        let modseq = xconvmodseq(&table(dump), &told("UNIQUEID").into(), &name).unwrap();
        assert_eq!(modseq.to_string(), told("XCONVMODSEQ"));
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
