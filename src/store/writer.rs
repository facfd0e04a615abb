//! How a program that supplies the master's data changes it.

use crate::error::Result;
use crate::types::MboxName;

/// Writes to the master by a host.
pub trait HostWriter: Send {
    /// Has the host do a command of the replication protocol, with all its literals and its end
    /// of line; returns all lines of the reply.
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>>;

    /// Notes for other channels that a mailbox was changed. Returns false if the host leaves that
    /// to the library.
    fn log_change(&mut self, name: &MboxName) -> Result<bool>;
}
