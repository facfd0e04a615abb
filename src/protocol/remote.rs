//! The data of a replication server, as decoded from its replies.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

use crate::types::{Annotation, MailboxHeader, MboxName, Quota, Record, Seen, SieveScript, Text};

/// A mailbox as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteFolder {
    /// The header fields.
    pub header: MailboxHeader,
    /// The mailbox's own annotations, sorted.
    pub annotations: Vec<Annotation>,
    /// Name and value of the first number that does not fit into its field. The field then holds
    /// the highest number.
    pub beyond: Option<String>,
}

/// Gives access to the fields of the header as if they were fields of the folder.
impl Deref for RemoteFolder {
    type Target = MailboxHeader;

    fn deref(&self) -> &MailboxHeader {
        &self.header
    }
}

impl DerefMut for RemoteFolder {
    fn deref_mut(&mut self) -> &mut MailboxHeader {
        &mut self.header
    }
}

/// A record with its user flags and annotations. The user flags are names, because each server has
/// its own numbers for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteRecord {
    /// The record, without user flags.
    pub record: Record,
    /// Its user flags.
    pub flags: BTreeSet<Text>,
    /// Its annotations, sorted. Annotations that hold fields of the record are left out.
    pub annotations: Vec<Annotation>,
}

/// Everything that the server stores for a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteUser {
    /// Mailboxes, including deleted ones and intermediates.
    pub folders: Vec<RemoteFolder>,
    /// Quota roots of these mailboxes.
    pub quotas: Vec<Quota>,
    /// Subscriptions.
    pub subscriptions: Vec<MboxName>,
    /// Seen state.
    pub seen: Vec<Seen>,
    /// Sieve scripts.
    pub sieve: Vec<SieveScript>,
}

impl RemoteUser {
    /// Returns whether the server stores subscriptions, seen state or scripts of the user.
    pub fn has_metadata(&self) -> bool {
        !(self.subscriptions.is_empty() && self.seen.is_empty() && self.sieve.is_empty())
    }
}
