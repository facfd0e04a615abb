//! An update of one mailbox. It is read into memory under the mailbox's locks, and these are
//! released before the update is sent.

use crate::error::Error;
use crate::protocol::{MailboxUpdate, RecordUpdate, RemoteFolder, Since};
use crate::types::{Annotation, InternalFlags, MailboxHeader, Record, SyncCrcs, Text, Uid};

/// An update of one mailbox, ready to be sent.
#[derive(Debug)]
pub struct Snapshot {
    /// The state after the update, in the form in which it is sent.
    pub header: MailboxHeader,
    /// Whether the update is for the complete state of the mailbox.
    pub whole: bool,
    /// Annotations of the mailbox.
    pub annotations: Vec<Annotation>,
    /// Names of the user flags by bit.
    pub flags: Vec<Option<Text>>,
    /// Minor version of cyrus.index.
    pub minor_version: u32,
    /// Records, by UID.
    pub records: Vec<RecordUpdate>,
    /// The state of the replica that is the condition of the update.
    pub since: Option<Since>,
    /// Records above this UID are new to the replica, which needs their files.
    pub known_up_to: Uid,
    /// CRCs of the replica before the update; `None` if the mailbox is new to it.
    pub replaces: Option<SyncCrcs>,
    /// A new record that cannot be sent. The records end before it. If this is set, the snapshot
    /// itself must not be sent; see [`Extent::Below`].
    pub stuck: Option<Stuck>,
}

/// The first record of a mailbox that cannot be sent.
#[derive(Debug)]
pub struct Stuck {
    /// The record.
    pub record: Record,
    /// Whether only its file is wrong, so that another copy of the message would be enough.
    pub file: bool,
    /// The reason.
    pub error: Error,
}

impl Snapshot {
    /// Returns the update for the command.
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

    /// Returns the state of the replica after this update, or `None` for a partial update.
    pub fn outcome(&self) -> Option<RemoteFolder> {
        let Snapshot { header, annotations, whole: true, .. } = self else { return None };
        let (header, annotations) = (header.clone(), annotations.clone());
        Some(RemoteFolder { header, annotations, beyond: None })
    }

    /// Returns the records whose files the replica needs before the update: new ones that still
    /// have a file on the master.
    pub fn new_messages(&self) -> impl Iterator<Item = &Record> {
        let known = self.known_up_to;
        self.records
            .iter()
            .map(|e| &e.record)
            .filter(move |r| r.uid > known && !r.internal_flags.has(InternalFlags::UNLINKED))
    }
}

/// The attempt at sending a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Trust the CRCs stored in cyrus.index, and make the update conditional on the replica's
    /// state.
    First,
    /// The replica ended with other CRCs: compute the CRCs from all records, and send without a
    /// condition.
    Recomputed,
    /// Both sides were compared: compute the CRCs from all records, make the update conditional on
    /// the state that was compared, and send it even if nothing differs.
    Repaired,
}

/// How much of a mailbox is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything, or as much as one batch holds.
    Batch,
    /// What the replica can have without the record with this UID, which cannot be sent: all
    /// records with lower UIDs, and none from this UID on.
    ///
    /// A replica only appends messages above its LAST_UID. If it got later messages now, it could
    /// never get this one, and the next full comparison would give this one another UID on the
    /// master. So later messages must wait. The state's HIGHESTMODSEQ stays below all of them;
    /// otherwise the next run would not find them. Changes of records that the replica already has
    /// are not delayed: they are sent now with a lowered modseq, and with their own modseq later.
    Below(Uid),
}
