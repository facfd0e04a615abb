//! A record of cyrus.index, which describes one message.

use super::{Guid, Modseq, Time, Uid};

/// The IMAP flags of a record (`FLAG_*` in `imap/mailbox.h`). On disk they are the lower half of 32
/// bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemFlags(pub u32);

#[allow(missing_docs, reason = "the flags of RFC 9051")]
impl SystemFlags {
    pub const ANSWERED: u32 = 1 << 0;
    pub const FLAGGED: u32 = 1 << 1;
    pub const DELETED: u32 = 1 << 2;
    pub const DRAFT: u32 = 1 << 3;
    pub const SEEN: u32 = 1 << 4;

    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// Cyrus's internal flags of a record (`FLAG_INTERNAL_*` in `imap/mailbox.h`). On disk they are the
/// upper half of the 32 bits of [`SystemFlags`], in all versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InternalFlags(pub u32);

impl InternalFlags {
    /// The message is snoozed until a later date.
    pub const SNOOZED: u32 = 1 << 26;
    /// The message belongs to a conversation that was split.
    pub const SPLITCONVERSATION: u32 = 1 << 27;
    /// Cyrus still has to clean up, for example to remove the file. Only Cyrus uses this flag.
    pub const NEEDS_CLEANUP: u32 = 1 << 28;
    /// The message file is on the archive partition.
    pub const ARCHIVED: u32 = 1 << 29;
    /// The message file has been removed.
    pub const UNLINKED: u32 = 1 << 30;
    /// The message is expunged: IMAP clients do not see it. The message file may still exist.
    pub const EXPUNGED: u32 = 1 << 31;

    /// Returns whether a flag is set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// A record of cyrus.index, with only the fields that replication needs. It takes 128 bytes and no
/// heap memory, so a batch of thousands of records is cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Record {
    /// UID of the message.
    pub uid: Uid,
    /// Size of the message file in bytes.
    pub size: u64,
    /// Time at which the message arrived.
    pub internaldate: Time,
    /// Nanoseconds after `internaldate`, 1 to 999,999,999. 0 if unknown, as before index version
    /// 20.
    pub internaldate_nsec: u32,
    /// Time of the last change of the record.
    pub last_updated: Time,
    /// Time at which the message was put into this mailbox. 0 before index version 15.
    pub savedate: Time,
    /// Modseq of the last change of the record.
    pub modseq: Modseq,
    /// Modseq at the creation of the record. 0 before index version 16.
    pub createdmodseq: Modseq,
    /// Id of the conversation (thread). 0 if there is none, and before index version 13.
    pub cid: u64,
    /// Id of the thread from which this thread was split off. 0 if there is none, and before index
    /// version 20.
    pub basecid: u64,
    /// The IMAP flags.
    pub system_flags: SystemFlags,
    /// Cyrus's internal flags.
    pub internal_flags: InternalFlags,
    /// The user flags. Bit i%32 of word i/32 belongs to the i-th name in the mailbox's list of
    /// flags.
    pub user_flags: [u32; 4],
    /// SHA-1 of the message file.
    pub guid: Guid,
}

impl Record {
    /// Returns whether the message is expunged. Replication sends such records with the flag
    /// `\Expunged`.
    pub fn is_expunged(&self) -> bool {
        self.internal_flags.has(InternalFlags::EXPUNGED)
    }

    /// Returns whether the user flag with this bit is set.
    pub fn has_user_flag(&self, bit: usize) -> bool {
        self.user_flags.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 != 0)
    }
}
