//! The options of a mailbox.

/// Options of a mailbox, as bits (`OPT_*` in `imap/mailbox.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options(pub u32);

impl Options {
    /// POP3 uses the new form of UIDLs. The letter on the wire is `P`.
    pub const POP3_NEW_UIDL: u32 = 1 << 0;
    /// All users of the mailbox share the seen state. The letter on the wire is `S`.
    pub const IMAP_SHAREDSEEN: u32 = 1 << 2;
    /// Duplicate deliveries are not suppressed. The letter on the wire is `D`.
    pub const IMAP_DUPDELIVER: u32 = 1 << 3;
    /// The mailbox has calendar alarms. The letter on the wire is `A`.
    pub const IMAP_HAS_ALARMS: u32 = 1 << 4;

    /// Returns the options that are replicated, without all others.
    #[must_use]
    pub(crate) fn synced(self) -> Self {
        const SYNCED: u32 = Options::POP3_NEW_UIDL
            | Options::IMAP_SHAREDSEEN
            | Options::IMAP_DUPDELIVER
            | Options::IMAP_HAS_ALARMS;
        Options(self.0 & SYNCED)
    }

    /// Returns the letters of the options on the wire (`sync_encode_options`). Options without a
    /// letter are omitted.
    pub fn to_wire(self) -> String {
        let letters = [(Self::POP3_NEW_UIDL, 'P'), (Self::IMAP_SHAREDSEEN, 'S')]
            .into_iter()
            .chain([(Self::IMAP_DUPDELIVER, 'D'), (Self::IMAP_HAS_ALARMS, 'A')]);
        letters.filter(|(bit, _)| self.0 & bit != 0).map(|(_, letter)| letter).collect()
    }

    /// Parses the letters of options on the wire. Ignores unknown letters, like Cyrus.
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
