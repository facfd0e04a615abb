//! The content of `APPLY MAILBOX`: an update of one mailbox.

use crate::types::{Annotation, MailboxHeader, Modseq, Record, SyncCrcs, Text};

/// A record in an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordUpdate {
    /// The record as it is in cyrus.index.
    pub record: Record,
    /// The modseq that is sent; lower than the record's own in a partial state.
    pub modseq: Modseq,
    /// The annotations that are stored as such, without those that hold fields of the record.
    pub annotations: Box<[Annotation]>,
}

/// The state of the receiver's mailbox that an update starts from. In any other state the receiver
/// refuses the update with `IMAP_SYNC_CHANGED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// HIGHESTMODSEQ on the receiver.
    pub modseq: Modseq,
    /// Sync CRCs on the receiver.
    pub crcs: SyncCrcs,
}

/// The body of `APPLY MAILBOX` (`sync_prepare_dlists` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy)]
pub struct MailboxUpdate<'u> {
    /// Whether to leave mupdate out: `LOCAL_MAILBOX` (`-L`).
    pub local_only: bool,
    /// The state after the update. The receiver compares its CRCs.
    pub header: &'u MailboxHeader,
    /// Whether this is a complete state of the master. A partial state has no CRCs.
    pub whole: bool,
    /// Annotations of the mailbox.
    pub annotations: &'u [Annotation],
    /// Names of the user flags by bit.
    pub flags: &'u [Option<Text>],
    /// Minor version of the master's cyrus.index, which decides which fields the records have.
    pub minor_version: u32,
    /// The state that the update starts from. Without it the receiver accepts the update in any
    /// state.
    pub since: Option<Since>,
    /// Records, sorted by UID.
    pub records: &'u [RecordUpdate],
}
