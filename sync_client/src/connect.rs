//! Reaching the replica, and what is told when that cannot be.

use crate::sys::syslog;
use cyrsync::{Client, Error, Kind, Level};

use crate::start::Policy;
use crate::terminal::complain;

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotConnected {
    /// It was told: the replica cannot be reached.
    Unreachable,
    /// A signal ended the attempts.
    Stopped,
}

/// Makes a connection unless there is one.
pub fn connect(client: &mut Client, policy: &Policy) -> Result<(), NotConnected> {
    let reached = client.reach(policy.persistence);
    reached.map_err(|error| match error.kind() {
        Kind::Cancelled => NotConnected::Stopped,
        _ => {
            give_up(client.server(), policy, &error);
            NotConnected::Unreachable
        }
    })
}

/// The last words after an attempt that was the only one, or that no other would better.
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
