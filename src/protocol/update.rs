//! The content of `APPLY MAILBOX`: an update of one mailbox.

use crate::types::{Annotation, MailboxHeader, Modseq, Record, SyncCrcs, Text};

/// A record in an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordUpdate {
    /// The record as it is in cyrus.index.
    pub record: Record,
    /// The modseq to send. It is lower than the modseq of the record if the update does not contain
    /// all changes of the mailbox.
    pub modseq: Modseq,
    /// The annotations of the message, without those that only repeat a field of the record.
    pub annotations: Box<[Annotation]>,
}

/// The state that the receiver's mailbox must have before an update. In any other state the
/// receiver refuses the update with `IMAP_SYNC_CHANGED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// HIGHESTMODSEQ on the receiver.
    pub modseq: Modseq,
    /// Sync CRCs on the receiver.
    pub crcs: SyncCrcs,
}

/// The arguments of `APPLY MAILBOX` (`sync_prepare_dlists` in `imap/sync_support.c`).
#[derive(Debug, Clone, Copy)]
pub struct MailboxUpdate<'u> {
    /// Whether the receiver does not inform its mupdate server: `LOCAL_MAILBOX` (`-L`).
    pub local_only: bool,
    /// The state of the mailbox after the update. The receiver checks its CRCs.
    pub header: &'u MailboxHeader,
    /// Whether the update contains all changes, so that the receiver's mailbox then equals the
    /// master's. Otherwise the state is partial: the mailbox needs further updates, and CRCs are
    /// not checked.
    pub whole: bool,
    /// Annotations of the mailbox.
    pub annotations: &'u [Annotation],
    /// Names of the user flags, by their bit numbers.
    pub flags: &'u [Option<Text>],
    /// Minor version of the master's cyrus.index. It determines the fields of the records.
    pub minor_version: u32,
    /// The state that the receiver's mailbox must have before the update. If `None`, the receiver
    /// accepts the update in any state.
    pub since: Option<Since>,
    /// Records, sorted by UID.
    pub records: &'u [RecordUpdate],
}
