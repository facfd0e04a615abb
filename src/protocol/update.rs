//! An update of one mailbox, as `APPLY MAILBOX` carries it.

use crate::types::{Annotation, MailboxHeader, Modseq, Record, SyncCrcs, Text};

/// A record in an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordUpdate {
    /// The record as cyrus.index has it.
    pub record: Record,
    /// Its modseq in the state that is sent: lower in a partial state.
    pub modseq: Modseq,
    /// Its stored annotations, without those that stand for fields of the record.
    pub annotations: Box<[Annotation]>,
}

/// The state of the receiver's mailbox that an update builds on: the receiver refuses the update
/// with `IMAP_SYNC_CHANGED` if it has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// HIGHESTMODSEQ there.
    pub modseq: Modseq,
    /// Sync CRCs there.
    pub crcs: SyncCrcs,
}

/// The body of `APPLY MAILBOX` (`sync_prepare_dlists` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy)]
pub struct MailboxUpdate<'u> {
    /// Without mupdate: `LOCAL_MAILBOX` (`-L`).
    pub local_only: bool,
    /// The state after the update; its CRCs are compared by the receiver.
    pub header: &'u MailboxHeader,
    /// Whether it is a state that the master has as a whole: a partial one has no CRCs.
    pub whole: bool,
    /// Annotations of the mailbox.
    pub annotations: &'u [Annotation],
    /// Names of the user flags by bit.
    pub flags: &'u [Option<Text>],
    /// Minor version of the master's cyrus.index: it says which fields the records have.
    pub minor_version: u32,
    /// What it builds on; without it the receiver takes it in any state.
    pub since: Option<Since>,
    /// Records, by UID.
    pub records: &'u [RecordUpdate],
}
