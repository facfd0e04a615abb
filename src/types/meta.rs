//! The data of a user besides mailboxes: quotas, seen state, Sieve scripts.

use super::{Guid, Modseq, Text, Time, Uid, UniqueId};

/// The quota resources in Cyrus's order, by their names on the wire (`quota_names` in
/// `imap/quota_db.c`).
pub const QUOTA_RESOURCES: [&str; 4] =
    ["STORAGE", "MESSAGE", "X-ANNOTATION-STORAGE", "X-NUM-FOLDERS"];

/// A quota root and its limits; `None` means unlimited. STORAGE and X-ANNOTATION-STORAGE are in
/// KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The quota root, a mailbox name.
    pub root: Text,
    /// One limit per [`QUOTA_RESOURCES`].
    pub limits: [Option<u64>; QUOTA_RESOURCES.len()],
    /// Modseq of the last change of the limits.
    pub modseq: Modseq,
}

/// The seen state of one mailbox for one user (`imap/seen_db.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The uniqueid of the mailbox.
    pub uniqueid: UniqueId,
    /// Time at which the user last read the mailbox.
    pub lastread: Time,
    /// Highest UID that the user has seen as recent.
    pub lastuid: Uid,
    /// Time of the last change of the list.
    pub lastchange: Time,
    /// The seen messages as an IMAP sequence: `1:5,7`.
    pub seenuids: Text,
}

/// A Sieve script, without its content (`sync_sieve_list_generate` in `imap/sync_support.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SieveScript {
    /// File name as on the wire, with extension: `main.script`. It is never `defaultbc`.
    pub name: Text,
    /// Time of the last change.
    pub last_update: Time,
    /// SHA-1 of its content; null if that side does not know it.
    pub guid: Guid,
    /// Whether this is the active script.
    pub active: bool,
}
