//! Sync CRCs: a fingerprint of a mailbox that both sides can keep up to date
//! record by record (`mailbox_synccrcs` in `imap/mailbox.c`).

/// Fingerprint of a mailbox's records and annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncCrcs {
    /// Over the unexpunged records: uid, modseq, flags, dates, GUID.
    pub basic: u32,
    /// Over all annotations of the mailbox and its messages.
    pub annot: u32,
}
