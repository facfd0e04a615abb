//! Plans how to make a mailbox equal on both sides after both sides have changed it
//! (`mailbox_full_update`, `compare_one_record` and others in Cyrus's `imap/sync_support.c`). Pure:
//! no I/O, no clock.
//!
//! First the master gets the state that both sides must have, then the replica gets that state by a
//! normal update. All written records have a modseq above those of both sides, so that IMAP clients
//! of both sides see the changes.
//!
//! If the same UID belongs to different messages, both messages get new UIDs. The update that
//! expunges the replica's message at its old UID also contains the message at its new UID. So at
//! every moment at least one side has the message.

use std::collections::{HashMap, HashSet};

use super::findings;
use crate::error::{Error, Kind, Result};
use crate::events::{RepairAction, RepairEvent, Side as Whose};
use crate::protocol::RemoteRecord;
use crate::sync::survey::records::after;
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxHeader, MboxName, Modseq, Record, SystemFlags, Text,
    Time, Uid,
};

/// One side's state of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// The header of the mailbox.
    pub header: MailboxHeader,
    /// Annotations of the mailbox itself, sorted.
    pub annotations: Vec<Annotation>,
    /// All records, including expunged ones, by UID.
    pub records: Vec<RemoteRecord>,
}

impl Side {
    /// Returns the records of messages that are not expunged.
    fn living(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().map(|message| &message.record).filter(|record| !record.is_expunged())
    }

    /// Returns this side's record of the same message, with the same UID.
    fn same_message(&self, record: &Record) -> Option<&Record> {
        let at = self.records.binary_search_by_key(&record.uid, |message| message.record.uid);
        let found = &self.records.get(at.ok()?)?.record;
        Some(found).filter(|found| found.guid == record.guid)
    }
}

/// Values of the master that the plan needs in addition to both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Knowledge {
    /// The master may have forgotten expunged records with modseqs below this.
    pub deletedmodseq: Modseq,
    /// The highest modseq among all mailboxes of the owner.
    pub used_modseq: Modseq,
    /// The current time, for records that are written.
    pub now: Time,
}

/// A message that must be fetched from the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// UID of the message on the replica.
    pub uid: Uid,
    /// SHA-1 of the message.
    pub guid: Guid,
    /// Size of the message in bytes.
    pub size: u64,
}

/// The changes that make both sides equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The header of the master, with the values that a repair raises.
    pub header: MailboxHeader,
    /// The annotations that both sides must have.
    pub annotations: Vec<Annotation>,
    /// Records to write on the master, by UID.
    pub master: Vec<RemoteRecord>,
    /// Whether the master must be changed.
    pub writes_master: bool,
    /// Messages that the master lacks and that must be fetched from the replica.
    pub fetch: Vec<Fetch>,
    /// Messages of the master that get a new UID.
    pub own: Vec<Guid>,
    /// Records to expunge on the replica, by UID. The master may have another message at the same
    /// UID.
    pub expunge: Vec<RemoteRecord>,
    /// Number of messages that the plan expunges on the master. Messages that get a new UID are not
    /// counted.
    pub expunged_here: u64,
    /// Number of messages on the master that get the flag `\Deleted`. IMAP clients may expunge such
    /// messages next.
    pub deleted_here: u64,
    /// The findings to report, in order.
    pub findings: Vec<RepairEvent>,
}

/// Makes the plan. `name` is for reports and errors.
///
/// # Errors
/// [`Kind::Corrupt`] if there are no UIDs or modseqs left that the plan needs.
pub fn plan(name: &MboxName, ours: &Side, theirs: &Side, known: Knowledge) -> Result<Plan> {
    let mut planner = Planner {
        name,
        ours,
        theirs,
        known,
        plan: Plan::default(),
        moves: Vec::new(),
        copies: copies(ours, theirs),
    };
    planner.compare_all();
    planner.finish()
}

/// A message that gets a new UID. New UIDs are assigned in the order of [`Planner::moves`].
enum Move<'s> {
    /// The master's message. Its old UID is expunged.
    Renumber(&'s RemoteRecord),
    /// The replica's message, which is copied to the master.
    CopyBack(&'s RemoteRecord),
}

struct Planner<'s> {
    name: &'s MboxName,
    ours: &'s Side,
    theirs: &'s Side,
    known: Knowledge,
    plan: Plan,
    moves: Vec<Move<'s>>,
    /// Unexpunged messages of the master with the GUID of a message that only the replica has at
    /// its UID, by GUID. An interrupted repair may have copied them.
    copies: HashMap<Guid, Vec<&'s Record>>,
}

