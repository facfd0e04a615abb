//! The interface between the engine and the network.

use super::capabilities::Capabilities;
use crate::error::Result;
use crate::protocol::{Command, Reply, Ticket};

/// A connection that accepts commands without waiting for the replies to earlier ones.
pub trait Replica {
    /// Sends a command. Returns as soon as it is written or buffered. Blocks only while too many
    /// commands or bytes are in flight.
    ///
    /// Fails if the connection is lost. If a command cannot be completed because a message file
    /// cannot be read, the connection is closed: half a command cannot be taken back.
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket>;

    /// Waits for the reply to a command. Each reply can be taken only once. A NO becomes an error
    /// of the matching kind ([`Kind::ReplicaMoved`](crate::Kind::ReplicaMoved), ...), and the
    /// session stays usable.
    fn wait(&mut self, ticket: Ticket) -> Result<Reply>;

    /// Drops the reply to a command, now or when it arrives.
    fn discard(&mut self, ticket: Ticket);

    /// Allows replies to take this many bytes more than
    /// [`REPLY_BYTES`](crate::limits::REPLY_BYTES), because the master itself has that much data.
    /// The limit never becomes lower than an earlier call has set it.
    fn expect(&mut self, bytes: u64);

    /// Returns the capabilities that the replica agreed to.
    fn capabilities(&self) -> Capabilities;

    /// Returns whether commands that change the replica are only simulated.
    fn is_dry(&self) -> bool {
        false
    }
}
