//! Errors of the byte streams of a connection.

use std::io;
use std::time::Duration;

use crate::error::{Error, Kind, Mark, reason};

/// The time limit of a wait without any transfer.
#[derive(Clone, Copy)]
pub(super) struct Timeout {
    pub span: Duration,
    /// The option that sets it.
    pub option: &'static str,
}

impl Timeout {
    /// Makes the error for a wait that took too long.
    pub fn error(self, peer: &str, detail: String) -> Error {
        let hint =
            format!("look at the replica's load and log; {} sets how long to wait", self.option);
        Error::new(Kind::Timeout, "talk to", peer, detail).with_hint(hint)
    }
}

/// Makes the error for a connection that the peer has closed without a reason.
pub(super) fn closed(peer: &str) -> Error {
    Error::new(Kind::Closed, "read from", peer, "it closed the connection")
        .with_hint(LOG_SAYS)
        .marked(Mark::Unexplained)
}

/// Makes the error for too many buffered bytes of replies that arrived during writing.
pub(super) fn too_much(peer: &str, allowed: usize) -> Error {
    let detail = format!("it sends more than {} MiB that were not requested", allowed >> 20);
    Error::new(Kind::Protocol, "read from", peer, detail)
        .with_hint("check that this is a Cyrus sync server; -v -v shows the traffic")
}

/// Hint for a connection that was closed.
const LOG_SAYS: &str = "see the replica's log";

/// Makes the error for a system call on the socket that failed.
pub(super) fn broken(op: &'static str, peer: &str, error: &io::Error) -> Error {
    Error::new(Kind::Closed, op, peer, reason(error)).with_hint(LOG_SAYS).marked(Mark::Unexplained)
}
