//! Compares the records of a mailbox. Merges the master's records, which are read in chunks, with
//! the replica's records, which arrive one by one. Both are in ascending order of UIDs.
//!
//! Each side deletes expunged records at its own time. If both sides have expunged a message
//! independently, their expunged records may differ, and replication does not make them equal. Such
//! differences are not reported.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;

use super::annotations::differing;
use super::part::{Part, text, value};
use crate::error::{Error, Kind, Result, Subject};
use crate::events::Finding;
use crate::protocol::RemoteRecord;
use crate::store::{Mailbox, MessageAnnotations, ReadMailbox as _, RecordCount, Records};
use crate::sync::survey::compare::same_annotations;
use crate::types::crc::VIRTUAL;
use crate::types::{Annotation, MailboxHeader, MboxName, Modseq, Record, SystemFlags, Text, Uid};

/// Number of the master's records in memory at a time.
const CHUNK: usize = 4096;
/// Maximum number of differences that are kept back until it is known whether the replica reports
/// the field.
const MOST_UNREPORTED: usize = 1000;

/// Reads the master's records.
struct Ours<'m> {
    mailbox: &'m mut dyn Mailbox,
    /// Names of the user flags, by bit.
    flags: Vec<Option<Text>>,
    chunk: VecDeque<Record>,
    annotations: MessageAnnotations,
    /// UID of the last record that was read. `None` before the first read.
    last: Option<Uid>,
    is_at_end: bool,
    count: RecordCount,
}

