//! Simulates the records of a replica's mailbox in a dry run, which does not send updates. It
//! computes the CRC of the records after each update, to find out whether the replica would accept
//! it.

use std::collections::HashMap;

use crate::protocol::{MailboxUpdate, RemoteRecord};
use crate::types::crc::{self, FlagCrcs};
use crate::types::{Guid, Record, Text, Uid};

/// The UID of each record, with its GUID and its share of the sync CRC.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    records: HashMap<Uid, (Guid, u32)>,
    /// The sync CRC of all records.
    sum: u32,
    /// The last UID that the mailbox has used, even if that message is gone.
    last_uid: Uid,
    /// Whether an update contained a record with another GUID than the replica's record, or a new
    /// record whose UID is not above the last one.
    is_spoilt: bool,
}

impl Shadow {
    /// Adds a record of the replica.
    pub fn add(&mut self, one: &RemoteRecord) {
        let names: Vec<Option<Text>> = one.flags.iter().cloned().map(Some).collect();
        let mut record = one.record;
        record.user_flags = [0; 4];
        for bit in 0..names.len() {
            if let Some(word) = record.user_flags.get_mut(bit / 32) {
                *word |= 1 << (bit % 32);
            }
        }
        self.put(&record, &FlagCrcs::new(&names));
    }

    /// Sets the last UID that the replica reports.
    pub fn given(&mut self, last_uid: Uid) {
        self.last_uid = self.last_uid.max(last_uid);
    }

    fn put(&mut self, record: &Record, flags: &FlagCrcs) {
        let crc = crc::basic(record, flags);
        let before = self.records.insert(record.uid, (record.guid, crc));
        self.sum ^= crc ^ before.map_or(0, |(_, crc)| crc);
        self.given(record.uid);
    }

    /// Simulates an update (`sync_apply_mailbox` in `imap/sync_support.c`). Records with a known
    /// UID are changed; records with a UID above the last one are added. Returns whether the
    /// records then have the CRC that the update contains. A partial update contains no CRC, so it
    /// is always accepted.
    pub fn update(&mut self, update: &MailboxUpdate<'_>) -> bool {
        let last = self.last_uid;
        let flags = FlagCrcs::new(update.flags);
        for one in update.records {
            let record = Record { modseq: one.modseq, ..one.record };
            let known = self.records.get(&record.uid).map(|(guid, _)| *guid);
            let fits = known.map_or(record.uid > last, |guid| guid == record.guid);
            self.is_spoilt |= !fits;
            self.put(&record, &flags);
        }
        let sum = update.whole.then_some(update.header.crcs.basic).flatten();
        sum.is_none_or(|sum| sum == self.sum && !self.is_spoilt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RecordUpdate;
    use crate::types::{MailboxHeader, SyncCrcs, SystemFlags};

    fn record(uid: Uid, modseq: u64, byte: u8) -> Record {
        Record { uid, modseq, guid: Guid([byte; 20]), ..Record::default() }
    }

    fn sum(records: &[Record]) -> u32 {
        let flags = FlagCrcs::new(&[]);
        records.iter().fold(0, |sum, record| sum ^ crc::basic(record, &flags))
    }

    fn takes(there: &[Record], sent: &[Record], after: &[Record]) -> bool {
        takes_after(there, 0, sent, after)
    }

    fn takes_after(there: &[Record], last_uid: Uid, sent: &[Record], after: &[Record]) -> bool {
        let mut shadow = Shadow::default();
        let remote = |record: &Record| RemoteRecord { record: *record, ..RemoteRecord::default() };
        there.iter().for_each(|record| shadow.add(&remote(record)));
        shadow.given(last_uid);
        let update = |record: &Record| RecordUpdate {
            record: *record,
            modseq: record.modseq,
            annotations: Box::new([]),
        };
        let records: Vec<RecordUpdate> = sent.iter().map(update).collect();
        let crcs = SyncCrcs::computed(sum(after), 1);
        let header = MailboxHeader { crcs, ..MailboxHeader::default() };
        shadow.update(&MailboxUpdate {
            local_only: false,
            header: &header,
            whole: true,
            annotations: &[],
            flags: &[],
            minor_version: 17,
            since: None,
            records: &records,
        })
    }

    #[test]
    fn an_update_of_an_outdated_replica_is_accepted() {
        let (one, two) = (record(1, 1, 1), record(2, 2, 2));
        let flagged = Record { system_flags: SystemFlags(SystemFlags::FLAGGED), ..record(1, 3, 1) };
        assert!(takes(&[one], &[two, flagged], &[flagged, two]));
        assert!(takes(&[], &[one], &[one]));
    }

    #[test]
    fn additional_data_of_the_replica_is_noticed() {
        let (one, two, other) = (record(1, 1, 1), record(2, 2, 2), record(2, 2, 9));
        let flagged = Record { system_flags: SystemFlags(SystemFlags::FLAGGED), ..one };
        assert!(!takes(&[one, other], &[two], &[one, two]), "another message has the UID");
        assert!(!takes(&[flagged], &[two], &[one, two]), "a flag that was set there");
        assert!(!takes(&[one, other], &[], &[one]), "a message that only the replica has");
        assert!(!takes(&[two], &[one, two], &[one, two]), "one below the last UID");
        assert!(!takes_after(&[one], 2, &[two], &[one, two]), "one that the replica has forgotten");
        assert!(takes_after(&[one], 1, &[two], &[one, two]));
    }

    #[test]
    fn user_flags_count_by_name() {
        let named = |bit: u32, names: &[Option<Text>]| {
            let record = Record { user_flags: [1 << bit, 0, 0, 0], ..record(1, 1, 1) };
            crc::basic(&record, &FlagCrcs::new(names))
        };
        let ours = named(2, &[None, None, Some("Junk".into())]);
        let theirs = RemoteRecord {
            record: record(1, 1, 1),
            flags: ["Junk".into()].into(),
            ..RemoteRecord::default()
        };
        let mut shadow = Shadow::default();
        shadow.add(&theirs);
        assert_eq!(shadow.sum, ours);
    }
}
