//! What is sent of one mailbox: read under its locks into memory, so that the index lock is let
//! go before the first byte is written to the replica.

use std::ops::ControlFlow;

use super::batch::{Batcher, Partial};
use super::bounds::Measure;
use super::damage::Stuck;
use super::{Syncer, compare, unix_time};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::protocol::{MailboxUpdate, RecordUpdate, RemoteFolder, Since};
use crate::store::{Crcs, Mailbox, Records};
use crate::types::{
    Annotation, InternalFlags, MailboxHeader, MailboxState, MboxName, Record, SyncCrcs,
    SystemFlags, Text, Uid,
};

/// Whether a record is expunged, but later than the state that it is sent in.
fn is_expunged_later(update: &RecordUpdate) -> bool {
    update.record.is_expunged() && update.modseq < update.record.modseq
}

/// Makes a record what it was just before its expunge. The replica takes nothing more of a record
/// that both sides have expunged, so a lowered modseq would stay, and a client that asks what
/// vanished since would not be told.
fn before_its_expunge(record: &mut Record) {
    record.internal_flags.0 &= !InternalFlags::EXPUNGED;
    record.system_flags.0 |= SystemFlags::DELETED;
}

/// An update of one mailbox, ready to be sent.
#[derive(Debug)]
pub struct Snapshot {
    /// The state after the update, as it is sent.
    pub header: MailboxHeader,
    /// Whether that is all of the mailbox, and not a part of it.
    pub whole: bool,
    /// Annotations of the mailbox.
    pub annotations: Vec<Annotation>,
    /// Names of the user flags by bit.
    pub flags: Vec<Option<Text>>,
    /// Minor version of cyrus.index.
    pub minor_version: u32,
    /// Records, by UID.
    pub records: Vec<RecordUpdate>,
    /// What it builds on.
    pub since: Option<Since>,
    /// Records above this UID are new to the replica and need their files there.
    pub known_up_to: Uid,
    /// CRCs of the replica before it; `None` if the mailbox is new to it.
    pub replaces: Option<SyncCrcs>,
    /// A new record that cannot be sent, and nothing behind it: the records end before it, and
    /// this must not be sent. See [`Extent::Below`].
    pub(super) stuck: Option<Stuck>,
}

impl Snapshot {
    /// The command's body.
    pub fn update(&self, local_only: bool) -> MailboxUpdate<'_> {
        MailboxUpdate {
            local_only,
            header: &self.header,
            whole: self.whole,
            annotations: &self.annotations,
            flags: &self.flags,
            minor_version: self.minor_version,
            since: self.since,
            records: &self.records,
        }
    }

    /// The records whose files the replica must have before the update: new ones that still
    /// have a file here.
    pub fn new_messages(&self) -> impl Iterator<Item = &Record> {
        let known = self.known_up_to;
        self.records
            .iter()
            .map(|e| &e.record)
            .filter(move |r| r.uid > known && !r.internal_flags.has(InternalFlags::UNLINKED))
    }
}

/// Which look at a mailbox this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Trust the CRCs that cyrus.index stores, build on the replica's state.
    First,
    /// The replica ended with other CRCs: recompute them and send without condition.
    Recomputed,
    /// Both sides were compared: recompute the CRCs, build on what was compared, send in any case.
    Repaired,
}

/// The UID behind one.
pub(super) fn after(uid: Uid, name: &MboxName) -> Result<Uid> {
    uid.checked_add(1).ok_or_else(|| {
        let detail = "its last UID is the highest that there is: it takes no message any more";
        Error::new(Kind::Corrupt, "update mailbox", name.to_string(), detail)
            .hint("move its messages to a new mailbox")
    })
}

/// How much of a mailbox is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All, or as much as a batch holds.
    Batch,
    /// What the replica can have without the record of this UID, which cannot be sent: no record
    /// from there on, and everything else.
    ///
    /// A replica appends above its LAST_UID only. A later message that it took would shut out
    /// this one for ever, and the next full comparison would give this one another UID on the
    /// master. So they wait. The state's HIGHESTMODSEQ stays below all of them, or the next
    /// client would not find them; changes of records that the replica knows are not kept
    /// waiting: they go along with a lowered modseq, and with their own when the rest follows.
    Below(Uid),
}

