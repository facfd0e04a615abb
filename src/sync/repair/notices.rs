//! The lines of a repair that Cyrus's log watchers know (`log_mismatch`, `log_record` and
//! `mailbox_full_update` in `imap/sync_support.c`), in Cyrus's words.

use super::plan::Notice;
use crate::events::Level;
use crate::protocol::RemoteRecord;
use crate::types::{MailboxHeader, MboxName, SystemFlags};

/// In the order in which Cyrus writes them; `\Expunged` stands before the last.
const FLAGS: [(u32, &str); 4] = [
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DRAFT, "\\Draft"),
];

/// What one side has of a message that differs.
pub(crate) fn record(side: &str, message: &RemoteRecord) -> String {
    let record = &message.record;
    let set = |bit: u32| record.system_flags.0 & bit != 0;
    let mut flags: Vec<String> =
        FLAGS.iter().filter(|(bit, _)| set(*bit)).map(|(_, flag)| (*flag).to_owned()).collect();
    flags.extend(record.is_expunged().then(|| "\\Expunged".to_owned()));
    flags.extend(set(SystemFlags::SEEN).then(|| "\\Seen".to_owned()));
    flags.extend(message.flags.iter().map(|f| String::from_utf8_lossy(f.as_bytes()).into_owned()));
    format!(
        "SYNCNOTICE: {side} uid:{} modseq:{} last_updated:{} internaldate:{} flags:({}) cid:{:016x}",
        record.uid,
        record.modseq,
        record.last_updated,
        record.internaldate,
        flags.join(" "),
        record.cid
    )
}

/// What of the mailbox was higher on the replica. Of the last two Cyrus says nothing.
pub(crate) fn raised(
    name: &MboxName,
    ours: &MailboxHeader,
    theirs: &MailboxHeader,
    now: &MailboxHeader,
) -> Vec<Notice> {
    let values = |header: &MailboxHeader| -> [u64; 4] {
        [
            header.uidvalidity.into(),
            header.highestmodseq,
            header.last_uid.into(),
            header.foldermodseq.unwrap_or(0),
        ]
    };
    let (ours, theirs, now) = (values(ours), values(theirs), values(now));
    let mut notices = Vec::new();
    for (n, what) in
        ["uidvalidity", "highestmodseq", "last_uid", "foldermodseq"].into_iter().enumerate()
    {
        if theirs[n] > ours[n] {
            let (old, new) = (ours[n], now[n]);
            let line = format!(
                "SYNCNOTICE: {what} higher on replica, updating: mailbox=<{name}> \
                 old{what}=<{old}> new{what}=<{new}>"
            );
            notices.push((Level::Notice, line));
        }
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{InternalFlags, Record};

    #[test]
    fn a_record_is_told_as_cyrus_tells_it() {
        let mut record = Record {
            uid: 7,
            modseq: 12,
            last_updated: 1000,
            internaldate: 900,
            cid: 0xab,
            ..Record::default()
        };
        record.system_flags.0 = SystemFlags::SEEN | SystemFlags::DELETED;
        record.internal_flags.0 = InternalFlags::EXPUNGED;
        let message = RemoteRecord {
            record,
            flags: [b"Junk".as_slice().into()].into(),
            annotations: Vec::new(),
        };
        assert_eq!(
            super::record("replica", &message),
            "SYNCNOTICE: replica uid:7 modseq:12 last_updated:1000 internaldate:900 \
             flags:(\\Deleted \\Expunged \\Seen Junk) cid:00000000000000ab"
        );
    }
}