fn copies<'s>(ours: &'s Side, theirs: &Side) -> HashMap<Guid, Vec<&'s Record>> {
    let only_there: HashSet<Guid> = theirs
        .living()
        .filter(|record| ours.same_message(record).is_none())
        .map(|record| record.guid)
        .collect();
    let mut copies: HashMap<Guid, Vec<&Record>> = HashMap::new();
    for record in ours.living().filter(|record| only_there.contains(&record.guid)) {
        copies.entry(record.guid).or_default().push(record);
    }
    copies
}

impl<'s> Planner<'s> {
    fn compare_all(&mut self) {
        let (ours, theirs) = (self.ours, self.theirs);
        let mut here = ours.records.iter().peekable();
        let mut there = theirs.records.iter().peekable();
        loop {
            let (m, r) = (here.peek().map(|m| m.record.uid), there.peek().map(|r| r.record.uid));
            let next = m.into_iter().chain(r).min();
            let Some(next) = next else { break };
            let m = here.next_if(|m| m.record.uid == next);
            let r = there.next_if(|r| r.record.uid == next);
            match (m, r) {
                (Some(m), Some(r)) => self.both(m, r),
                (Some(m), None) => self.only_here(m),
                (None, Some(r)) => self.only_there(r),
                (None, None) => break,
            }
        }
    }

    fn both(&mut self, m: &'s RemoteRecord, r: &'s RemoteRecord) {
        match (m.record.is_expunged(), r.record.is_expunged()) {
            (true, true) => {}
            _ if m.record.guid != r.record.guid => self.two_messages(m, r),
            _ if same(m, r) => {}
            (true, false) => {
                self.found(r, RepairAction::ExpungedOnMaster);
                self.plan.expunge.push(r.clone());
            }
            (false, true) => {
                self.found(m, RepairAction::ExpungedOnReplica);
                self.plan.expunged_here += 1;
                let mut merged = m.clone();
                merged.record.internal_flags.0 |= InternalFlags::EXPUNGED;
                self.plan.master.push(merged);
            }
            (false, false) => self.merge(m, r),
        }
    }

    /// Handles two different messages with the same UID. Both get new UIDs. The message with the
    /// lower GUID gets the lower UID, so the result does not depend on which side is the master.
    fn two_messages(&mut self, m: &'s RemoteRecord, r: &'s RemoteRecord) {
        self.plan.findings.push(RepairEvent::GuidMismatch {
            mailbox: self.name.clone(),
            uid: m.record.uid,
            replica: r.record.guid,
            master: m.record.guid,
        });
        if m.record.guid > r.record.guid {
            self.copy_back(r);
            self.renumber(m);
        } else {
            self.renumber(m);
            self.copy_back(r);
        }
    }

    /// Handles a message that both sides have, with different flags or other data.
    fn merge(&mut self, m: &RemoteRecord, r: &RemoteRecord) {
        let newer_there =
            r.record.modseq > m.record.modseq && r.record.last_updated >= m.record.last_updated;
        if newer_there {
            let mailbox = self.name.clone();
            self.plan.findings.extend([
                RepairEvent::NewerOnReplica { mailbox: mailbox.clone() },
                findings::record(&mailbox, Whose::Master, m),
                findings::record(&mailbox, Whose::Replica, r),
            ]);
            let deleted =
                |message: &RemoteRecord| message.record.system_flags.has(SystemFlags::DELETED);
            self.plan.deleted_here += u64::from(deleted(r) && !deleted(m));
            let mut merged = m.clone();
            merged.record.system_flags = r.record.system_flags;
            merged.record.cid = r.record.cid;
            merged.flags.clone_from(&r.flags);
            merged.annotations.clone_from(&r.annotations);
            self.plan.master.push(merged);
            return;
        }
        self.found(m, RepairAction::MasterStays);
        if m.record.modseq <= self.theirs.header.highestmodseq {
            // Write the record with a new modseq, because an update only contains records with
            // modseqs above the replica's HIGHESTMODSEQ.
            self.plan.master.push(m.clone());
        }
    }

