//! What is sent of one mailbox: read under its locks into memory, so that the index lock is let
//! go before the first byte is written to the replica.

use std::ops::ControlFlow;

use super::batch::{Batcher, Partial};
use super::claims::Measure;
use super::remote::RemoteFolder;
use super::{Syncer, compare, unix_time};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::store::{Crcs, Mailbox, Records};
use crate::types::{
    Annotation, InternalFlags, MailboxState, MboxName, Modseq, Record, SyncCrcs, Text, Uid,
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
    ) -> Result<Option<Snapshot>> {
        let mut state = mailbox.state().clone();
        let annotations = mailbox.annotations()?;
        match self.difference(mailbox, &annotations, remote)? {
            Some(why) => self.log(Level::Debug, format!("{}: {why}", state.name)),
            None if attempt == Attempt::Repaired => {}
            None => return Ok(None),
        }
        let partial = match attempt {
            Attempt::First => find_batch(mailbox, self.settings.batch_size, remote, |_| {})?,
            Attempt::Recomputed | Attempt::Repaired => None,
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
        let records = read_records(mailbox, remote, partial, attempt)?;
        let stored = mailbox.crcs(Crcs::Stored)?;
        let crcs = match attempt {
            Attempt::First if stored.basic.is_some() => stored,
            _ => mailbox.crcs(Crcs::Recomputed)?,
        };
        let kept = remote.map_or_else(Kept::default, |r| Kept {
            recentuid: r.recentuid,
            recenttime: r.recenttime,
            pop3_last_login: r.pop3_last_login,
            pop3_show_after: r.pop3_show_after,
        });
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
        }))
    }
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
) -> Result<Vec<Entry>> {
    let known_up_to = remote.map_or(0, |r| r.last_uid);
    let mut records = Vec::new();
    let (name, last_uid) = (mailbox.state().name.clone(), mailbox.state().last_uid);
    mailbox.scan_all(&mut |record| {
        if !is_wanted(record, remote, attempt) || partial.is_some_and(|p| record.uid > p.last_uid) {
            return Ok(());
        }
        if record.uid > known_up_to {
            appendable(record, last_uid).map_err(|what| {
                let subject = format!("{name} uid {}", record.uid);
                Error::new(Kind::Corrupt, "read mailbox", subject, what)
                    .hint("reconstruct the mailbox, with -G if the GUID is missing")
            })?;
        }
        let modseq = match partial {
            None => Some(record.modseq),
            Some(partial) => partial.modseq_of(record, known_up_to),
        };
        if let Some(modseq) = modseq {
            records.push(Entry { record: *record, modseq, annotations: Box::default() });
        }
        Ok(())
    })?;
    for entry in &mut records {
        entry.annotations = mailbox.message_annotations(entry.record.uid)?.into_boxed_slice();
    }
    Ok(records)
}

/// Whether the replica can take a record as a new one: where it cannot it aborts
/// (`mailbox_append_index_record`, `sync_apply_mailbox`).
fn appendable(record: &Record, last_uid: Uid) -> Result<(), &'static str> {
    match record {
        r if r.uid > last_uid => Err("its UID is above the last UID of the mailbox"),
        r if r.size == 0 => Err("it is empty"),
        r if r.guid.is_null() => Err("it has no GUID"),
        r if r.internal_flags.has(InternalFlags::UNLINKED)
            && !r.internal_flags.has(InternalFlags::EXPUNGED) =>
        {
            Err("its file is said to be removed, though it is not expunged")
        }
        _ => Ok(()),
    }
}
