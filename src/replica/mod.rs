//! The connection to the replica: connect, log in, and a pipelined session.
//!
//! [`Replica`] is the seam between engine and network.

mod agree;
#[cfg(test)]
mod agree_tests;
mod aside;
mod coding;
mod connect;
#[cfg(test)]
mod connect_tests;
mod deflate;
mod dialect;
mod direct;
mod dry;
mod encoder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod greet;
mod interrupt;
mod layer;
mod lines;
mod link;
mod local;
mod offer;
mod patience;
mod responses;
mod sasl;
mod session;
mod socket;
mod spill;
mod starttls;
#[cfg(test)]
mod starttls_tests;
mod target;
#[cfg(test)]
mod tests;
pub mod tls;

pub use connect::Settings;
pub use direct::{Answer, Direct};
pub use dry::Dry;
pub use interrupt::Interrupt;
pub use link::Traffic;
pub use sasl::Credentials;
pub use session::Session;
pub use socket::KeepAlive;
pub use target::{Target, service_port};

use crate::error::Result;
use crate::protocol::{Command, Reply, Ticket};

/// What the replica can do: by its version, and agreed to in answer to `APPLY CAPABILITIES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enabled {
    /// Sieve scripts are replicated as the `#sieve` mailbox.
    pub sieve_mailbox: bool,
    /// Incoming files are staged on the archive partition.
    pub archive: bool,
    /// Mailboxes of JMAP notifications are known there (Cyrus 3.8 on). Earlier versions abort at
    /// the letter of this type (`mboxlist_string_to_mbtype`).
    pub notifications: bool,
}

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
    fn enabled(&self) -> Enabled;
}
