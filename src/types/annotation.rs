//! Annotations of server, mailbox and message (RFC 5464, RFC 5257).

use super::{Modseq, Text};

/// One annotation value.
///
/// The order (entry, then userid, then value) is that of `diff_annotation` in
/// `imap/sync_support.c`; the modseq takes no part in comparison there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Annotation {
    /// `/comment`, `/vendor/cmu/cyrus-imapd/expire`, ...
    pub entry: Text,
    /// Whose private value it is; empty for the shared value.
    pub userid: Text,
    /// The value's bytes.
    pub value: Text,
    /// When it last changed; 0 where the database does not know.
    pub modseq: Modseq,
}
