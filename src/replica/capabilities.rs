//! What a replica can do.

use crate::types::ThreadIds;

/// What the replica can do: by its version, and agreed to in answer to `APPLY CAPABILITIES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Sieve scripts are replicated as the `#sieve` mailbox.
    pub sieve_mailbox: bool,
    /// Incoming files are staged on the archive partition.
    pub archive: bool,
    /// Mailboxes of JMAP notifications are known there (Cyrus 3.8 on). Earlier versions abort at
    /// the letter of this type (`mboxlist_string_to_mbtype`).
    pub notifications: bool,
    /// How it counts thread ids in its CRCs.
    pub thread_ids: ThreadIds,
    /// Groups of users are known there (Cyrus 3.12 on), and answers tell them.
    pub usergroups: bool,
}
