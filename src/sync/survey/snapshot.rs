//! An update of one mailbox. The update is read into memory under the mailbox's locks. The locks
//! are released before the update is sent.

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
    /// Records to send, in the order of UIDs.
    pub records: Vec<RecordUpdate>,
    /// The state of the replica that is the condition of the update.
    pub since: Option<Since>,
    /// Records above this UID are new to the replica, which needs their files.
    pub known_up_to: Uid,
    /// CRCs of the replica before the update. `None` if the replica does not have the mailbox.
    pub replaces: Option<SyncCrcs>,
    /// A new record that cannot be sent. `records` ends before it. If this is set, the snapshot
    /// must not be sent, and the mailbox is read again with [`Extent::Below`].
    pub stuck: Option<Stuck>,
}

/// The first record of a mailbox that cannot be sent.
#[derive(Debug)]
pub struct Stuck {
    /// The record.
    pub record: Record,
    /// Whether only the message file is damaged, so that the file of another copy of the message
    /// can be sent instead.
    pub file: bool,
    /// The reason why the record cannot be sent.
    pub error: Error,
}

impl Snapshot {
    /// Returns the content of the `APPLY MAILBOX` command.
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

    /// Returns the records whose message files the replica needs before the update: records that
    /// are new to the replica and still have a file on the master.
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
    /// Send the CRCs stored in cyrus.index, and make the update conditional on the replica's state.
    First,
    /// Used after the replica had other CRCs at the end of an update. Compute the CRCs from all
    /// records, and send the update without a condition.
    Recomputed,
    /// Used after both sides were compared in full. Compute the CRCs from all records, make the
    /// update conditional on the replica's state that was compared, and send the update even if
    /// nothing differs.
    Repaired,
}

/// How much of a mailbox is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All records, or as many as one batch has.
    Batch,
    /// Only the records below this UID, because the record with this UID cannot be sent.
    ///
    /// A replica only appends messages above its LAST_UID. If it received later messages first, it
    /// could never receive this message, and the next full comparison would give this message
    /// another UID on the master. So later messages must wait. HIGHESTMODSEQ stays below the
    /// modseqs of all these messages; otherwise the next run would not find them. Changes of
    /// records that the replica already has do not wait: they are sent with a lowered modseq, and
    /// later with their own modseq.
    Below(Uid),
}
