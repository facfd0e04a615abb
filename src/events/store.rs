//! Events about reading the master's data.

use serde::Serialize;

use crate::error::Error;
use crate::types::{MboxName, UserId};

/// An event about reading the master's data.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreEvent {
    /// The entry of a mailbox cannot be read. The mailbox is left out.
    #[non_exhaustive]
    MailboxLeftOut {
        /// The reason why the entry cannot be read.
        error: Error,
    },
    /// The client has waited some seconds for a lock and continues to wait.
    #[non_exhaustive]
    LockWait {
        /// An error that names the lock and its holder.
        error: Error,
    },
    /// The counters file of a user (with highest modseqs) is damaged. It is ignored, and the user
    /// is still replicated.
    #[non_exhaustive]
    CountersIgnored {
        /// The userid of the user.
        user: UserId,
        /// The damage of the file.
        error: Error,
    },
    /// The groups of a user cannot be read. They are not replicated, but the user is.
    #[non_exhaustive]
    GroupsIgnored {
        /// The userid of the user.
        user: UserId,
        /// The reason why they cannot be read.
        error: Error,
    },
    /// A later version of Cyrus has written data that this library does not know and does not
    /// replicate. Reported once for each kind of data.
    #[non_exhaustive]
    UnknownData {
        /// The place of the data, such as `mailboxes.db, fields of entries`.
        place: String,
        /// The unknown letter of a field, or the start of an unknown key.
        data: String,
    },
    /// The header of a mailbox is inconsistent (see the text of `why`). It is used anyway.
    #[non_exhaustive]
    HeaderOdd {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The inconsistency.
        why: String,
    },
}

impl StoreEvent {
    /// Returns the error that the event reports, if it has one.
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
