//! What is reported of the master's data.

use serde::Serialize;

use crate::error::Error;
use crate::types::{MboxName, UserId};

/// Something about the master's data.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreEvent {
    /// The entry of a mailbox cannot be read: it is left out.
    MailboxLeftOut {
        /// Why.
        error: Error,
    },
    /// A lock is waited for, and has been for some seconds.
    LockWait {
        /// Which, and who holds it.
        error: Error,
    },
    /// Damaged conversation counters of a user are ignored.
    CountersIgnored {
        /// The userid.
        user: UserId,
        /// What is wrong with them.
        error: Error,
    },
    /// The groups of a user cannot be read, and are not replicated.
    GroupsIgnored {
        /// The userid.
        user: UserId,
        /// What is wrong with them.
        error: Error,
    },
    /// Data that a later Cyrus wrote is not known here, and not replicated. Reported once for each
    /// kind.
    UnknownData {
        /// In what: `mailboxes.db, fields of entries`.
        place: String,
        /// A letter, or the beginning of a key.
        data: String,
    },
    /// A mailbox's header is odd, and is used all the same.
    HeaderOdd {
        /// The mailbox.
        mailbox: MboxName,
        /// What is odd.
        why: String,
    },
}
