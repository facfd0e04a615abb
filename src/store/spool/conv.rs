//! The modseq of a mailbox's conversations (`mailbox_get_xconvmodseq` in `imap/mailbox.c`).

use crate::error::Result;
use crate::format::conv;
use crate::types::{MboxName, MboxType, Modseq, UniqueId};

use super::table::Table;

/// The modseq of the conversations of a mailbox, from the conversations database of its owner;
/// 0 if it has none yet.
///
/// Ask only for mailboxes that have conversations ([`has_conversations`]).
///
/// # Errors
/// Those of the database; [`Kind::Corrupt`](crate::Kind::Corrupt) if the status cannot be parsed.
pub fn xconvmodseq(table: &Table, id: &UniqueId, name: &MboxName) -> Result<Modseq> {
    let by_name =
        table.get(conv::FOLDER_IDS_KEY)?.is_none() && table.get(conv::FOLDER_NAMES_KEY)?.is_some();
    let key = conv::status_key(if by_name { name.as_bytes() } else { id.as_bytes() });
    let Some(value) = table.get(&key)? else { return Ok(0) };
    conv::status_modseq(&value).map_err(|malformed| {
        let hint = "ctl_conversationsdb -z, then -b, for the user";
        table.corrupt("read conversations", &key, malformed, hint)
    })
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
