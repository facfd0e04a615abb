//! Writes to the master's spool through the master's own replication server. Cyrus itself does the
//! writing, so conversations, quotas, search and DAV indexes stay right.
//!
//! Every failure of that server has [`Kind::OwnServer`](crate::Kind::OwnServer). The connection to
//! the replica is not affected and stays in use.

mod failed;
mod program;
mod release;
mod server;

pub use program::find;
pub use release::Traces;
pub use server::{GREETING, OwnServer, check_against_running};
