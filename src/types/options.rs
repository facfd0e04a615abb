//! Options of a mailbox.

/// Mailbox option bits (`OPT_*` in `imap/mailbox.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options(pub u32);

impl Options {
    /// Uses the new style of POP3 UIDLs: `P` on the wire.
    pub const POP3_NEW_UIDL: u32 = 1 << 0;
    /// All users share the seen state: `S`.
    pub const IMAP_SHAREDSEEN: u32 = 1 << 2;
    /// Suppression of duplicate deliveries is off: `D`.
    pub const IMAP_DUPDELIVER: u32 = 1 << 3;
    /// Has calendar alarms: `A`.
    pub const IMAP_HAS_ALARMS: u32 = 1 << 4;

    /// Returns the replicated bits.
    #[must_use]
    pub fn synced(self) -> Self {
        const SYNCED: u32 = Options::POP3_NEW_UIDL
            | Options::IMAP_SHAREDSEEN
            | Options::IMAP_DUPDELIVER
            | Options::IMAP_HAS_ALARMS;
        Options(self.0 & SYNCED)
    }

    /// Returns the letters on the wire (`sync_encode_options`) and omits other bits.
    pub fn to_wire(self) -> String {
        let letters = [(Self::POP3_NEW_UIDL, 'P'), (Self::IMAP_SHAREDSEEN, 'S')]
            .into_iter()
            .chain([(Self::IMAP_DUPDELIVER, 'D'), (Self::IMAP_HAS_ALARMS, 'A')]);
        letters.filter(|(bit, _)| self.0 & bit != 0).map(|(_, letter)| letter).collect()
    }

    /// Parses the letters on the wire. Like Cyrus, ignores unknown letters.
    pub fn from_wire(letters: &[u8]) -> Self {
        Options(letters.iter().fold(0, |bits, letter| {
            bits | match letter {
                b'P' => Self::POP3_NEW_UIDL,
                b'S' => Self::IMAP_SHAREDSEEN,
                b'D' => Self::IMAP_DUPDELIVER,
                b'A' => Self::IMAP_HAS_ALARMS,
                _ => 0,
            }
        }))
    }
}
