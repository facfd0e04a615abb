//! The data of a user besides mailboxes: quotas, seen state, Sieve scripts.

use super::{Guid, Modseq, Text, Time, Uid, UniqueId};

/// The names of the quota resources on the wire, in Cyrus's order (`quota_names` in
/// `imap/quota_db.c`).
pub const QUOTA_RESOURCES: [&str; 4] =
    ["STORAGE", "MESSAGE", "X-ANNOTATION-STORAGE", "X-NUM-FOLDERS"];

/// A quota root and its limits. STORAGE and X-ANNOTATION-STORAGE are in KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// The name of the quota root, which is a mailbox name.
    pub root: Text,
    /// The limit of each resource in [`QUOTA_RESOURCES`]. `None` means unlimited.
    pub limits: [Option<u64>; QUOTA_RESOURCES.len()],
    /// Modseq of the last change of the limits.
    pub modseq: Modseq,
}

/// The seen state of one mailbox for one user (`imap/seen_db.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// The uniqueid of the mailbox.
    pub uniqueid: UniqueId,
    /// Time at which the user last read the mailbox.
    pub lastread: Time,
    /// Highest UID that was reported to the user as recent.
    pub lastuid: Uid,
    /// Time of the last change of `seenuids`.
    pub lastchange: Time,
    /// The UIDs of the seen messages as an IMAP sequence: `1:5,7`.
    pub seenuids: Text,
}

/// A Sieve script, without its content (`sync_sieve_list_generate` in `imap/sync_support.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SieveScript {
    /// Name of the script on the wire, with extension: `main.script`. The name is never
    /// `defaultbc`.
    pub name: Text,
    /// Time of the last change.
    pub last_update: Time,
    /// SHA-1 of the script; all zero if it is unknown.
    pub guid: Guid,
    /// Whether this is the active script.
    pub active: bool,
}

impl Quota {
    /// Makes a quota root.
    pub fn new(root: Text, limits: [Option<u64>; QUOTA_RESOURCES.len()], modseq: Modseq) -> Quota {
        Quota { root, limits, modseq }
    }
}

impl Seen {
    /// Makes a seen state. `lastread` and `lastchange` are 0; set them if they are known.
    pub fn new(uniqueid: UniqueId, lastuid: Uid, seenuids: Text) -> Seen {
        Seen { uniqueid, lastread: 0, lastuid, lastchange: 0, seenuids }
    }
}

impl SieveScript {
    /// Makes a script that is not active. Its SHA-1 is unknown; set it if it is known.
    pub fn new(name: Text, last_update: Time) -> SieveScript {
        SieveScript { name, last_update, guid: Guid::default(), active: false }
    }
}
