//! One message as cyrus.index holds it.

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
    /// Changed in a way whose cleanup is still to come: a file to remove. Cyrus's own affair.
    pub const NEEDS_CLEANUP: u32 = 1 << 28;
    /// The file is on the archive partition.
    pub const ARCHIVED: u32 = 1 << 29;
    /// The file is gone.
    pub const UNLINKED: u32 = 1 << 30;
    /// The message is gone for IMAP clients; the file may still be there.
    pub const EXPUNGED: u32 = 1 << 31;

    /// Whether the bit is set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// The part of an index record that replication needs. 128 bytes, no heap:
/// a batch of thousands is cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Number of the message in its mailbox.
    pub uid: Uid,
    /// Size of the message file in bytes.
    pub size: u64,
    /// When the message arrived.
    pub internaldate: Time,
    /// The nanoseconds beyond that, 1 to 999,999,999; 0 if they are not known (version 20 on).
    pub internaldate_nsec: u32,
    /// When the record last changed.
    pub last_updated: Time,
    /// When the message was put into this mailbox (index version 15 on).
    pub savedate: Time,
    /// Last change of flags or existence.
    pub modseq: Modseq,
    /// Modseq at creation (version 16 on).
    pub createdmodseq: Modseq,
    /// Conversation (thread) id (version 13 on); 0 if it has none.
    pub cid: u64,
    /// The thread from which this one was split off (version 20 on); 0 if there is none.
    pub basecid: u64,
    /// Flags of the protocol.
    pub system_flags: SystemFlags,
    /// Flags of Cyrus.
    pub internal_flags: InternalFlags,
    /// User flags, bit i of word i/32 for the i-th name of the mailbox's header.
    pub user_flags: [u32; 4],
    /// SHA-1 of the message file.
    pub guid: Guid,
}

impl Record {
    /// Whether the message is gone for IMAP clients. Replication sends such records as `\Expunged`.
    pub fn is_expunged(&self) -> bool {
        self.internal_flags.has(InternalFlags::EXPUNGED)
    }

    /// Whether the user flag with this bit is set.
    pub fn has_user_flag(&self, bit: usize) -> bool {
        self.user_flags.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 != 0)
    }
}
