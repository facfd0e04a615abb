//! The interface through which a program that supplies the master's data changes that data.

use crate::error::Result;
use crate::types::MboxName;

/// Writes changes to the master's data on behalf of a repair.
pub trait HostWriter: Send {
    /// Carries out a command of the replication protocol. `command` holds the whole command with
    /// its literals and the end of line. Returns all lines of the reply.
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>>;

    /// Logs for other channels that a mailbox was changed. Returns `false` to leave this to the
    /// library.
    /// library.
    fn log_change(&mut self, name: &MboxName) -> Result<bool>;
}
