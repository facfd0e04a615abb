//! The capabilities of a replica.

use crate::types::ThreadIds;

/// What a replica supports, known by its version or from its reply to `APPLY CAPABILITIES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Whether Sieve scripts are replicated as the `#sieve` mailbox.
    pub sieve_mailbox: bool,
    /// Whether incoming files are staged on the archive partition.
    pub archive: bool,
    /// Whether the replica knows mailboxes of JMAP notifications (Cyrus 3.8 and later). Earlier
    /// versions abort when they read the letter of this type (`mboxlist_string_to_mbtype`).
    pub notifications: bool,
    /// How the replica writes thread ids in its CRCs.
    pub thread_ids: ThreadIds,
    /// A script that is sent to it once more becomes empty (`sync_sieve_upload`): it must be deleted
    /// first.
    pub empties_scripts: bool,
    /// Groups of users are known there (Cyrus 3.12 on), and answers tell them.
    pub usergroups: bool,
}