impl Ours<'_> {
    /// Returns the next record of the master if its UID is at most `up_to`.
    fn next(&mut self, up_to: Uid) -> Result<Option<Record>> {
        if self.chunk.is_empty() && !self.is_at_end {
            self.read()?;
        }
        let is_next = self.chunk.front().is_some_and(|record| record.uid <= up_to);
        Ok(if is_next { self.chunk.pop_front() } else { None })
    }

    fn read(&mut self) -> Result<()> {
        let (chunk, count) = (&mut self.chunk, &mut self.count);
        self.mailbox.scan(self.last.map_or(Records::All, Records::After), &mut |record| {
            count.add(record);
            chunk.push_back(*record);
            let is_full = chunk.len() >= CHUNK;
            Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        self.is_at_end = self.chunk.len() < CHUNK;
        self.last = self.chunk.back().map(|record| record.uid).or(self.last);
        let uids: Vec<Uid> = self.chunk.iter().map(|record| record.uid).collect();
        self.annotations = self.mailbox.message_annotations(&uids)?;
        Ok(())
    }

    /// Returns the annotations of a message, without the annotations in which Cyrus replicates
    /// record fields.
    fn annotations(&mut self, record: &Record) -> Vec<Annotation> {
        let mut annotations = self.annotations.take(record, self.mailbox.state().minor_version);
        annotations.retain(|one| !VIRTUAL.iter().any(|(entry, _)| one.entry == *entry));
        annotations
    }

    /// Returns whether a record has exactly these user flags. Case does not matter.
    fn has_flags(&self, record: &Record, there: &BTreeSet<Text>) -> bool {
        let mut here = 0;
        for name in self.flags_of(record) {
            let is_it = |flag: &Text| flag.as_bytes().eq_ignore_ascii_case(name.as_bytes());
            if !there.iter().any(is_it) {
                return false;
            }
            here += 1;
        }
        here == there.len()
    }

    fn flags_of(&self, record: &Record) -> impl Iterator<Item = &Text> {
        let set = self.flags.iter().enumerate().filter(|(bit, _)| record.has_user_flag(*bit));
        set.filter_map(|(_, name)| name.as_ref())
    }
}

/// Fields that some versions do not have. A missing field is 0.
const OPTIONAL: [&str; 3] = ["THRID", "SAVEDATE", "CREATEDMODSEQ"];

fn optional(record: &Record) -> [u64; 3] {
    [record.cid, record.savedate.cast_unsigned(), record.createdmodseq]
}

/// A comparison of all records of a mailbox.
pub(super) struct Merge<'m, 'p> {
    name: MboxName,
    ours: Ours<'m>,
    part: &'p mut Part,
    /// The replica's HIGHESTMODSEQ and LAST_UID. Records of the master above them are not
    /// replicated yet.
    known: (Modseq, Uid),
    /// The master may have forgotten expunged records with modseqs below this.
    deletedmodseq: Modseq,
    minor_version: u32,
    /// UID of the replica's last record, or 0 before the first one.
    last: Uid,
    /// For each field of [`OPTIONAL`], whether the replica has reported it.
    reported: [bool; 3],
    /// Differences in optional fields that the master has and the replica has not reported. They
    /// are kept back until it is known whether the replica reports these fields at all.
    unreported: Vec<(usize, Finding)>,
}

impl<'m, 'p> Merge<'m, 'p> {
    /// Starts the comparison of an open mailbox. `there` is the replica's state.
    pub fn new(
        mailbox: &'m mut dyn Mailbox,
        there: &MailboxHeader,
        part: &'p mut Part,
    ) -> Merge<'m, 'p> {
        let state = mailbox.state();
        Merge {
            name: state.name.clone(),
            part,
            known: (there.highestmodseq, there.last_uid),
            deletedmodseq: state.deletedmodseq,
            minor_version: state.minor_version,
            last: 0,
            reported: [false; 3],
            unreported: Vec::new(),
            ours: Ours {
                flags: state.flags.clone(),
                mailbox,
                chunk: VecDeque::with_capacity(CHUNK),
                annotations: MessageAnnotations::default(),
                last: None,
                is_at_end: false,
                count: RecordCount::default(),
            },
        }
    }

    /// Compares the next record of the replica, and the master's records up to its UID.
    ///
    /// Fails if the master's records cannot be read, or the replica's are not in order.
    pub fn take(&mut self, there: &RemoteRecord) -> Result<()> {
        let uid = there.record.uid;
        if uid <= self.last {
            let detail = format!("the replica lists UID {uid} after UID {}", self.last);
            return Err(Error::new(Kind::Corrupt, "compare mailbox", &self.name, detail)
                .with_hint("run reconstruct on the mailbox on the replica"));
        }
        self.last = uid;
        for (reported, number) in self.reported.iter_mut().zip(optional(&there.record)) {
            *reported |= number != 0;
        }
        while let Some(here) = self.ours.next(uid)? {
            self.part.compared.records += 1;
            if here.uid == uid {
                self.both(&here, there);
                return Ok(());
            }
            self.only_here(&here);
        }
        self.part.compared.records += 1;
        self.only_there(&there.record);
        Ok(())
    }

    /// Ends the comparison after the replica's last record. The remaining records exist only on the
    /// master.
    ///
    /// Fails like [`Merge::take`], and if the number of the master's records is not the number in
    /// the master's header.
    pub fn end(mut self) -> Result<()> {
        while let Some(here) = self.ours.next(Uid::MAX)? {
            self.part.compared.records += 1;
            self.only_here(&here);
        }
        self.ours.count.check(self.ours.mailbox.state())?;
        for (field, finding) in std::mem::take(&mut self.unreported) {
            if self.reported.get(field).is_some_and(|reported| *reported) {
                self.part.add(finding);
            }
        }
        Ok(())
    }

    fn differs(
        &mut self,
        here: &Record,
        field: &str,
        master: Option<String>,
        replica: Option<String>,
    ) {
        let finding = self.finding(here, field, master, replica);
        self.part.add(finding);
    }

    /// Makes a finding for a record of the master. The finding is pending if the record's modseq or
    /// UID is above the replica's, which means that the change is not replicated yet.
    fn finding(
        &self,
        here: &Record,
        field: &str,
        master: Option<String>,
        replica: Option<String>,
    ) -> Finding {
        let (modseq, uid) = self.known;
        Finding {
            subject: Subject::message(self.name.clone(), here.uid, None),
            field: field.to_owned(),
            master,
            replica,
            pending: here.modseq > modseq || here.uid > uid,
        }
    }

    fn only_here(&mut self, here: &Record) {
        if !here.is_expunged() {
            let finding = self.finding(here, "RECORD", value("there"), None);
            self.part.lacks(here.uid, finding);
        }
    }

    fn only_there(&mut self, there: &Record) {
        if there.is_expunged() {
            return;
        }
        self.part.add(Finding {
            subject: Subject::message(self.name.clone(), there.uid, None),
            field: "RECORD".to_owned(),
            master: None,
            replica: value("there"),
            // The finding is pending if the master may have expunged this message and forgotten the
            // expunged record.
            pending: self.deletedmodseq > self.known.0,
        });
    }

    fn both(&mut self, here: &Record, there: &RemoteRecord) {
        let other = &there.record;
        let expunge = |record: &Record| (record.guid, record.modseq, record.last_updated);
        if here.is_expunged() && other.is_expunged() && expunge(here) != expunge(other) {
            return;
        }
        if (here.modseq, here.last_updated) != (other.modseq, other.last_updated)
            || (here.internaldate, here.size) != (other.internaldate, other.size)
            || here.guid != other.guid
        {
            self.numbers(here, other);
        }
        if here.system_flags != other.system_flags
            || here.is_expunged() != other.is_expunged()
            || !self.ours.has_flags(here, &there.flags)
        {
            let master = flags(here, self.ours.flags_of(here));
            let replica = flags(other, there.flags.iter());
            self.differs(here, "FLAGS", text(master.as_bytes()), text(replica.as_bytes()));
        }
        if optional(here) != optional(other) {
            self.optional(here, other);
        }
        // Each side removes the annotations of expunged messages on its own.
        if here.is_expunged() || other.is_expunged() {
            return;
        }
        let annotations = self.ours.annotations(here);
        if !same_annotations(&annotations, &there.annotations) {
            for (field, master, replica) in differing(&annotations, &there.annotations) {
                self.differs(here, &field, master, replica);
            }
        }
    }

    fn numbers(&mut self, here: &Record, there: &Record) {
        let fields = [
            ("MODSEQ", value(here.modseq), value(there.modseq)),
            ("LAST_UPDATED", value(here.last_updated), value(there.last_updated)),
            ("INTERNALDATE", value(here.internaldate), value(there.internaldate)),
            ("SIZE", value(here.size), value(there.size)),
            ("GUID", value(here.guid), value(there.guid)),
        ];
        for (field, master, replica) in fields {
            if master != replica {
                self.differs(here, field, master, replica);
            }
        }
    }

    /// Compares the fields in [`OPTIONAL`], if the master's version has them and the master has a
    /// value.
    fn optional(&mut self, here: &Record, there: &Record) {
        let both = optional(here).into_iter().zip(optional(there));
        for (n, ((ours, theirs), (_, since))) in both.zip(VIRTUAL).enumerate() {
            if ours == theirs || ours == 0 || self.minor_version < since {
                continue;
            }
            let field = OPTIONAL.get(n).copied().unwrap_or_default();
            let show = |number: u64| match n {
                0 => value(format_args!("{number:016x}")),
                _ => value(number),
            };
            let shown = if theirs == 0 { None } else { show(theirs) };
            let finding = self.finding(here, field, show(ours), shown);
            if theirs != 0 {
                self.part.add(finding);
            } else if self.unreported.len() < MOST_UNREPORTED {
                self.unreported.push((n, finding));
            }
        }
    }
}

/// Formats flags as on the wire.
fn flags<'f>(record: &Record, user: impl Iterator<Item = &'f Text>) -> String {
    const SYSTEM: [(u32, &str); 5] = [
        (SystemFlags::ANSWERED, "\\Answered"),
        (SystemFlags::DELETED, "\\Deleted"),
        (SystemFlags::DRAFT, "\\Draft"),
        (SystemFlags::FLAGGED, "\\Flagged"),
        (SystemFlags::SEEN, "\\Seen"),
    ];
    let system = SYSTEM.iter().filter(|(flag, _)| record.system_flags.has(*flag));
    let mut names: Vec<String> = system.map(|(_, name)| (*name).to_owned()).collect();
    names.extend(record.is_expunged().then(|| "\\Expunged".to_owned()));
    let mut user: Vec<String> = user.map(ToString::to_string).collect();
    user.sort();
    names.append(&mut user);
    format!("({})", names.join(" "))
}
