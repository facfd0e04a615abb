//! The seam between engine and network.

use super::capabilities::Capabilities;
use crate::error::Result;
use crate::protocol::{Command, Reply, Ticket};

/// A connection that takes commands without waiting for the replies of earlier ones.
pub trait Replica {
    /// Sends a command. Returns when it is written or buffered; blocks only while too much is in
    /// flight.
    ///
    /// Fails if the connection is lost. A command that cannot be written to its end, because a
    /// message file cannot be read, closes the connection, for the stream cannot be taken back.
    fn submit(&mut self, command: Command<'_>) -> Result<Ticket>;

    /// Waits for the reply to a command. A NO becomes an error of its kind
    /// ([`Kind::ReplicaMoved`](crate::Kind::ReplicaMoved), ...) and leaves the session usable.
    /// A reply can be taken once.
    fn wait(&mut self, ticket: Ticket) -> Result<Reply>;

    /// Forgets the reply to a command that nobody is interested in any more.
    fn discard(&mut self, ticket: Ticket);

    /// Replies may take this many bytes more than [`REPLY_BYTES`](crate::limits::REPLY_BYTES)
    /// from now on, for the master itself has that much; not less than an earlier call allowed.
    fn expect(&mut self, bytes: u64);

    /// What the replica agreed to.
    fn capabilities(&self) -> Capabilities;

    /// Whether what would change it is only imagined.
    fn is_dry(&self) -> bool {
        false
    }
}
