//! Reads the records of an update. cyrus.index is read once for all of them.

use std::ops::ControlFlow;

use super::batch::{Batcher, Partial};
use super::snapshot::{Attempt, Extent, Stuck};
use crate::error::{Error, Kind, Result, Subject};
use crate::protocol::{RecordUpdate, RemoteFolder};
use crate::store::{Crcs, Mailbox, Records};
use crate::types::crc::LATE_VIRTUAL_SINCE;
use crate::types::{InternalFlags, MboxName, Record, SyncCrcs, SystemFlags, ThreadIds, Uid};

/// Returns whether a record was expunged after the state that the update brings the replica to.
fn is_expunged_later(update: &RecordUpdate) -> bool {
    update.record.is_expunged() && update.modseq < update.record.modseq
}

/// Changes a record to its state before it was expunged. The replica ignores later changes of a
/// record that is expunged on both sides. So the lowered modseq would remain, and clients that ask
/// for expunged messages would miss this one.
fn before_its_expunge(record: &mut Record) {
    record.internal_flags.0 &= !InternalFlags::EXPUNGED;
    record.system_flags.0 |= SystemFlags::DELETED;
}

/// Returns the next UID.
pub(crate) fn after(uid: Uid, name: &MboxName) -> Result<Uid> {
    uid.checked_add(1).ok_or_else(|| {
        let detail = "its last UID is the highest that there is: it takes no message any more";
        Error::new(Kind::Corrupt, "update mailbox", name, detail)
            .hint("move its messages to a new mailbox")
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
            // There is no state below 0, the modseq that old versions of Cyrus wrote.
            below = record.modseq.saturating_sub(1);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // Records may have UIDs above the mailbox's last UID. They cannot be sent either.
    let last_uid = last_uid.min(mailbox.state().last_uid.max(known_up_to));
    // If the replica is already past this state, it can stay there. A replica reads 0 as 1.
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
    /// How the replica writes thread ids in CRCs.
    pub thread_ids: ThreadIds,
}

/// The records that were read.
pub(super) struct Read {
    pub records: Vec<RecordUpdate>,
    /// Set if the records are a part of the update.
    pub partial: Option<Partial>,
    pub stuck: Option<Stuck>,
    /// The mailbox's CRCs, as stored or computed from all its records.
    pub crcs: SyncCrcs,
}

/// Returns whether an update needs this record. New records are needed whatever their modseq is. It
/// may be 0 if an old Cyrus wrote the record. Also, if a replica aborted after it had created a
/// mailbox, the mailbox is empty but already has the HIGHESTMODSEQ of the update.
///
/// If a new record has INTERNALDATE 0 (1 January 1970), the replica replaces it by the current
/// time, and the CRCs differ. When the record is sent again, the replica keeps that date.
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
        // The master's stored CRCs may have another form than those of the replica's version.
        let is_recent = state.minor_version >= LATE_VIRTUAL_SINCE;
        let same_form = is_recent == (self.thread_ids == ThreadIds::Padded);
        let is_good = self.attempt == Attempt::First && state.crcs.basic.is_some() && same_form;
        if is_good { Crcs::Stored } else { Crcs::Recomputed }
    }

    /// Makes a batcher that finds the end of a part, if parts are allowed.
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

/// Reads the records of an update. All records of the mailbox are visited and counted, so that
/// nothing is sent if some are missing.
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
            // A record that is expunged can be left out: nobody misses its message.
            Some(Err(_)) if record.is_expunged() => {}
            Some(Err(error)) => stuck = Some(Stuck { record: *record, file: false, error }),
            Some(Ok(())) | None => records.push(*record),
        }
        Ok(())
    })?;
    let batch = batcher.as_ref().and_then(Batcher::finish);
    if batch.is_none() && batcher.is_some_and(|batcher| batcher.has_ended()) {
        // There is no valid state in between, so everything must be sent at once.
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

/// Checks that the replica can accept a record as a new one. Otherwise it would abort
/// (`mailbox_append_index_record`, `sync_apply_mailbox`).
pub(crate) fn appendable(name: &MboxName, record: &Record, last_uid: Uid) -> Result<()> {
    let what = match record {
        r if r.uid > last_uid => "its UID is above the last UID of the mailbox",
        r if r.size == 0 => "it is empty",
        r if r.guid.is_null() => "it has no GUID",
        r if r.internal_flags.has(InternalFlags::UNLINKED) && !r.is_expunged() => {
            "its file is said to be removed, though it is not expunged"
        }
        _ => return Ok(()),
    };
    let subject = Subject::message(name.clone(), record.uid, None);
    Err(Error::new(Kind::Corrupt, "read record", subject, what)
        .hint("reconstruct the mailbox, with -G if the GUID is missing"))
}
