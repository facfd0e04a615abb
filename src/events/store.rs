//! Events about the master's data.

use serde::Serialize;

use crate::error::Error;
use crate::types::{MboxName, UserId};

/// An event about the master's data.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreEvent {
    /// The entry of a mailbox cannot be read. The mailbox is left out.
    #[non_exhaustive]
    MailboxLeftOut {
        /// The reason.
        error: Error,
    },
    /// The client has been waiting for a lock for some seconds.
    #[non_exhaustive]
    LockWait {
        /// The lock and its holder.
        error: Error,
    },
    /// The conversation counters of a user are damaged and are ignored.
    #[non_exhaustive]
    CountersIgnored {
        /// The userid.
        user: UserId,
        /// The damage.
        error: Error,
    },
    /// The groups of a user cannot be read, and are not replicated.
    #[non_exhaustive]
    GroupsIgnored {
        /// The userid.
        user: UserId,
        /// The reason.
        error: Error,
    },
    /// A later Cyrus wrote data that this version does not know and does not replicate. Reported
    /// once for each kind.
    #[non_exhaustive]
    UnknownData {
        /// The place of the data, such as `mailboxes.db, fields of entries`.
        place: String,
        /// A letter, or the start of a key.
        data: String,
    },
    /// A mailbox's header is unusual, but is used.
    #[non_exhaustive]
    HeaderOdd {
        /// The mailbox.
        mailbox: MboxName,
        /// What is unusual.
        why: String,
    },
}

impl StoreEvent {
    /// The error that it is about, if it is about one.
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            StoreEvent::MailboxLeftOut { error, .. }
            | StoreEvent::LockWait { error, .. }
            | StoreEvent::CountersIgnored { error, .. }
            | StoreEvent::GroupsIgnored { error, .. } => Some(error),
            StoreEvent::UnknownData { .. } | StoreEvent::HeaderOdd { .. } => None,
        }
    }
}
