//! Annotations of servers, mailboxes and messages (RFC 5464, RFC 5257).

use super::{Modseq, Text};

/// One annotation value.
///
/// Sorted by entry, then userid, then value, like `diff_annotation` in `imap/sync_support.c`, which
/// does not compare modseqs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Annotation {
    /// `/comment`, `/vendor/cmu/cyrus-imapd/expire`, ...
    pub entry: Text,
    /// The user whose private value it is; empty for the shared value.
    pub userid: Text,
    /// The bytes of the value.
    pub value: Text,
    /// The modseq of the last change; 0 if the database does not store it.
    pub modseq: Modseq,
}
