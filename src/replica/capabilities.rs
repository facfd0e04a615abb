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
    /// Whether a script that is sent again becomes empty there (`sync_sieve_upload`). It must be
    /// deleted first.
    pub empties_scripts: bool,
    /// Whether the replica knows groups of users (Cyrus 3.12 and later) and includes them in
    /// replies.
    pub usergroups: bool,
}
