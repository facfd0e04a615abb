//! Refuses entries whose mailboxes cannot be opened on this server.

use crate::error::{Error, Kind, Result};
use crate::store::errors::no_partition;
use crate::types::{MailboxEntry, MboxType};

pub(super) const OPEN: &str = "open mailbox";

/// Makes the error for an entry that has no mailbox.
pub(super) fn not_found(entry: &MailboxEntry, detail: &str) -> Error {
    Error::new(Kind::NotFound, OPEN, &entry.name, detail)
}

/// Refuses an entry that `mailbox_open_advanced` refuses before it opens the mailbox's files.
pub(in crate::store::spool) fn openable(entry: &MailboxEntry) -> Result<()> {
    let refused = [
        (MboxType::DELETED, "the mailbox is deleted"),
        (MboxType::INTERMEDIATE, "this is not a mailbox, only a parent name of other mailboxes"),
        (MboxType::RESERVE, "its creation is not finished yet"),
        (MboxType::REMOTE, "the mailbox is on another server"),
    ];
    if let Some((_, detail)) = refused.iter().find(|(flag, _)| entry.mbtype.has(*flag)) {
        return Err(not_found(entry, detail));
    }
    if entry.mbtype.has(MboxType::MOVING) {
        let detail = "the mailbox is being moved to another server";
        return Err(Error::new(Kind::Moved, OPEN, &entry.name, detail));
    }
    if entry.partition.is_empty() {
        return Err(no_partition(entry));
    }
    Ok(())
}
