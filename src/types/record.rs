//! A record of cyrus.index, which describes one message.

use super::{Guid, Modseq, Time, Uid};

/// System flags of a record (`FLAG_*` in `imap/mailbox.h`): the lower half of 32 bits on disk.
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

/// Internal flags of a record (`FLAG_INTERNAL_*` in `imap/mailbox.h`): the upper half of the same
/// 32 bits on disk, in all versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InternalFlags(pub u32);

impl InternalFlags {
    /// Snoozed until a later date.
    pub const SNOOZED: u32 = 1 << 26;
    /// Belongs to a split conversation.
    pub const SPLITCONVERSATION: u32 = 1 << 27;
    /// A cleanup, such as removing a file, is still to be done. Only Cyrus uses this flag.
    pub const NEEDS_CLEANUP: u32 = 1 << 28;
    /// The file is on the archive partition.
    pub const ARCHIVED: u32 = 1 << 29;
    /// The file has been removed.
    pub const UNLINKED: u32 = 1 << 30;
    /// IMAP clients no longer see the message. The file may still exist.
    pub const EXPUNGED: u32 = 1 << 31;

    /// Returns whether a flag is set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// The part of an index record that replication needs. It takes 128 bytes and no heap memory, so
/// that a batch of thousands is cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Record {
    /// UID of the message.
    pub uid: Uid,
    /// Size of the message file in bytes.
    pub size: u64,
    /// Time at which the message arrived.
    pub internaldate: Time,
    /// Nanoseconds after `internaldate`, 1 to 999,999,999; 0 if unknown (since version 20).
    pub internaldate_nsec: u32,
    /// Time of the last change of the record.
    pub last_updated: Time,
    /// Time at which the message was put into this mailbox (since index version 15).
    pub savedate: Time,
    /// Modseq of the last change of flags or existence.
    pub modseq: Modseq,
    /// Modseq at creation (since version 16).
    pub createdmodseq: Modseq,
    /// Conversation (thread) id (since version 13); 0 if there is none.
    pub cid: u64,
    /// The thread from which this one was split off (since version 20); 0 if there is none.
    pub basecid: u64,
    /// System flags of IMAP.
    pub system_flags: SystemFlags,
    /// Internal flags of Cyrus.
    pub internal_flags: InternalFlags,
    /// User flags: bit i%32 of word i/32 is set for the i-th name of the mailbox's header.
    pub user_flags: [u32; 4],
    /// SHA-1 of the message file.
    pub guid: Guid,
}

impl Record {
    /// Returns whether the message is expunged. Replication sends such records with `\Expunged`.
    pub fn is_expunged(&self) -> bool {
        self.internal_flags.has(InternalFlags::EXPUNGED)
    }

    /// Returns whether the user flag with this bit is set.
    pub fn has_user_flag(&self, bit: usize) -> bool {
        self.user_flags.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 != 0)
    }
}
