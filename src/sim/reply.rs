//! The results of commands on a simulated server.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dlist::Kv;
use crate::error::Malformed;
use crate::types::{Guid, Text};

/// Why a command is refused. The texts are those of `sync_response`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    Nonexistent,
    Moved,
    Checksum,
    Changed,
    Protocol,
    BadParameters,
    Unknown,
    Locked,
    NotSupported,
}

impl No {
    pub fn line(self) -> &'static str {
        match self {
            No::Nonexistent => "NO IMAP_MAILBOX_NONEXISTENT No Such Mailbox",
            No::Moved => "NO IMAP_MAILBOX_MOVED Mailbox exists with another name or uniqueid",
            No::Checksum => "NO IMAP_SYNC_CHECKSUM Checksum Failure",
            No::Changed => "NO IMAP_SYNC_CHANGED Changed since last sync",
            No::Protocol => "NO IMAP_PROTOCOL_ERROR Protocol error",
            No::BadParameters => "NO IMAP_PROTOCOL_BAD_PARAMETERS",
            No::Unknown => "NO Unknown error",
            No::NotSupported => {
                "NO IMAP_MAILBOX_NOTSUPPORTED Operation is not supported on mailbox"
            }
            No::Locked => "NO IMAP_MAILBOX_LOCKED Mailbox locked",
        }
    }
}

/// The result of a command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    No(No),
    /// The server process aborted. Contains the reason.
    Abort(String),
}

impl From<No> for Failed {
    fn from(no: No) -> Failed {
        Failed::No(no)
    }
}

impl From<Malformed> for Failed {
    fn from(_: Malformed) -> Failed {
        Failed::No(No::BadParameters)
    }
}

impl From<crate::Error> for Failed {
    fn from(error: crate::Error) -> Failed {
        // Writing to memory cannot fail, so this would be a bug.
        Failed::Abort(error.to_string())
    }
}

pub(super) type Done<T = ()> = std::result::Result<T, Failed>;

/// Staged message files, by partition and GUID.
pub(super) type Staged = BTreeMap<Text, BTreeMap<Guid, Arc<[u8]>>>;

/// Returns the text of a key that must be present.
pub(super) fn text(kv: &Kv<'_>, key: &str) -> Done<Text> {
    Ok(Text::new(kv.atom(key)?))
}
