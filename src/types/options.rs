//! Options of a mailbox.

/// Mailbox option bits (`OPT_*` in `imap/mailbox.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options(pub u32);

impl Options {
    /// New style of POP3 UIDLs: on the wire `P`.
    pub const POP3_NEW_UIDL: u32 = 1 << 0;
    /// Seen state is shared by all users: `S`.
    pub const IMAP_SHAREDSEEN: u32 = 1 << 2;
    /// Duplicate delivery suppression is off: `D`.
    pub const IMAP_DUPDELIVER: u32 = 1 << 3;
    /// Has calendar alarms: `A`.
    pub const IMAP_HAS_ALARMS: u32 = 1 << 4;

    /// What of them is replicated.
    #[must_use]
    pub fn synced(self) -> Self {
        const SYNCED: u32 = Options::POP3_NEW_UIDL
            | Options::IMAP_SHAREDSEEN
            | Options::IMAP_DUPDELIVER
            | Options::IMAP_HAS_ALARMS;
        Options(self.0 & SYNCED)
    }

    /// The letters on the wire (`sync_encode_options`), other bits left out.
    pub fn to_wire(self) -> String {
        let letters = [(Self::POP3_NEW_UIDL, 'P'), (Self::IMAP_SHAREDSEEN, 'S')]
            .into_iter()
            .chain([(Self::IMAP_DUPDELIVER, 'D'), (Self::IMAP_HAS_ALARMS, 'A')]);
        letters.filter(|(bit, _)| self.0 & bit != 0).map(|(_, letter)| letter).collect()
    }

    /// From the letters on the wire; unknown letters are ignored as Cyrus does.
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
