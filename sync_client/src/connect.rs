//! Connects to the replica, and reports why it cannot be reached.

use crate::sys::syslog;
use cyrsync::{Client, Error, Kind, Level};

use crate::start::Policy;
use crate::terminal::complain;

/// The reason why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotConnected {
    /// The replica cannot be reached. This was already reported.
    Unreachable,
    /// A signal ended the attempts.
    Stopped,
}

/// Connects to the replica, unless a connection exists.
pub fn connect(client: &mut Client, policy: &Policy) -> Result<(), NotConnected> {
    let reached = client.reach(policy.retry_policy);
    reached.map_err(|error| match error.kind() {
        Kind::Cancelled => NotConnected::Stopped,
        _ => {
            give_up(client.server(), policy, &error);
            NotConnected::Unreachable
        }
    })
}

/// Reports that the program stops connecting: it may try only once, or another attempt is useless.
pub fn give_up(server: &str, policy: &Policy, error: &Error) {
    complain(error.to_string());
    let what = if policy.require_compression && error.kind() == Kind::Unsupported {
        "Failed to enable compression"
    } else {
        "Can not connect"
    };
    let line = format!("{what} to server '{server}'");
    complain(&line);
    syslog::send(Level::Error, &line);
}
