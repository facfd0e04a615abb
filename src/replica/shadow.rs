//! What records a mailbox of the replica would have after updates that were not carried out, as far
//! as their CRC tells: whether the replica would take an update, or end with something else.

use std::collections::BTreeMap;

use crate::protocol::{MailboxUpdate, RemoteRecord};
use crate::types::crc::{self, FlagCrcs};
use crate::types::{Guid, Text, Uid};

/// The records of a mailbox, each by what it adds to the sync CRC.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    records: BTreeMap<Uid, (Guid, u32)>,
    /// Whether the mailbox has what an update cannot give it.
    is_spoilt: bool,
}

impl Shadow {
    /// Of the records that the replica has.
    pub fn of(records: &[RemoteRecord]) -> Shadow {
        let crc = |one: &RemoteRecord| {
            let names: Vec<Option<Text>> = one.flags.iter().cloned().map(Some).collect();
            let mut record = one.record;
            record.user_flags = [0; 4];
            for bit in 0..names.len() {
                if let Some(word) = record.user_flags.get_mut(bit / 32) {
                    *word |= 1 << (bit % 32);
                }
            }
            (record.uid, (record.guid, crc::basic(&record, &FlagCrcs::new(&names))))
        };
        Shadow { records: records.iter().map(crc).collect(), is_spoilt: false }
    }

    /// Takes an update (`sync_apply_mailbox` in `imap/sync_support.c`): records that are known by
    /// their UID change, those above the last UID are new. Returns whether the replica would end
    /// with what the update says; a part of a state says nothing of that.
    pub fn update(&mut self, update: &MailboxUpdate<'_>) -> bool {
        let last = self.records.last_key_value().map_or(0, |(uid, _)| *uid);
        let flags = FlagCrcs::new(update.flags);
        for one in update.records {
            let record = crate::types::Record { modseq: one.modseq, ..one.record };
            let known = self.records.get(&record.uid).map(|(guid, _)| *guid);
            let fits = known.map_or(record.uid > last, |guid| guid == record.guid);
            self.is_spoilt |= !fits;
            self.records.insert(record.uid, (record.guid, crc::basic(&record, &flags)));
        }
        let sum = self.records.values().fold(0, |sum, (_, crc)| sum ^ crc);
        let is_told = update.whole.then_some(update.header.crcs.basic).flatten();
        is_told.is_none_or(|told| told == sum && !self.is_spoilt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RecordUpdate;
    use crate::types::{MailboxHeader, Record, SyncCrcs, SystemFlags};

    fn record(uid: Uid, modseq: u64, byte: u8) -> Record {
        Record { uid, modseq, guid: Guid([byte; 20]), ..Record::default() }
    }

    fn sum(records: &[Record]) -> u32 {
        let flags = FlagCrcs::new(&[]);
        records.iter().fold(0, |sum, record| sum ^ crc::basic(record, &flags))
    }

    fn takes(there: &[Record], sent: &[Record], after: &[Record]) -> bool {
        let there: Vec<RemoteRecord> =
            there.iter().map(|r| RemoteRecord { record: *r, ..RemoteRecord::default() }).collect();
        let update = |record: &Record| RecordUpdate {
            record: *record,
            modseq: record.modseq,
            annotations: Box::new([]),
        };
        let records: Vec<RecordUpdate> = sent.iter().map(update).collect();
        let crcs = SyncCrcs::computed(sum(after), 1);
        let header = MailboxHeader { crcs, ..MailboxHeader::default() };
        Shadow::of(&there).update(&MailboxUpdate {
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
    fn an_update_of_what_is_behind_is_taken() {
        let (one, two) = (record(1, 1, 1), record(2, 2, 2));
        let flagged = Record { system_flags: SystemFlags(SystemFlags::FLAGGED), ..record(1, 3, 1) };
        assert!(takes(&[one], &[two, flagged], &[flagged, two]));
        assert!(takes(&[], &[one], &[one]));
    }

    #[test]
    fn what_the_replica_has_beside_it_is_noticed() {
        let (one, two, other) = (record(1, 1, 1), record(2, 2, 2), record(2, 2, 9));
        let flagged = Record { system_flags: SystemFlags(SystemFlags::FLAGGED), ..one };
        assert!(!takes(&[one, other], &[two], &[one, two]), "another message has the UID");
        assert!(!takes(&[flagged], &[two], &[one, two]), "a flag that was set there");
        assert!(!takes(&[one, other], &[], &[one]), "a message that only the replica has");
        assert!(!takes(&[two], &[one, two], &[one, two]), "one below the last UID");
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
        assert_eq!(Shadow::of(&[theirs]).records.get(&1).unwrap().1, ours);
    }
}
