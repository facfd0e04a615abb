//! A mailbox: its entry in mailboxes.db, and its state in cyrus.header and cyrus.index.

use std::ops::Deref;

use super::header::MailboxHeader;
use super::{MboxName, MboxType, Modseq, Text, Time, UniqueId};

/// A former name of a mailbox (in `name_history` of an entry in mailboxes.db).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormerName {
    /// The former name.
    pub name: MboxName,
    /// The partition under the former name.
    pub partition: Text,
    /// Time at which the mailbox lost this name.
    pub mtime: Time,
    /// Modseq of the entry under the former name.
    pub foldermodseq: Modseq,
    /// UIDVALIDITY under the former name.
    pub uidvalidity: u32,
}

impl FormerName {
    /// Makes a former name. The other fields are 0 or empty; set them if they are known.
    pub fn new(name: MboxName) -> FormerName {
        FormerName { name, partition: Text::default(), mtime: 0, foldermodseq: 0, uidvalidity: 0 }
    }
}

/// An entry of mailboxes.db (`mbentry_t` in `imap/mboxlist.h`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MailboxEntry {
    /// Internal name of the mailbox.
    pub name: MboxName,
    /// The uniqueid, which stays the same when the mailbox is renamed. Empty in entries written
    /// before Cyrus 2.5.
    pub uniqueid: UniqueId,
    /// Type of the mailbox. Its flags mark tombstones (deleted mailboxes) and intermediates (parent
    /// names without a mailbox).
    pub mbtype: MboxType,
    /// Partition of the mailbox; empty in tombstones and intermediates.
    pub partition: Text,
    /// The server that holds the mailbox. Empty if it is this server.
    pub server: Text,
    /// Access control list as stored: pairs of identifier and rights, each followed by TAB.
    pub acl: Text,
    /// UIDVALIDITY of the mailbox.
    pub uidvalidity: u32,
    /// Modseq at the creation of the mailbox.
    pub createdmodseq: Modseq,
    /// Modseq of the last change of name, ACL or existence.
    pub foldermodseq: Modseq,
    /// Time at which the entry was written.
    pub mtime: Time,
    /// Whether the mailbox's directory is named after its name, not its uniqueid
    /// (`MBTYPE_LEGACY_DIRS`).
    pub legacy_dirs: bool,
    /// Former names of the mailbox, newest first. Only entries found by uniqueid have them.
    pub name_history: Vec<FormerName>,
    /// Id of the mailbox in JMAP; `None` before Cyrus 3.13.
    pub jmapid: Option<Text>,
    /// Letters of the fields that a later Cyrus added. These fields are not replicated.
    pub unknown: Text,
}

/// The state of an open mailbox. It combines the mailbox's entry, cyrus.header and the header of
/// cyrus.index, which are read under the mailbox's locks.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MailboxState {
    /// The header, which has the fields that the replica has too.
    pub header: MailboxHeader,
    /// Names of the user flags. The position is the bit of the flag; `None` if a bit is unused.
    pub flags: Vec<Option<Text>>,
    /// Letters of the fields in cyrus.header that a later Cyrus added. These fields are not
    /// replicated.
    pub unknown: Text,
    /// Number of records in cyrus.index, including those of expunged messages.
    pub num_records: u32,
    /// Number of unexpunged messages according to cyrus.index; `None` if unknown.
    pub exists: Option<u32>,
}

/// Lets a state be used wherever its header is needed.
impl Deref for MailboxState {
    type Target = MailboxHeader;

    fn deref(&self) -> &MailboxHeader {
        &self.header
    }
}
