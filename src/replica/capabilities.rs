//! The capabilities of a replica.

use crate::types::ThreadIds;

/// Capabilities of a replica, known from its version or from its reply to `APPLY CAPABILITIES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Whether Sieve scripts are replicated as the `#sieve` mailbox.
    pub sieve_mailbox: bool,
    /// Whether the replica stores incoming message files on its archive partition until they are
    /// used.
    pub archive: bool,
    /// Whether the replica supports mailboxes of JMAP notifications (Cyrus 3.8 and later). Earlier
    /// versions abort when they read the letter of this mailbox type (`mboxlist_string_to_mbtype`).
    pub notifications: bool,
    /// How the replica writes thread ids when it computes CRCs.
    pub thread_ids: ThreadIds,
    /// Whether the replica empties a Sieve script that it receives a second time
    /// (`sync_sieve_upload`). Such a script must be deleted first.
    pub empties_scripts: bool,
    /// Whether the replica supports groups of users (Cyrus 3.12 and later). Its replies then
    /// include them.
    pub usergroups: bool,
}
