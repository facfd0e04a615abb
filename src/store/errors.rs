//! Errors that all stores report in the same words.

use crate::error::{Error, Kind, Peer, Subject};
use crate::types::{MailboxEntry, MboxName};

/// Hint for a message file that does not match the index.
pub const MESSAGE_REPAIR: &str = "restore the file from the replica or a backup; run reconstruct \
                                  only if no copy is left: it gives the message up, and the next \
                                  run does so on the replica";

/// Makes the error for impossible data from the program that supplies the mail store.
pub(crate) fn senseless(
    op: &'static str,
    subject: impl Into<Subject>,
    detail: impl Into<String>,
) -> Error {
    let hint = "this is a bug in the program that supplies the mail store";
    Error::new(Kind::Host, op, subject, detail).with_peer(Peer::Host).hint(hint)
}

/// Makes the error for an entry without a partition. Cyrus treats such a mailbox as missing. Here
/// it is an error, because otherwise its mail would be left out silently.
pub(super) fn no_partition(entry: &MailboxEntry) -> Error {
    let detail = "its entry in mailboxes.db has no partition";
    Error::new(Kind::Corrupt, "open mailbox", &entry.name, detail)
        .hint("restore the entry, or dump mailboxes.db with ctl_mboxlist -d and put it right")
}

/// Makes the error for reading records after the index lock was released.
pub(super) fn index_unlocked(name: &MboxName) -> Error {
    let detail = "the index lock is not held any more";
    Error::new(Kind::InvalidArgument, "read records", name, detail)
}

/// Makes the error for a message file that does not match its record.
pub(super) fn broken_message(kind: Kind, name: Subject, detail: impl Into<String>) -> Error {
    Error::new(kind, "open message", name, detail).hint(MESSAGE_REPAIR)
}

/// Makes the error for a message whose record says that its file was removed.
pub(super) fn unlinked_message(name: Subject) -> Error {
    broken_message(Kind::Corrupt, name, "expunged, and its file is removed")
}

/// Makes the error for a message file whose size differs from its record.
pub(super) fn message_of_other_size(name: Subject, len: u64, wanted: u64) -> Error {
    broken_message(Kind::Corrupt, name, format!("{len} bytes, but cyrus.index says {wanted}"))
}
