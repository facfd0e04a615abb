//! Mailbox types (`imap/mboxlist.h`).

/// The type bits of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct MboxType(pub u32);
