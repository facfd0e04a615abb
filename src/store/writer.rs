//! The interface through which repairs change data that a program (the host) supplies.

use crate::error::Result;
use crate::types::MboxName;

/// Writes changes to the master's data for a repair.
///
/// # Errors
/// The same kinds as those of a [`Store`](super::Store), and
/// [`Kind::OwnServer`](crate::Kind::OwnServer) if the program cannot write.
#[allow(clippy::missing_errors_doc)] // The errors are those above, for all methods.
pub trait HostWriter: Send {
    /// Carries out a command of the replication protocol. `command` holds the whole command with
    /// its literals and the end of the line. Returns all lines of the reply.
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>>;

    /// Writes to the sync logs of other channels that a mailbox was changed. Returns `false` if the
    /// library must write to these logs.
    fn log_change(&mut self, name: &MboxName) -> Result<bool>;
}
