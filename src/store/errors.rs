//! Errors that every store reports in the same words.

use crate::error::{Error, Kind, Peer, Subject};
use crate::types::{MailboxEntry, MboxName};

/// What to do about a message file that is not what the index says.
pub const MESSAGE_REPAIR: &str = "restore the file from the replica or a backup; run reconstruct \
                                  only if no copy is left: it gives the message up, and the next \
                                  run does so on the replica";

/// The program that supplies the mail store says what cannot be.
pub(crate) fn senseless(
    op: &'static str,
    subject: impl Into<Subject>,
    detail: impl Into<String>,
) -> Error {
    let hint = "this is a bug in the program that supplies the mail store";
    Error::new(Kind::Host, op, subject, detail).with_peer(Peer::Host).hint(hint)
}

/// What is wrong with an entry of a mailbox that lies nowhere. Cyrus takes it for one that is not
/// there; then its mail would be left out and nobody would know.
pub(super) fn no_partition(entry: &MailboxEntry) -> Error {
    let detail = "its entry in mailboxes.db has no partition";
    Error::new(Kind::Corrupt, "open mailbox", &entry.name, detail)
        .hint("restore the entry, or dump mailboxes.db with ctl_mboxlist -d and put it right")
}

/// Records are wanted of a mailbox whose index lock was released.
pub(super) fn index_unlocked(name: &MboxName) -> Error {
    let detail = "the index lock is not held any more";
    Error::new(Kind::InvalidArgument, "read records", name, detail)
}

/// A message file is not what its record says.
pub(super) fn broken_message(kind: Kind, name: Subject, detail: impl Into<String>) -> Error {
    Error::new(kind, "open message", name, detail).hint(MESSAGE_REPAIR)
}

/// The file of a message whose record says that it was removed.
pub(super) fn unlinked_message(name: Subject) -> Error {
    broken_message(Kind::Corrupt, name, "expunged, and its file is removed")
}

/// The file of a message has another size than its record says.
pub(super) fn message_of_other_size(name: Subject, len: u64, wanted: u64) -> Error {
    broken_message(Kind::Corrupt, name, format!("{len} bytes, but cyrus.index says {wanted}"))
}
