//! Annotations of servers, mailboxes and messages (RFC 5464, RFC 5257).

use super::{Modseq, Text};

/// One value of an annotation.
///
/// `Ord` compares entry, then userid, then value, then modseq. Cyrus has the same order but does
/// not compare modseqs (`diff_annotation` in `imap/sync_support.c`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Annotation {
    /// The name of the annotation: `/comment`, `/vendor/cmu/cyrus-imapd/expire`, ...
    pub entry: Text,
    /// The user for whom the value is private. Empty for a shared value.
    pub userid: Text,
    /// The bytes of the value.
    pub value: Text,
    /// The modseq of the last change; 0 if the database does not store it.
    pub modseq: Modseq,
}

impl Annotation {
    /// Makes an annotation.
    pub fn new(entry: Text, userid: Text, value: Text, modseq: Modseq) -> Annotation {
        Annotation { entry, userid, value, modseq }
    }
}
