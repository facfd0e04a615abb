//! Reads the records of an update. cyrus.index is read once for all of them.

use std::ops::ControlFlow;

use super::batch::{Batcher, Partial};
use super::snapshot::{Attempt, Extent, Stuck};
use crate::error::{Error, Kind, Result, Subject};
use crate::protocol::{RecordUpdate, RemoteFolder};
use crate::store::{Crcs, Mailbox, ReadMailbox as _, Records};
use crate::types::crc::LATE_VIRTUAL_SINCE;
use crate::types::{InternalFlags, MboxName, Record, SyncCrcs, SystemFlags, ThreadIds, Uid};

/// Returns whether a record was expunged later than the state that the replica has after this
/// update.
fn is_expunged_later(update: &RecordUpdate) -> bool {
    update.record.is_expunged() && update.modseq < update.record.modseq
}

/// Changes a record to its state before it was expunged. If the record were sent as expunged with a
/// lowered modseq, the replica would keep that modseq, because it ignores changes of a record that
/// is expunged on both sides. IMAP clients that request the expunged messages since a modseq would
/// then miss this one.
fn before_its_expunge(record: &mut Record) {
    record.internal_flags.0 &= !InternalFlags::EXPUNGED;
    record.system_flags.0 |= SystemFlags::DELETED;
}

/// Returns the UID after `uid`. Fails if there is none.
pub(crate) fn after(uid: Uid, name: &MboxName) -> Result<Uid> {
    uid.checked_add(1).ok_or_else(|| {
        let detail = "its last UID has reached the maximum, so it cannot take new messages";
        Error::new(Kind::Corrupt, "update mailbox", name, detail)
            .with_hint("move its messages to a new mailbox")
    })
}

