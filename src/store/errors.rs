//! Makes the errors that all stores have in common.

use crate::error::{Error, Kind, Peer, Subject};
use crate::types::{MailboxEntry, MboxName};

/// Advice for a message file that does not match the index.
pub const MESSAGE_REPAIR: &str = "restore the file from the replica or from a backup; run \
                                  reconstruct only if there is no copy, because reconstruct \
                                  removes the message, and the next run removes it on the replica \
                                  too";

/// Makes the error for impossible data from the program that supplies the mail store. `op` is the
/// operation, `subject` its object, and `detail` the problem.
pub(crate) fn senseless(
    op: &'static str,
    subject: impl Into<Subject>,
    detail: impl Into<String>,
) -> Error {
    let hint = "this is a bug in the program that supplies the mail store";
    Error::new(Kind::Host, op, subject, detail).with_peer(Peer::Host).with_hint(hint)
}

/// Makes the error for an entry without a partition. Cyrus treats such a mailbox as missing. Here
/// it is an error, so that its mail is not left out silently.
pub(super) fn no_partition(entry: &MailboxEntry) -> Error {
    let detail = "its entry in mailboxes.db has no partition";
    Error::new(Kind::Corrupt, "open mailbox", &entry.name, detail).with_hint(
        "restore the entry from a backup, or correct it in a dump of mailboxes.db (ctl_mboxlist \
         -d)",
    )
}

/// Makes the error for reading records after the index lock was released.
pub(super) fn index_unlocked(name: &MboxName) -> Error {
    let detail = "the index lock is not held any more";
    Error::new(Kind::InvalidArgument, "read records", name, detail)
}

/// Makes the error for a message file that does not match its record.
pub(super) fn broken_message(kind: Kind, name: Subject, detail: impl Into<String>) -> Error {
    Error::new(kind, "open message", name, detail).with_hint(MESSAGE_REPAIR)
}

/// Makes the error for a message whose record says that its file was removed.
pub(super) fn unlinked_message(name: Subject) -> Error {
    broken_message(Kind::Corrupt, name, "it is expunged, and its file is removed")
}

/// Makes the error for a message file whose size differs from its record.
pub(super) fn message_of_other_size(name: Subject, len: u64, wanted: u64) -> Error {
    broken_message(
        Kind::Corrupt,
        name,
        format!("the file has {len} bytes, but cyrus.index says {wanted}"),
    )
}
