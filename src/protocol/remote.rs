//! What a replication server says that it has.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

use crate::types::{Annotation, MailboxHeader, MboxName, Quota, Record, Seen, SieveScript, Text};

/// A mailbox as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteFolder {
    /// What both sides have.
    pub header: MailboxHeader,
    /// The mailbox's own annotations, ordered.
    pub annotations: Vec<Annotation>,
    /// A number that does not fit into its field: name and value. The field has the highest.
    pub beyond: Option<String>,
}

/// A folder is its header, and more.
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

/// A record with all that belongs to it. User flags go by name: each side numbers them itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteRecord {
    /// The record, without user flags.
    pub record: Record,
    /// Its user flags.
    pub flags: BTreeSet<Text>,
    /// Its annotations, without those that stand for fields of the record; ordered.
    pub annotations: Vec<Annotation>,
}

/// Everything that the server has of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteUser {
    /// Mailboxes, deleted ones and intermediates included.
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
    /// Whether there is anything beside mailboxes and quotas.
    pub fn has_metadata(&self) -> bool {
        !(self.subscriptions.is_empty() && self.seen.is_empty() && self.sieve.is_empty())
    }
}
