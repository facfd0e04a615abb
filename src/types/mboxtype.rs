//! The type of a mailbox (`imap/mboxlist.h`): the kind of its data, and flags about its entry.

/// The type of a mailbox. The low four bits are the kind; each higher bit is a flag (`MBTYPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct MboxType(pub u32);

/// The kinds with their letters in mailboxes.db and on the wire (`mboxlist_mbtype_to_string`).
/// Cyrus 3.8 added `j`; Cyrus 3.6 aborts if it receives a `j`.
const KINDS: [(u32, u8); 9] = [
    (MboxType::EMAIL, b'e'),
    (MboxType::NETNEWS, b'n'),
    (MboxType::JMAP_SUBMIT, b's'),
    (MboxType::JMAP_PUSHSUB, b'p'),
    (MboxType::JMAP_NOTIFY, b'j'),
    (MboxType::SIEVE, b'f'),
    (MboxType::COLLECTION, b'b'),
    (MboxType::CALENDAR, b'c'),
    (MboxType::ADDRESSBOOK, b'a'),
];

/// The flags with their letters, in the order in which Cyrus writes them after the kind.
const FLAGS: [(u32, u8); 6] = [
    (MboxType::DELETED, b'd'),
    (MboxType::MOVING, b'm'),
    (MboxType::REMOTE, b'r'),
    (MboxType::RESERVE, b'z'),
    (MboxType::INTERMEDIATE, b'i'),
    (MboxType::LEGACY_DIRS, b'l'),
];

impl MboxType {
    /// Mail. Also the kind of entries that do not state one.
    pub const EMAIL: u32 = 0x0;
    /// Netnews; Cyrus does not use this kind any more.
    pub const NETNEWS: u32 = 0x1;
    /// JMAP mail submissions.
    pub const JMAP_SUBMIT: u32 = 0x2;
    /// JMAP push subscriptions.
    pub const JMAP_PUSHSUB: u32 = 0x3;
    /// JMAP notifications (since Cyrus 3.8).
    pub const JMAP_NOTIFY: u32 = 0x4;
    /// Sieve scripts.
    pub const SIEVE: u32 = 0x5;
    /// A WebDAV collection.
    pub const COLLECTION: u32 = 0x8;
    /// A calendar.
    pub const CALENDAR: u32 = 0x9;
    /// An address book.
    pub const ADDRESSBOOK: u32 = 0xa;
    /// Flag: the mailbox is on another server.
    pub const REMOTE: u32 = 1 << 4;
    /// Flag: the name is reserved for a mailbox that is being created or renamed.
    pub const RESERVE: u32 = 1 << 5;
    /// Flag: the mailbox is being moved to another server.
    pub const MOVING: u32 = 1 << 6;
    /// Flag: a tombstone, which is the entry of a deleted mailbox.
    pub const DELETED: u32 = 1 << 7;
    /// Flag: an intermediate, which is a parent name without a mailbox of its own.
    pub const INTERMEDIATE: u32 = 1 << 8;
    /// Flag: the directories of the mailbox are named after its name, not its uniqueid.
    pub const LEGACY_DIRS: u32 = 1 << 9;

    const KIND: u32 = 0xf;

    /// Returns the kind, which is one of [`MboxType::EMAIL`] to [`MboxType::ADDRESSBOOK`]
    /// (`mbtype_isa`).
    pub fn kind(self) -> u32 {
        self.0 & Self::KIND
    }

    /// Returns whether a flag is set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    /// Returns whether the mailbox holds Sieve scripts.
    pub fn is_sieve(self) -> bool {
        self.kind() == Self::SIEVE
    }

    /// Returns whether the entry is a tombstone (of a deleted mailbox).
    pub fn is_deleted(self) -> bool {
        self.has(Self::DELETED)
    }

    /// Returns whether the entry is an intermediate (a parent name without a mailbox).
    pub fn is_intermediate(self) -> bool {
        self.has(Self::INTERMEDIATE)
    }

    /// Returns whether the mailbox is still being created or renamed.
    pub fn is_reserved(self) -> bool {
        self.has(Self::RESERVE)
    }

    /// Returns whether this server has no mailbox for the entry, because the mailbox is on another
    /// server or still being created.
    pub fn is_elsewhere(self) -> bool {
        self.has(Self::REMOTE | Self::RESERVE)
    }

    /// Returns whether the entry is that of a mailbox that exists on this server.
    pub(crate) fn is_here(self) -> bool {
        !self.is_deleted() && !self.is_intermediate() && !self.is_elsewhere()
    }

    /// Returns the type without the flag that is not replicated, [`MboxType::LEGACY_DIRS`]
    /// (`mbtypes_sync`).
    #[must_use]
    pub(crate) fn synced(self) -> Self {
        MboxType(self.0 & !Self::LEGACY_DIRS)
    }

    /// Returns the letters of the type in mailboxes.db and on the wire: the kind, then the flags
    /// (`mboxlist_mbtype_to_string`). Bits without a letter are omitted.
    pub fn to_wire(self) -> String {
        let kind = KINDS.iter().filter(|(kind, _)| *kind == self.kind());
        let flags = FLAGS.iter().filter(|(flag, _)| self.has(*flag));
        kind.chain(flags).map(|(_, letter)| char::from(*letter)).collect()
    }

    /// Parses the letters of a type (`mboxlist_string_to_mbtype`). Returns `None` if a letter is
    /// unknown, or if there are two kinds.
    ///
    /// The kind may be missing, because early versions did not write it for mail, and it may be at
    /// any position: up to Cyrus 3.4 it came after the flags.
    pub fn from_wire(letters: &[u8]) -> Option<Self> {
        let all = KINDS.iter().chain(&FLAGS);
        letters.iter().try_fold(MboxType(Self::EMAIL), |mbtype, letter| {
            let (bits, _) = all.clone().find(|(_, known)| known == letter)?;
            let is_second = bits & Self::KIND != 0 && mbtype.kind() != Self::EMAIL;
            (!is_second).then_some(MboxType(mbtype.0 | bits))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_kind_and_flag_come_back() {
        for (kind, _) in KINDS {
            for flags in 0u32..64 {
                let mbtype = MboxType(kind | flags << 4);
                assert_eq!(MboxType::from_wire(mbtype.to_wire().as_bytes()), Some(mbtype));
            }
        }
    }

    #[test]
    fn letters_are_those_of_cyrus() {
        let all = MboxType(0x3f << 4 | MboxType::SIEVE);
        assert_eq!(all.to_wire(), "fdmrzil");
        assert_eq!(MboxType(MboxType::DELETED).to_wire(), "ed");
        assert_eq!(MboxType::from_wire(b""), Some(MboxType(0)));
        assert_eq!(MboxType::from_wire(b"d"), Some(MboxType(MboxType::DELETED)));
        assert_eq!(MboxType::from_wire(b"ef"), Some(MboxType(MboxType::SIEVE)));
        let moving = MboxType(MboxType::CALENDAR | MboxType::MOVING);
        assert_eq!(
            (MboxType::from_wire(b"mc"), MboxType::from_wire(b"cm")),
            (Some(moving), Some(moving))
        );
        assert_eq!(MboxType::from_wire(b"sb"), None);
        assert_eq!(MboxType::from_wire(b"e?"), None);
        assert_eq!(MboxType::from_wire(b"?"), None);
    }

    #[test]
    fn directories_are_not_replicated() {
        let mbtype = MboxType(MboxType::LEGACY_DIRS | MboxType::CALENDAR);
        assert_eq!(mbtype.synced(), MboxType(MboxType::CALENDAR));
    }
}
