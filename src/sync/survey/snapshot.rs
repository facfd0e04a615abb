//! An update of one mailbox: read under its locks into memory, so that they are released before the
//! first byte is written to the replica.

use crate::error::Error;
use crate::protocol::{MailboxUpdate, RecordUpdate, RemoteFolder, Since};
use crate::types::{Annotation, InternalFlags, MailboxHeader, Record, SyncCrcs, Text, Uid};

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
    pub stuck: Option<Stuck>,
}

/// The first record of a mailbox that cannot be sent.
#[derive(Debug)]
pub struct Stuck {
    /// The record.
    pub record: Record,
    /// Whether only its file is wrong: another copy of it would do.
    pub file: bool,
    /// Why it cannot.
    pub error: Error,
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

    /// What the replica has once it has taken this; `None` of a part of a mailbox.
    pub fn outcome(&self) -> Option<RemoteFolder> {
        let Snapshot { header, annotations, whole: true, .. } = self else { return None };
        let (header, annotations) = (header.clone(), annotations.clone());
        Some(RemoteFolder { header, annotations, beyond: None })
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