/// Finds the state that a replica can have without the records from UID `end` on; see
/// [`Extent::Below`].
fn state_below(
    mailbox: &mut dyn Mailbox,
    end: Uid,
    remote: Option<&RemoteFolder>,
) -> Result<Partial> {
    let (known_up_to, from) = remote.map_or((0, 0), |r| (r.last_uid, r.highestmodseq));
    let mut last_uid = known_up_to;
    let mut below = mailbox.state().highestmodseq;
    let new = remote.map_or(Records::All, |r| Records::After(r.last_uid));
    mailbox.scan(new, &mut |record| {
        if record.uid < end {
            last_uid = record.uid;
        } else if record.modseq <= below {
            // No modseq is below 0, which old versions of Cyrus wrote.
            below = record.modseq.saturating_sub(1);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // A damaged mailbox may have records above its last UID. These cannot be sent either.
    let last_uid = last_uid.min(mailbox.state().last_uid.max(known_up_to));
    // If the replica has a higher HIGHESTMODSEQ already, keep that. A replica treats 0 as 1.
    Ok(Partial { last_uid, highestmodseq: below.max(from).max(1) })
}

/// The parameters of an update.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub remote: Option<&'w RemoteFolder>,
    pub attempt: Attempt,
    pub extent: Extent,
    /// Maximum number of records in a part (`sync_batchsize`); 0 for no parts.
    pub batch_size: u32,
    /// The form in which the replica includes thread ids in CRCs.
    pub thread_ids: ThreadIds,
}

/// The records of an update, with the state after the update.
pub(super) struct Read {
    pub records: Vec<RecordUpdate>,
    /// Set if the records are only a part of those that must be sent.
    pub partial: Option<Partial>,
    pub stuck: Option<Stuck>,
    /// The mailbox's CRCs, as stored or computed from all its records.
    pub crcs: SyncCrcs,
}

/// Returns whether an update needs this record. New records are needed whatever their modseq is,
/// for two reasons. The modseq is 0 if an old Cyrus wrote the record. And if a replica aborted
/// after it had created a mailbox, the mailbox is empty there but already has the HIGHESTMODSEQ of
/// the update.
///
/// If a new record has INTERNALDATE 0 (1 January 1970), the replica replaces it by the current
/// time, and the CRCs differ. When the record is sent a second time, the replica keeps the date 0.
fn is_wanted(record: &Record, remote: Option<&RemoteFolder>, attempt: Attempt) -> bool {
    let Some(remote) = remote else { return true };
    let dateless = record.internaldate == 0 && !record.is_expunged();
    record.uid > remote.last_uid
        || record.modseq > remote.highestmodseq
        || (dateless && attempt == Attempt::Recomputed)
}

impl Wanted<'_> {
    fn known_up_to(&self) -> Uid {
        self.remote.map_or(0, |r| r.last_uid)
    }

    /// Returns which CRCs of the mailbox the update needs.
    fn crcs(&self, mailbox: &dyn Mailbox) -> Crcs {
        let state = mailbox.state();
        // The stored CRCs may include thread ids in another form than the CRCs of the replica's
        // version.
        let is_recent = state.minor_version >= LATE_VIRTUAL_SINCE;
        let same_form = is_recent == (self.thread_ids == ThreadIds::Padded);
        let is_good = self.attempt == Attempt::First && state.crcs.basic.is_some() && same_form;
        if is_good { Crcs::Stored } else { Crcs::Recomputed }
    }

    /// Makes a batcher that finds the end of a part. Returns `None` if the mailbox must not or need
    /// not be divided.
    fn batcher(&self, mailbox: &dyn Mailbox) -> Option<Batcher> {
        let state = mailbox.state();
        let in_parts = (self.extent, self.attempt) == (Extent::Batch, Attempt::First)
            && self.batch_size != 0
            && state.last_uid > self.known_up_to();
        let from = self.remote.map_or(0, |r| r.highestmodseq);
        in_parts
            .then(|| Batcher::new(self.batch_size, from, state.deletedmodseq, state.highestmodseq))
    }
}

/// Reads the records of an update. Visits and counts all records of the mailbox, and fails if some
/// are missing.
pub(super) fn read_records(mailbox: &mut dyn Mailbox, wanted: &Wanted<'_>) -> Result<Read> {
    let known_up_to = wanted.known_up_to();
    let below = match wanted.extent {
        Extent::Below(end) => Some(state_below(mailbox, end, wanted.remote)?),
        Extent::Batch => None,
    };
    let mut batcher = wanted.batcher(mailbox);
    let (name, last_uid) = (mailbox.state().name.clone(), mailbox.state().last_uid);
    let mut records: Vec<Record> = Vec::new();
    let mut stuck: Option<Stuck> = None;
    let crcs = mailbox.scan_all(wanted.crcs(mailbox), &mut |record| {
        let is_new = record.uid > known_up_to;
        if let Some(batcher) = &mut batcher {
            if is_new && !record.internal_flags.has(InternalFlags::UNLINKED) {
                batcher.add(record);
            }
            if batcher.has_ended() {
                return Ok(());
            }
        }
        let is_behind = below.is_some_and(|below| record.uid > below.last_uid);
        if stuck.is_some() || is_behind || !is_wanted(record, wanted.remote, wanted.attempt) {
            return Ok(());
        }
        match is_new.then(|| appendable(&name, record, last_uid)) {
            // An expunged record can be left out, because its message is not needed.
            Some(Err(_)) if record.is_expunged() => {}
            Some(Err(error)) => stuck = Some(Stuck { record: *record, file: false, error }),
            Some(Ok(())) | None => records.push(*record),
        }
        Ok(())
    })?;
    let batch = batcher.as_ref().and_then(Batcher::finish);
    if batch.is_none() && batcher.is_some_and(|batcher| batcher.has_ended()) {
        // No batch leads to a valid state, so all records must be sent at once.
        return read_records(mailbox, &Wanted { batch_size: 0, ..*wanted });
    }
    let modseq_of = |record: &Record| match (below, batch) {
        (Some(below), _) => Some(record.modseq.min(below.highestmodseq)),
        (None, Some(batch)) => batch.modseq_of(record, known_up_to),
        (None, None) => Some(record.modseq),
    };
    let updates = records.into_iter().filter_map(|record| {
        let modseq = modseq_of(&record)?;
        Some(RecordUpdate { record, modseq, annotations: Box::default() })
    });
    let mut records: Vec<RecordUpdate> = updates.collect();
    for update in records.iter_mut().filter(|update| is_expunged_later(update)) {
        let record = &mut update.record;
        if record.uid <= known_up_to || mailbox.message(record).is_ok() {
            before_its_expunge(record);
        }
    }
    let uids: Vec<Uid> = records.iter().map(|update| update.record.uid).collect();
    let minor_version = mailbox.state().minor_version;
    let mut annotations = mailbox.message_annotations(&uids)?;
    for update in &mut records {
        update.annotations = annotations.take(&update.record, minor_version).into_boxed_slice();
    }
    // A damaged record after the end of this part is handled in the next part.
    let stuck = stuck.filter(|s| batch.is_none_or(|batch| s.record.uid <= batch.last_uid));
    Ok(Read { records, partial: below.or(batch), stuck, crcs })
}

/// Checks that the replica can accept a record as a new one. A replica aborts if it receives other
/// records (`mailbox_append_index_record`, `sync_apply_mailbox`).
pub(crate) fn appendable(name: &MboxName, record: &Record, last_uid: Uid) -> Result<()> {
    let what = match record {
        r if r.uid > last_uid => "its UID is above the last UID of the mailbox",
        r if r.size == 0 => "its size is 0",
        r if r.guid.is_null() => "it has no GUID",
        r if r.internal_flags.has(InternalFlags::UNLINKED) && !r.is_expunged() => {
            "its file is marked as removed, but it is not expunged"
        }
        _ => return Ok(()),
    };
    let subject = Subject::message(name.clone(), record.uid, None);
    Err(Error::new(Kind::Corrupt, "read record", subject, what)
        .with_hint("run reconstruct on the mailbox, with -G if the GUID is missing"))
}
