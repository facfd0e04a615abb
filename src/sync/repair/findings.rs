//! Makes the events that report a comparison: both records of a message that differs, and the
//! mailbox's values that are raised on the master (`log_record`, `mailbox_full_update` in
//! `imap/sync_support.c`).

use crate::events::{RaisedValue, RecordSeen, RepairEvent, Side};
use crate::protocol::RemoteRecord;
use crate::types::{MailboxHeader, MboxName, SystemFlags, Text};

/// System flags in the order in which Cyrus prints them. `\Expunged` comes after them, and `\Seen`
/// last.
const FLAGS: [(u32, &str); 4] = [
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DRAFT, "\\Draft"),
];

/// Makes the event for one side's record of a message that differs.
pub(crate) fn record(mailbox: &MboxName, side: Side, message: &RemoteRecord) -> RepairEvent {
    let record = &message.record;
    let set = |bit: u32| record.system_flags.0 & bit != 0;
    let mut flags: Vec<Text> =
        FLAGS.iter().filter(|(bit, _)| set(*bit)).map(|(_, flag)| Text::from(*flag)).collect();
    flags.extend(record.is_expunged().then(|| Text::from("\\Expunged")));
    flags.extend(set(SystemFlags::SEEN).then(|| Text::from("\\Seen")));
    flags.extend(message.flags.iter().cloned());
    let record = RecordSeen {
        side,
        uid: record.uid,
        modseq: record.modseq,
        last_updated: record.last_updated,
        internaldate: record.internaldate,
        flags,
        cid: format!("{:016x}", record.cid),
    };
    RepairEvent::Record { mailbox: mailbox.clone(), record }
}

/// Makes the events for values that were higher on the replica. Cyrus does not report the last two
/// values in the list.
pub(crate) fn raised(
    mailbox: &MboxName,
    ours: &MailboxHeader,
    theirs: &MailboxHeader,
    now: &MailboxHeader,
) -> Vec<RepairEvent> {
    type Get = fn(&MailboxHeader) -> u64;
    const VALUES: [(RaisedValue, Get); 4] = [
        (RaisedValue::UidValidity, |header| header.uidvalidity.into()),
        (RaisedValue::HighestModseq, |header| header.highestmodseq),
        (RaisedValue::LastUid, |header| header.last_uid.into()),
        (RaisedValue::FolderModseq, |header| header.foldermodseq.unwrap_or(0)),
    ];
    VALUES
        .iter()
        .filter(|(_, get)| get(theirs) > get(ours))
        .map(|(value, get)| RepairEvent::ValueRaised {
            mailbox: mailbox.clone(),
            value: *value,
            old: get(ours),
            new: get(now),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::line;
    use crate::types::{InternalFlags, Record};

    #[test]
    fn a_record_is_printed_like_in_cyrus() {
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
        let event = super::record(&"user.fred".into(), Side::Replica, &message);
        assert_eq!(
            line(&event.into()).unwrap().text,
            "SYNCNOTICE: replica uid:7 modseq:12 last_updated:1000 internaldate:900 \
             flags:(\\Deleted \\Expunged \\Seen Junk) cid:00000000000000ab"
        );
    }
}
