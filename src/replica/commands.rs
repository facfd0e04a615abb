//! The interface between the engine and the network.

use super::capabilities::Capabilities;
use crate::error::Result;
use crate::protocol::{Command, Reply, Ticket};

/// A connection that accepts commands without waiting for the replies to earlier ones.
pub trait Replica {
    /// Sends a command. Returns as soon as the command is written or buffered. Blocks only while
    /// too many commands, or too many bytes of commands, are unanswered.
    ///
    /// Fails if the connection is lost. If a message file cannot be read while a command is being
    /// sent, the connection is closed, because the replica has already received a part of the
    /// command.
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket>;

    /// Waits for the reply to a command. Each reply can be taken only once. A NO becomes an error
    /// of the matching kind ([`Kind::ReplicaMoved`](crate::Kind::ReplicaMoved), ...), and the
    /// session stays usable.
    fn wait(&mut self, ticket: Ticket) -> Result<Reply>;

    /// Drops the reply to a command, now or when it arrives.
    fn discard(&mut self, ticket: Ticket);

    /// Raises the limit for the memory of replies to `bytes` more than
    /// [`REPLY_BYTES`](crate::limits::REPLY_BYTES). The engine calls this if the master itself has
    /// that much data. A later call with fewer bytes does not lower the limit.
    fn expect(&mut self, bytes: u64);

    /// Returns the capabilities that the replica agreed to.
    fn capabilities(&self) -> Capabilities;

    /// Returns whether this is a dry run: commands that change the replica are only simulated.
    fn is_dry(&self) -> bool {
        false
    }
}
