//! A mailbox: its entry in mailboxes.db, and its state in cyrus.header and cyrus.index.

use std::ops::{Deref, DerefMut};

use super::header::MailboxHeader;
use super::{MboxName, MboxType, Modseq, Text, Time, UniqueId};

/// A former name of a mailbox (`name_history` in mailboxes.db).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerName {
    /// The former name.
    pub name: MboxName,
    /// The partition at that time.
    pub partition: Text,
    /// The time at which the name was given up.
    pub mtime: Time,
    /// Modseq of the folder at that time.
    pub foldermodseq: Modseq,
    /// UIDVALIDITY at that time.
    pub uidvalidity: u32,
}

/// An entry of mailboxes.db (`mbentry_t` in `imap/mboxlist.h`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MailboxEntry {
    /// Internal name.
    pub name: MboxName,
    /// Identifier that a rename does not change; empty in entries written before Cyrus 3.0.
    pub uniqueid: UniqueId,
    /// Type bits, including those of tombstones and intermediates.
    pub mbtype: MboxType,
    /// Partition of the mailbox; empty in tombstones and intermediates.
    pub partition: Text,
    /// Server of the mailbox if it is another one; otherwise empty.
    pub server: Text,
    /// Access control list as stored: identifier TAB rights TAB ...
    pub acl: Text,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// Modseq at creation.
    pub createdmodseq: Modseq,
    /// Modseq of the last change of name, ACL or existence.
    pub foldermodseq: Modseq,
    /// Time at which the entry was written.
    pub mtime: Time,
    /// Whether the mailbox's directory is named after its name, not its uniqueid
    /// (`MBTYPE_LEGACY_DIRS`).
    pub legacy_dirs: bool,
    /// Former names, newest first; only in entries by uniqueid.
    pub name_history: Vec<FormerName>,
    /// Id of the mailbox in JMAP; `None` before Cyrus 3.13.
    pub jmapid: Option<Text>,
    /// Letters of fields that a later Cyrus added. They are not replicated.
    pub unknown: Text,
}

/// The state of an open mailbox, read under its locks from its entry, from cyrus.header and from
/// the header of cyrus.index.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MailboxState {
    /// The header fields, which the replica has as well.
    pub header: MailboxHeader,
    /// Names of the user flags by bit; `None` where a bit is unused.
    pub flags: Vec<Option<Text>>,
    /// Letters of fields in cyrus.header that a later Cyrus added. They are not replicated.
    pub unknown: Text,
    /// Number of records in the index, including expunged ones.
    pub num_records: u32,
    /// Number of unexpunged records according to the header; `None` if it is unknown.
    pub exists: Option<u32>,
}

/// A state can be used wherever its header is needed.
impl Deref for MailboxState {
    type Target = MailboxHeader;

    fn deref(&self) -> &MailboxHeader {
        &self.header
    }
}

impl DerefMut for MailboxState {
    fn deref_mut(&mut self) -> &mut MailboxHeader {
        &mut self.header
    }
}
