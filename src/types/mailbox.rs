//! A mailbox: its entry in mailboxes.db, and its state in header and index.

use std::ops::{Deref, DerefMut};

use super::header::MailboxHeader;
use super::{MboxName, MboxType, Modseq, Text, Time, UniqueId};

/// A name that a mailbox had before (`name_history` in mailboxes.db).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerName {
    /// The former name.
    pub name: MboxName,
    /// The partition it was on.
    pub partition: Text,
    /// When it was given up.
    pub mtime: Time,
    /// Modseq of the folder then.
    pub foldermodseq: Modseq,
    /// UIDVALIDITY then.
    pub uidvalidity: u32,
}

/// An entry of mailboxes.db (`mbentry_t` in `imap/mboxlist.h`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailboxEntry {
    /// Internal name.
    pub name: MboxName,
    /// Stays through renames; empty in entries written before Cyrus 3.0.
    pub uniqueid: UniqueId,
    /// Type bits, tombstones and intermediates included.
    pub mbtype: MboxType,
    /// Partition the mailbox lies on; empty in tombstones and intermediates.
    pub partition: Text,
    /// The server it lies on, where that is another one; else empty.
    pub server: Text,
    /// Access control list as stored: identifier TAB rights TAB ...
    pub acl: Text,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// Modseq at creation.
    pub createdmodseq: Modseq,
    /// Modseq of the last change of name, ACL or existence.
    pub foldermodseq: Modseq,
    /// When the entry was written.
    pub mtime: Time,
    /// Whether its directory is named after the mailbox, not after the uniqueid
    /// (`MBTYPE_LEGACY_DIRS`).
    pub legacy_dirs: bool,
    /// Names it had before, newest first; only in entries by uniqueid.
    pub name_history: Vec<FormerName>,
    /// Id by which JMAP knows it; `None` before Cyrus 3.13.
    pub jmapid: Option<Text>,
    /// Letters of fields that a later Cyrus wrote: they are not known here, and not replicated.
    pub unknown: Text,
}

/// The state of an open mailbox, read under its locks: entry, cyrus.header and the header of
/// cyrus.index.
#[derive(Debug, Clone, Default)]
pub struct MailboxState {
    /// What the replica has of it too.
    pub header: MailboxHeader,
    /// Names of the user flags by bit; `None` where a bit is unused.
    pub flags: Vec<Option<Text>>,
    /// Letters of fields of cyrus.header that a later Cyrus wrote: they are not known here, and not
    /// replicated.
    pub unknown: Text,
    /// Records in the index, expunged ones included.
    pub num_records: u32,
    /// How many of them the header counts as not expunged; `None` if that is not known.
    pub exists: Option<u32>,
}

/// A state is its header, and more.
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