/// The records above `from` end where? One pass over what is new to the replica.
pub fn find_batch(
    mailbox: &mut dyn Mailbox,
    size: u32,
    remote: Option<&RemoteFolder>,
    mut each: impl FnMut(&Record),
) -> Result<Option<Partial>> {
    let from_modseq = remote.map_or(0, |r| r.highestmodseq);
    let new = remote.map_or(Records::All, |r| Records::After(r.last_uid));
    let state = mailbox.state();
    if !new.contain(state.last_uid) {
        return Ok(None);
    }
    let mut batcher = Batcher::new(size, from_modseq, state.deletedmodseq, state.highestmodseq);
    mailbox.scan(new, &mut |record| {
        if !record.internal_flags.has(InternalFlags::UNLINKED) {
            batcher.add(record);
            each(record);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(batcher.finish())
}

impl Syncer<'_> {
    /// Whether the replica has higher values than the master where an update cannot lower them:
    /// somebody wrote to it.
    pub(super) fn is_outdone(&self, state: &MailboxState, remote: Option<&RemoteFolder>) -> bool {
        let there = remote.filter(|_| !self.settings.no_copyback);
        there.is_some_and(|there| state.outdone_by(there).next().is_some())
    }

    /// Fails if the replica claims of a mailbox what cannot be.
    fn believe(&self, here: &MailboxState, there: &RemoteFolder) -> Result<()> {
        let mut measure = Measure { here, used_modseq: 0, now: unix_time() };
        if self.settings.no_copyback {
            return measure.check_overruled(there);
        }
        if measure.check_folder(there).is_err() {
            // That of the whole user takes reading a file, and hardly ever matters.
            measure.used_modseq = self.store.used_modseq(&here.name)?;
        }
        measure.check_folder(there)
    }

    /// The first difference between an open mailbox and the replica's, if any.
    pub(super) fn difference(
        &self,
        mailbox: &mut dyn Mailbox,
        annotations: &[Annotation],
        remote: Option<&RemoteFolder>,
    ) -> Result<Option<compare::Difference>> {
        let Some(remote) = remote else { return Ok(Some(compare::Difference::Missing)) };
        let state = mailbox.state();
        self.believe(state, remote)?;
        let found = compare::mailbox(state, annotations, remote, self.settings.reverse_acls);
        // What is not stored would agree with everything.
        let stored = mailbox.crcs(Crcs::Stored)?;
        if found.is_some() || (stored.basic.is_some() && stored.agrees(remote.crcs)) {
            return Ok(found);
        }
        let master = mailbox.crcs(Crcs::Recomputed)?;
        Ok((!master.agrees(remote.crcs))
            .then_some(compare::Difference::Crcs { master, replica: remote.crcs }))
    }

    /// Reads what must be sent of an open mailbox; `None` if nothing differs.
    pub(super) fn snapshot(
        &self,
        mailbox: &mut dyn Mailbox,
        remote: Option<&RemoteFolder>,
        attempt: Attempt,
        extent: Extent,
    ) -> Result<Option<Snapshot>> {
        let state = mailbox.state().clone();
        let annotations = match (mailbox.annotations(), remote, extent) {
            // One that is made for those below it takes them later. An update would delete them.
            (Err(_), None, Extent::Below(_)) => Vec::new(),
            (annotations, ..) => annotations?,
        };
        match self.difference(mailbox, &annotations, remote)? {
            Some(why) => self.log(Level::Debug, format!("{}: {why}", state.name)),
            None if attempt == Attempt::Repaired => {}
            None => return Ok(None),
        }
        let partial = match (extent, attempt) {
            (Extent::Below(end), _) => Some(state_below(mailbox, end, remote)?),
            (Extent::Batch, Attempt::First) => {
                find_batch(mailbox, self.settings.batch_size, remote, |_| {})?
            }
            (Extent::Batch, Attempt::Recomputed | Attempt::Repaired) => None,
        };
        if let Some(partial) = partial {
            self.log(
                Level::Debug,
                format!(
                    "doing partial sync: {} ({}/{}/{}) ({}/{}/{})",
                    state.name,
                    remote.map_or(0, |r| r.last_uid),
                    partial.last_uid,
                    state.last_uid,
                    remote.map_or(0, |r| r.highestmodseq),
                    partial.highestmodseq,
                    state.highestmodseq
                ),
            );
        }
        let known_up_to = remote.map_or(0, |r| r.last_uid);
        let Read { records, stuck } = read_records(mailbox, remote, partial, attempt, extent)?;
        let stored = mailbox.crcs(Crcs::Stored)?;
        let crcs = match attempt {
            Attempt::First if stored.basic.is_some() => stored,
            _ => mailbox.crcs(Crcs::Recomputed)?,
        };
        let since = remote
            .filter(|r| attempt != Attempt::Recomputed && r.highestmodseq != 0)
            .map(|r| Since { modseq: r.highestmodseq, crcs: r.crcs });
        let mut header = match partial {
            Some(partial) => part_header(&state, partial, extent, remote),
            None => self.whole_header(&state, remote, crcs),
        };
        header.partition = self.partition(&state.partition);
        Ok(Some(Snapshot {
            header,
            whole: partial.is_none(),
            annotations,
            flags: state.flags,
            minor_version: state.minor_version,
            records,
            since,
            known_up_to,
            replaces: remote.map(|r| r.crcs),
            stuck,
        }))
    }

    /// The header of an update to all that the master has.
    fn whole_header(
        &self,
        state: &MailboxState,
        remote: Option<&RemoteFolder>,
        crcs: SyncCrcs,
    ) -> MailboxHeader {
        let mut header = MailboxHeader { crcs, ..state.header.clone() };
        if self.settings.no_copyback {
            // A replica that is forced takes a lower one, below the UIDs of messages that it has,
            // and its imapd aborts at the next that comes in.
            header.last_uid = header.last_uid.max(remote.map_or(0, |r| r.last_uid));
            return header;
        }
        // The replica refuses a lower one than its own, and keeps that if none is sent; unless it
        // is forced: then it takes what comes, and none for 0.
        let theirs = remote.and_then(|r| r.xconvmodseq);
        header.xconvmodseq = header.xconvmodseq.filter(|ours| theirs.is_none_or(|t| t <= *ours));
        header
    }
}

/// The header of a partial state.
fn part_header(
    state: &MailboxState,
    partial: Partial,
    extent: Extent,
    remote: Option<&RemoteFolder>,
) -> MailboxHeader {
    let none = MailboxHeader::default();
    let mut header = match extent {
        Extent::Batch => state.in_part(remote.map_or(&none, |r| &r.header)),
        Extent::Below(_) => {
            // It may last: what the mailbox has but the UID.
            let mut header = state.in_part(state);
            header.recentuid = header.recentuid.min(partial.last_uid);
            header
        }
    };
    header.last_uid = partial.last_uid;
    header.highestmodseq = partial.highestmodseq;
    header
}

/// The state that a replica can have without the records from `end` on, see [`Extent::Below`].
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
            // Nothing is below 0, which old versions of Cyrus wrote.
            below = record.modseq.saturating_sub(1);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // Records may lie above it, which cannot be sent either.
    let last_uid = last_uid.min(mailbox.state().last_uid.max(known_up_to));
    // A replica that is past it already is not made worse by staying there; it makes 1 of 0.
    Ok(Partial { last_uid, highestmodseq: below.max(from).max(1) })
}

/// What [`read_records`] read.
struct Read {
    records: Vec<RecordUpdate>,
    stuck: Option<Stuck>,
}

/// Whether an update carries a record. New ones go along whatever their modseq: it is 0 where an
/// old Cyrus wrote it, and a replica that aborted when it had just created the mailbox keeps it
/// empty, but with the HIGHESTMODSEQ it was to have.
///
/// To a new record with INTERNALDATE 0 (1 January 1970) the replica gives the time of day, and the
/// CRCs differ. Sent once more, now that it is there, it keeps that date.
fn is_wanted(record: &Record, remote: Option<&RemoteFolder>, attempt: Attempt) -> bool {
    let Some(remote) = remote else { return true };
    let dateless = record.internaldate == 0 && !record.is_expunged();
    record.uid > remote.last_uid
        || record.modseq > remote.highestmodseq
        || (dateless && attempt == Attempt::Recomputed)
}

/// Reads the records that an update carries. All of the mailbox are visited and counted, so that
/// nothing is sent of one that lacks some.
fn read_records(
    mailbox: &mut dyn Mailbox,
    remote: Option<&RemoteFolder>,
    partial: Option<Partial>,
    attempt: Attempt,
    extent: Extent,
) -> Result<Read> {
    let mut records = Vec::new();
    let mut stuck = None;
    let known_up_to = remote.map_or(0, |r| r.last_uid);
    let (name, last_uid) = (mailbox.state().name.clone(), mailbox.state().last_uid);
    mailbox.scan_all(&mut |record| {
        let is_behind = partial.is_some_and(|partial| record.uid > partial.last_uid);
        if stuck.is_some() || is_behind || !is_wanted(record, remote, attempt) {
            return Ok(());
        }
        if record.uid > known_up_to
            && let Err(error) = appendable(&name, record, last_uid)
        {
            // Nobody misses an expunged one.
            if !record.is_expunged() {
                stuck = Some(Stuck { record: *record, file: false, error });
            }
            return Ok(());
        }
        let modseq = match (partial, extent) {
            (None, _) => Some(record.modseq),
            (Some(partial), Extent::Batch) => partial.modseq_of(record, known_up_to),
            (Some(partial), Extent::Below(_)) => Some(record.modseq.min(partial.highestmodseq)),
        };
        if let Some(modseq) = modseq {
            records.push(RecordUpdate { record: *record, modseq, annotations: Box::default() });
        }
        Ok(())
    })?;
    for update in records.iter_mut().filter(|update| is_expunged_later(update)) {
        let record = &mut update.record;
        if record.uid <= known_up_to || mailbox.message(record).is_ok() {
            before_its_expunge(record);
        }
    }
    for entry in &mut records {
        entry.annotations = mailbox.message_annotations(entry.record.uid)?.into_boxed_slice();
    }
    Ok(Read { records, stuck })
}

/// Whether the replica can take a record as a new one: where it cannot it aborts
/// (`mailbox_append_index_record`, `sync_apply_mailbox`).
pub(super) fn appendable(name: &MboxName, record: &Record, last_uid: Uid) -> Result<()> {
    let what = match record {
        r if r.uid > last_uid => "its UID is above the last UID of the mailbox",
        r if r.size == 0 => "it is empty",
        r if r.guid.is_null() => "it has no GUID",
        r if r.internal_flags.has(InternalFlags::UNLINKED) && !r.is_expunged() => {
            "its file is said to be removed, though it is not expunged"
        }
        _ => return Ok(()),
    };
    let subject = format!("{name} uid {}", record.uid);
    Err(Error::new(Kind::Corrupt, "read record", subject, what)
        .hint("reconstruct the mailbox, with -G if the GUID is missing"))
}
