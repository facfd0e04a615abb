//! What belongs to a user beside mailboxes: quotas, seen state, sieve scripts.

use super::{Guid, Modseq, Text, Time, Uid, UniqueId};

/// The quota resources in Cyrus's order, by their names on the wire
/// (`quota_names` in `imap/quota_db.c`).
pub const QUOTA_RESOURCES: [&str; 4] =
    ["STORAGE", "MESSAGE", "X-ANNOTATION-STORAGE", "X-NUM-FOLDERS"];

/// A quota root and its limits; `None` is unlimited.
/// STORAGE and X-ANNOTATION-STORAGE are in KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The quota root, a mailbox name.
    pub root: Text,
    /// One limit per [`QUOTA_RESOURCES`].
    pub limits: [Option<u64>; QUOTA_RESOURCES.len()],
    /// When the limits last changed.
    pub modseq: Modseq,
}

/// What a user has seen of one mailbox (`imap/seen_db.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The mailbox.
    pub uniqueid: UniqueId,
    /// When the user last read it.
    pub lastread: Time,
    /// Highest UID the user has seen as recent.
    pub lastuid: Uid,
    /// When the list last changed.
    pub lastchange: Time,
    /// The seen messages as an IMAP sequence: `1:5,7`.
    pub seenuids: Text,
}

/// A sieve script, without its content (`sync_sieve_list_generate` in `imap/sync_support.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SieveScript {
    /// File name as on the wire, with extension: `main.script`, `defaultbc` never.
    pub name: Text,
    /// When it was last changed.
    pub last_update: Time,
    /// SHA-1 of its content; null where the side does not know.
    pub guid: Guid,
    /// Whether this is the active script.
    pub active: bool,
}
