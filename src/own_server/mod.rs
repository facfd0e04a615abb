//! Writes to the master's spool: the master's own replication server does them, so that
//! conversations, quotas, search and DAV indexes stay right without a line of ours.
//!
//! Whatever becomes of that server is [`Kind::OwnServer`](crate::Kind::OwnServer): the connection
//! to the replica is not concerned and goes on being used.

mod failed;
mod program;
mod release;
mod server;

pub use program::find;
pub use release::Traces;
pub use server::{GREETING, OwnServer, check_against_running};
