//! Computes sync CRCs while a scan visits the records of a mailbox.

use crate::types::crc::FlagCrcs;
use crate::types::{Annotation, CrcSum, MailboxState, Record, SyncCrcs, Uid};

/// The CRC sums over the unexpunged messages of a mailbox (`mailbox_synccrcs` with `force`).
pub(super) struct CrcPass {
    version: u32,
    flags: FlagCrcs,
    sum: CrcSum,
    living: Vec<Uid>,
}

impl CrcPass {
    pub(super) fn new(state: &MailboxState) -> CrcPass {
        CrcPass {
            version: state.minor_version,
            flags: FlagCrcs::new(&state.flags),
            sum: CrcSum::EMPTY,
            living: Vec::new(),
        }
    }

    /// Adds a record. Records must be added in ascending order of UIDs.
    pub(super) fn record(&mut self, record: &Record) {
        if !record.is_expunged() {
            self.sum.record(record, &self.flags, self.version);
            self.living.push(record.uid);
        }
    }

    /// Removes and returns the UIDs of the unexpunged messages, in ascending order. The caller must
    /// then add the annotations of these messages.
    pub(super) fn take_living(&mut self) -> Vec<Uid> {
        std::mem::take(&mut self.living)
    }

    /// Adds an annotation of an unexpunged message.
    pub(super) fn annotation(&mut self, uid: Uid, annotation: &Annotation) {
        self.sum.annotation(uid, annotation, self.version);
    }

    pub(super) fn finish(self) -> SyncCrcs {
        self.sum.crcs()
    }
}
