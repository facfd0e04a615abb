//! What is sent of one mailbox: read under its locks into memory, so that the index lock is let
//! go before the first byte is written to the replica.

use std::ops::ControlFlow;

use super::batch::{Batcher, Partial};
use super::bounds::Measure;
use super::damage::Stuck;
use super::remote::RemoteFolder;
use super::{Syncer, compare, unix_time};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::store::{Crcs, Mailbox, Records};
use crate::types::{
    Annotation, InternalFlags, MailboxState, MboxName, Modseq, Record, SyncCrcs, SystemFlags, Text,
    Uid,
};

/// One record as it is sent.
#[derive(Debug)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// Its modseq in the state that is sent.
    pub modseq: Modseq,
    /// Its stored annotations.
    pub annotations: Box<[Annotation]>,
}

impl Entry {
    /// Whether it is expunged, but later than the state that it is sent in.
    fn is_expunged_later(&self) -> bool {
        self.record.is_expunged() && self.modseq < self.record.modseq
    }

    /// Makes it what it was just before its expunge. The replica takes nothing more of a record
    /// that both sides have expunged, so a lowered modseq would stay, and a client that asks what
    /// vanished since would not be told.
    fn before_its_expunge(&mut self) {
        self.record.internal_flags.0 &= !InternalFlags::EXPUNGED;
        self.record.system_flags.0 |= SystemFlags::DELETED;
    }
}

/// The replica's state that the update builds on; it refuses if it has another.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// HIGHESTMODSEQ there.
    pub modseq: Modseq,
    /// CRCs there.
    pub crcs: SyncCrcs,
}

/// Values of a partial state that are kept as the replica has them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept {
    /// RECENTUID.
    pub recentuid: Uid,
    /// RECENTTIME.
    pub recenttime: i64,
    /// POP3_LAST_LOGIN.
    pub pop3_last_login: i64,
    /// POP3_SHOW_AFTER.
    pub pop3_show_after: i64,
}

/// An update of one mailbox, ready to be sent.
#[derive(Debug)]
pub struct Snapshot {
    /// State of the mailbox.
    pub state: MailboxState,
    /// Annotations of the mailbox.
    pub annotations: Vec<Annotation>,
    /// CRCs of the mailbox.
    pub crcs: SyncCrcs,
    /// Partition on the replica.
    pub partition: Text,
    /// Set if this is not the whole.
    pub partial: Option<(Partial, Kept)>,
    /// Records, by UID.
    pub records: Vec<Entry>,
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
        remote.filter(|_| !self.settings.no_copyback).is_some_and(|there| {
            state.uidvalidity < there.uidvalidity
                || there.foldermodseq.is_some_and(|there| state.foldermodseq < there)
                || state.highestmodseq < there.highestmodseq
                || state.last_uid < there.last_uid
        })
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
        let mut state = mailbox.state().clone();
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
        let kept = match (extent, remote) {
            (Extent::Batch, Some(r)) => Kept {
                recentuid: r.recentuid,
                recenttime: r.recenttime,
                pop3_last_login: r.pop3_last_login,
                pop3_show_after: r.pop3_show_after,
            },
            (Extent::Batch, None) => Kept::default(),
            // It may last: what the mailbox has but the UID.
            (Extent::Below(_), _) => Kept {
                recentuid: state.recentuid.min(partial.map_or(0, |p| p.last_uid)),
                recenttime: state.recenttime,
                pop3_last_login: state.pop3_last_login,
                pop3_show_after: state.pop3_show_after,
            },
        };
        let since = remote
            .filter(|r| attempt != Attempt::Recomputed && r.highestmodseq != 0)
            .map(|r| Since { modseq: r.highestmodseq, crcs: r.crcs });
        // The replica refuses a lower one than its own, and keeps that if none is sent; unless it
        // is forced: then it takes what comes, and none for 0.
        let refused =
            |ours: u64| remote.is_some_and(|r| r.xconvmodseq.is_some_and(|theirs| theirs > ours));
        if !self.settings.no_copyback && state.xconvmodseq.is_some_and(refused) {
            state.xconvmodseq = None;
        }
        if self.settings.no_copyback {
            // A replica that is forced takes a lower one, below the UIDs of messages that it has,
            // and its imapd aborts at the next that comes in.
            state.last_uid = state.last_uid.max(known_up_to);
        }
        Ok(Some(Snapshot {
            partition: self.partition(&state.partition),
            state,
            annotations,
            crcs,
            partial: partial.map(|p| (p, kept)),
            records,
            since,
            known_up_to,
            replaces: remote.map(|r| r.crcs),
            stuck,
        }))
    }
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
    records: Vec<Entry>,
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
    mailbox.scan_all(Crcs::Stored, &mut |record| {
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
            records.push(Entry { record: *record, modseq, annotations: Box::default() });
        }
        Ok(())
    })?;
    for entry in records.iter_mut().filter(|entry| entry.is_expunged_later()) {
        let record = &entry.record;
        if record.uid <= known_up_to || mailbox.message(record).is_ok() {
            entry.before_its_expunge();
        }
    }
    let uids: Vec<Uid> = records.iter().map(|entry| entry.record.uid).collect();
    let mut annotations = mailbox.message_annotations(&uids)?;
    for entry in &mut records {
        entry.annotations = annotations.take(entry.record.uid).into_boxed_slice();
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
