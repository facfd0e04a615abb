//! Divides a large mailbox into batches. After each batch the replica has a state that the master
//! could have had (`calculate_intermediate_state` in `imap/sync_support.c`). So memory is bounded,
//! and an interrupted first sync can be resumed.

use crate::types::{Modseq, Record, Uid};

/// The state of the replica after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// LAST_UID of the state. Records with higher UIDs come in a later batch.
    pub last_uid: Uid,
    /// HIGHESTMODSEQ of the state. All records in later batches have higher modseqs.
    pub highestmodseq: Modseq,
}

impl Partial {
    /// Returns the modseq of a record in this state, or `None` if the record is not part of the
    /// state.
    ///
    /// A record that is new to the replica is included even if it was changed later. It first gets
    /// the state's modseq, and is sent again with its own modseq in a later batch.
    pub fn modseq_of(&self, record: &Record, known_up_to: Uid) -> Option<Modseq> {
        if record.uid > self.last_uid {
            None
        } else if record.modseq <= self.highestmodseq {
            Some(record.modseq)
        } else {
            (record.uid > known_up_to).then_some(self.highestmodseq)
        }
    }
}

/// Finds the end of a batch. Add the records above the replica's last UID, in order.
#[derive(Debug)]
pub struct Batcher {
    size: u32,
    from: Modseq,
    floor: Modseq,
    highest: Modseq,
    seen: u64,
    rest: bool,
    last_uid: Uid,
    below: Modseq,
}

impl Batcher {
    /// Makes a batcher for a mailbox whose HIGHESTMODSEQ is `from` on the replica and `highest` on
    /// the master. `size` is the number of records in a batch. 0 disables batches.
    ///
    /// No batch ends below `floor`, the mailbox's deletedmodseq, because from such a state the next
    /// run would need a full comparison. Cyrus's client does not check this.
    pub fn new(size: u32, from: Modseq, floor: Modseq, highest: Modseq) -> Self {
        Batcher { size, from, floor, highest, seen: 0, rest: false, last_uid: 0, below: highest }
    }

    /// Adds the next record.
    pub fn add(&mut self, record: &Record) {
        self.rest |= self.seen >= u64::from(self.size) && record.modseq > self.floor;
        if !self.rest {
            self.last_uid = record.uid;
        } else if record.modseq <= self.below {
            // No modseq is lower than 0. So a mailbox with a record of modseq 0 here is sent as a
            // whole.
            self.below = record.modseq.saturating_sub(1);
        }
        self.seen += 1;
    }

    /// Returns whether a record after the end of the batch was added.
    pub fn has_ended(&self) -> bool {
        self.rest
    }

    /// Returns the state after the batch. Returns `None` if one batch is enough, or if no state
    /// before the complete one is valid.
    pub fn finish(&self) -> Option<Partial> {
        let needed = self.size != 0 && self.rest;
        let exists =
            self.below > self.from && self.below >= self.floor && self.below < self.highest;
        (needed && exists).then_some(Partial { last_uid: self.last_uid, highestmodseq: self.below })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(uid: Uid, modseq: Modseq) -> Record {
        Record { uid, modseq, ..Record::default() }
    }

    fn batch(size: u32, from: Modseq, records: &[(Uid, Modseq)]) -> Option<Partial> {
        batch_above(0, size, from, records)
    }

    fn batch_above(
        floor: Modseq,
        size: u32,
        from: Modseq,
        records: &[(Uid, Modseq)],
    ) -> Option<Partial> {
        let highest = records.iter().map(|r| r.1).max().unwrap_or(0);
        let mut batcher = Batcher::new(size, from, floor, highest);
        records.iter().for_each(|&(uid, modseq)| batcher.add(&record(uid, modseq)));
        batcher.finish()
    }

    #[test]
    fn a_mailbox_that_fits_needs_no_batch() {
        assert_eq!(batch(3, 0, &[(1, 1), (2, 2), (3, 3)]), None);
        assert_eq!(batch(0, 0, &[(1, 1), (2, 2)]), None);
    }

    #[test]
    fn a_batch_ends_below_every_later_record() {
        let state = batch(2, 0, &[(1, 2), (2, 9), (5, 4), (6, 6)]);
        assert_eq!(state, Some(Partial { last_uid: 2, highestmodseq: 3 }));
    }

    #[test]
    fn records_of_modseq_0_belong_to_every_state_that_has_their_uid() {
        let state = batch(1, 0, &[(1, 0), (2, 0), (3, 5), (4, 7)]).unwrap();
        assert_eq!(state, Partial { last_uid: 2, highestmodseq: 4 });
        assert_eq!(state.modseq_of(&record(1, 0), 0), Some(0));
    }

    #[test]
    fn without_a_state_in_between_there_is_no_batch() {
        assert_eq!(batch(1, 0, &[(1, 1), (2, 1)]), None, "all records have one modseq");
        assert_eq!(batch(1, 3, &[(1, 2), (2, 4), (3, 9)]), None, "the replica is past it");
        assert_eq!(batch(1, 0, &[(1, 2), (2, 4), (3, 0)]), None, "nothing is below modseq 0");
    }

    #[test]
    fn a_batch_grows_until_its_state_can_be_resumed_from() {
        let records = [(1, 1), (2, 2), (3, 5), (4, 8), (5, 9)];
        let state = batch_above(5, 1, 0, &records);
        assert_eq!(state, Some(Partial { last_uid: 3, highestmodseq: 7 }));
        assert_eq!(batch_above(9, 1, 0, &records), None);
    }

    #[test]
    fn new_records_go_along_with_a_lowered_modseq_and_known_ones_wait() {
        let state = Partial { last_uid: 10, highestmodseq: 50 };
        assert_eq!(state.modseq_of(&record(4, 7), 5), Some(7));
        assert_eq!(state.modseq_of(&record(4, 70), 5), None);
        assert_eq!(state.modseq_of(&record(8, 70), 5), Some(50));
        assert_eq!(state.modseq_of(&record(11, 7), 5), None);
    }
}