    fn only_here(&mut self, m: &'s RemoteRecord) {
        let header = &self.theirs.header;
        if m.record.is_expunged() {
            return;
        }
        if m.record.uid <= header.last_uid {
            self.found(m, RepairAction::OnlyOnMaster);
            self.renumber(m);
        } else if m.record.modseq <= header.highestmodseq {
            let (mailbox, uid) = (self.name.clone(), m.record.uid);
            self.plan.findings.push(RepairEvent::BumpingModseq { mailbox, uid });
            self.plan.master.push(m.clone());
        }
    }

    fn only_there(&mut self, r: &'s RemoteRecord) {
        if r.record.is_expunged() {
            return;
        }
        if self.is_stale(&r.record) {
            self.found(r, RepairAction::OnlyOnReplicaStale);
            self.found(r, RepairAction::ExpungedLongAgo);
            self.plan.expunge.push(r.clone());
        } else {
            self.found(r, RepairAction::OnlyOnReplica);
            self.copy_back(r);
        }
    }

    /// Returns whether the master had this message, expunged it, and has forgotten the expunged
    /// record. This test is used only if the master has no message at the UID. Cyrus also uses it
    /// if the master has another message there, and then loses the replica's message.
    fn is_stale(&self, record: &Record) -> bool {
        record.uid <= self.ours.header.last_uid && record.modseq < self.known.deletedmodseq
    }

    fn renumber(&mut self, m: &'s RemoteRecord) {
        if !m.record.is_expunged() {
            self.moves.push(Move::Renumber(m));
        }
    }

    fn copy_back(&mut self, r: &'s RemoteRecord) {
        let record = &r.record;
        if record.is_expunged() {
            return;
        }
        if record.uid > self.ours.header.last_uid {
            self.found(r, RepairAction::CopiedBack { to: None });
            self.fetch(record);
            self.plan.master.push(r.clone());
            return;
        }
        if self.came_back(record) {
            self.found(r, RepairAction::CameBack);
        } else {
            self.fetch(record);
            self.moves.push(Move::CopyBack(r));
        }
        self.plan.expunge.push(r.clone());
    }

    /// Returns whether an interrupted attempt has already copied this message to the master, at
    /// another UID. Each copy on the master is used for only one message.
    ///
    /// The replica may have the copy too: before a client compares all records, it sends the
    /// changes, and a replica keeps them even if it then reports a wrong checksum
    /// (`sync_apply_mailbox`). A copy that was expunged there since does not count. Both sides may
    /// also have two equal messages, of which the master has expunged one. Only the modseqs of their
    /// creation differ then.
    fn came_back(&mut self, record: &Record) -> bool {
        let theirs = self.theirs;
        let Some(copies) = self.copies.get_mut(&record.guid) else { return false };
        let found = copies.iter().position(|m| {
            m.uid != record.uid
                && (m.size, m.internaldate) == (record.size, record.internaldate)
                && (record.savedate == 0 || m.savedate == record.savedate)
                && (record.createdmodseq == 0 || m.createdmodseq == record.createdmodseq)
                && theirs.same_message(m).is_none_or(|there| {
                    !there.is_expunged() && record.createdmodseq != 0 && m.uid > record.uid
                })
        });
        found.map(|at| copies.swap_remove(at)).is_some()
    }

    fn fetch(&mut self, record: &Record) {
        let Record { uid, guid, size, .. } = *record;
        self.plan.fetch.push(Fetch { uid, guid, size });
    }

