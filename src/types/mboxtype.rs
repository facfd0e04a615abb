//! Mailbox types (`imap/mboxlist.h`): the kind of data in a mailbox, and the status of its entry.

/// The type of a mailbox: a kind in the low four bits, flags above (`MBTYPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct MboxType(pub u32);

/// Kinds and their letters in mailboxes.db and on the wire (`mboxlist_mbtype_to_string`). `j` is
/// new in Cyrus 3.8; Cyrus 3.6 aborts when it receives a `j`.
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

/// Flags with their letters, in the order in which Cyrus writes them after the kind.
const FLAGS: [(u32, u8); 6] = [
    (MboxType::DELETED, b'd'),
    (MboxType::MOVING, b'm'),
    (MboxType::REMOTE, b'r'),
    (MboxType::RESERVE, b'z'),
    (MboxType::INTERMEDIATE, b'i'),
    (MboxType::LEGACY_DIRS, b'l'),
];

impl MboxType {
    /// Mail, also for entries that do not state a kind.
    pub const EMAIL: u32 = 0x0;
    /// Netnews, no longer used.
    pub const NETNEWS: u32 = 0x1;
    /// JMAP mail submissions.
    pub const JMAP_SUBMIT: u32 = 0x2;
    /// JMAP push subscriptions.
    pub const JMAP_PUSHSUB: u32 = 0x3;
    /// JMAP notifications (Cyrus 3.8 on).
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
    /// Flag: a tombstone.
    pub const DELETED: u32 = 1 << 7;
    /// Flag: not a mailbox, only a parent name of one.
    pub const INTERMEDIATE: u32 = 1 << 8;
    /// Flag: the directories are named after the mailbox name, not the uniqueid.
    pub const LEGACY_DIRS: u32 = 1 << 9;

    const KIND: u32 = 0xf;

    /// Returns the kind: [`MboxType::EMAIL`] and its siblings (`mbtype_isa`).
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

    /// Returns whether the entry is a tombstone.
    pub fn is_deleted(self) -> bool {
        self.has(Self::DELETED)
    }

    /// Returns whether the name is only a parent of a mailbox.
    pub fn is_intermediate(self) -> bool {
        self.has(Self::INTERMEDIATE)
    }

    /// Returns whether the mailbox is still being created.
    pub fn is_reserved(self) -> bool {
        self.has(Self::RESERVE)
    }

    /// Returns whether there is no mailbox of this name here, because it is on another server or
    /// still being created.
    pub fn is_elsewhere(self) -> bool {
        self.has(Self::REMOTE | Self::RESERVE)
    }

    /// Returns the replicated part: everything except how the directories are named
    /// (`mbtypes_sync`).
    #[must_use]
    pub fn synced(self) -> Self {
        MboxType(self.0 & !Self::LEGACY_DIRS)
    }

    /// Returns the letters in mailboxes.db and on the wire: the kind, then the flags
    /// (`mboxlist_mbtype_to_string`). Bits without a letter are omitted.
    pub fn to_wire(self) -> String {
        let kind = KINDS.iter().filter(|(kind, _)| *kind == self.kind());
        let flags = FLAGS.iter().filter(|(flag, _)| self.has(*flag));
        kind.chain(flags).map(|(_, letter)| char::from(*letter)).collect()
    }

    /// Parses the letters (`mboxlist_string_to_mbtype`). Returns `None` if a letter is unknown.
    ///
    /// The kind may be missing, because early versions did not write it for mail. Cyrus accepts `f`
    /// at any position.
    pub fn from_wire(letters: &[u8]) -> Option<Self> {
        let find = |table: &[(u32, u8)], letter| {
            table.iter().find(|(_, known)| *known == letter).map(|(bits, _)| *bits)
        };
        let (kind, flags) = match letters.split_first() {
            Some((first, rest)) => match find(&KINDS, *first) {
                Some(kind) => (kind, rest),
                None => (Self::EMAIL, letters),
            },
            None => (Self::EMAIL, letters),
        };
        flags.iter().try_fold(MboxType(kind), |mbtype, letter| {
            let bits = match letter {
                b'f' => Some(Self::SIEVE),
                _ => find(&FLAGS, *letter),
            };
            Some(MboxType(mbtype.0 | bits?))
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
        assert_eq!(MboxType::from_wire(b"e?"), None);
        assert_eq!(MboxType::from_wire(b"?"), None);
    }

    #[test]
    fn directories_are_not_replicated() {
        let mbtype = MboxType(MboxType::LEGACY_DIRS | MboxType::CALENDAR);
        assert_eq!(mbtype.synced(), MboxType(MboxType::CALENDAR));
    }
}