    fn finish(mut self) -> Result<Plan> {
        let (ours, theirs) = (self.ours, self.theirs);
        let mut header = ours.header.raised(&theirs.header);
        // With `-O` (never change the master) a replica accepts a HIGHESTMODSEQ below the modseqs
        // of its messages, and from Cyrus's client also such a LAST_UID. So look at all records
        // too.
        for record in ours.records.iter().chain(&theirs.records).map(|m| &m.record) {
            header.highestmodseq = header.highestmodseq.max(record.modseq);
            header.last_uid = header.last_uid.max(record.uid);
        }
        for moved in std::mem::take(&mut self.moves) {
            header.last_uid = after(header.last_uid, self.name)?;
            let to = header.last_uid;
            let mut new = match moved {
                Move::CopyBack(r) => {
                    self.found(r, RepairAction::CopiedBack { to: Some(to) });
                    r.clone()
                }
                Move::Renumber(m) => {
                    self.found(m, RepairAction::Renumbered { to });
                    let mut old = m.clone();
                    old.record.internal_flags.0 |= InternalFlags::EXPUNGED;
                    self.plan.master.push(old);
                    self.plan.own.push(m.record.guid);
                    m.clone()
                }
            };
            new.record.uid = header.last_uid;
            self.plan.master.push(new);
        }
        // The side with the higher HIGHESTMODSEQ is assumed to have the newer annotations, because
        // nothing else shows their age.
        let newer_there = theirs.header.highestmodseq > ours.header.highestmodseq;
        if !same_annotations(&ours.annotations, &theirs.annotations) {
            let stay = if newer_there { Whose::Replica } else { Whose::Master };
            let mailbox = self.name.clone();
            self.plan.findings.push(RepairEvent::Annotations { mailbox, stay });
        }
        self.plan.annotations =
            if newer_there { &theirs.annotations } else { &ours.annotations }.clone();
        if !same_annotations(&self.plan.annotations, &theirs.annotations) {
            // When the replica gets these annotations, it raises its FOLDERMODSEQ to its former
            // HIGHESTMODSEQ (`mailbox_annot_changed` in `imap/mailbox.c`). The master gets at least
            // the same value, or both sides would differ again.
            header.foldermodseq = header.foldermodseq.max(Some(theirs.header.highestmodseq));
        }
        self.plan.writes_master = !ours.header.reaches(&header)
            || !self.plan.master.is_empty()
            || !same_annotations(&self.plan.annotations, &ours.annotations);
        if self.plan.writes_master {
            let used = header.highestmodseq.max(self.known.used_modseq);
            header.highestmodseq = used.checked_add(1).ok_or_else(|| {
                let detail =
                    "a modseq has reached the maximum, so the mailbox cannot be changed any more";
                Error::new(Kind::Corrupt, "repair mailbox", self.name, detail)
                    .with_hint("move its messages to a new mailbox")
            })?;
        }
        let kept = InternalFlags::EXPUNGED;
        for message in &mut self.plan.master {
            message.record.modseq = header.highestmodseq;
            message.record.last_updated = self.known.now;
            message.record.internal_flags.0 &= kept;
        }
        for message in &mut self.plan.expunge {
            message.record.modseq = header.highestmodseq;
            message.record.last_updated = self.known.now;
            message.record.internal_flags.0 = kept;
        }
        self.plan.master.sort_by_key(|message| message.record.uid);
        self.plan.own.sort_unstable();
        self.plan.own.dedup();
        let raised = findings::raised(self.name, &ours.header, &theirs.header, &header);
        self.plan.header = header;
        self.plan.findings.extend(raised);
        Ok(self.plan)
    }

    /// Records the action of a message.
    fn found(&mut self, message: &RemoteRecord, action: RepairAction) {
        let Record { uid, guid, .. } = message.record;
        let mailbox = self.name.clone();
        self.plan.findings.push(RepairEvent::Message { mailbox, uid, guid, action });
    }
}

/// Returns whether two records of one message are equal.
fn same(m: &RemoteRecord, r: &RemoteRecord) -> bool {
    let key = |message: &RemoteRecord| {
        let record = &message.record;
        (
            (record.modseq, record.last_updated, record.internaldate, record.is_expunged()),
            (record.cid, record.savedate, record.createdmodseq),
            SystemFlags(record.system_flags.0),
        )
    };
    key(m) == key(r) && m.flags == r.flags && same_annotations(&m.annotations, &r.annotations)
}

/// Returns whether both lists have the same annotations. Modseqs are not compared.
fn same_annotations(a: &[Annotation], b: &[Annotation]) -> bool {
    let key = |list: &[Annotation]| -> HashSet<(Text, Text, Text)> {
        list.iter().map(|a| (a.entry.clone(), a.userid.clone(), a.value.clone())).collect()
    };
    a.len() == b.len() && key(a) == key(b)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "history_tests.rs"]
mod histories;
