//! Writes to the master's spool through the master's own replication server (`sync_server`). So
//! Cyrus itself keeps conversations, quotas, search and DAV indexes correct.
//!
//! Every failure of that server is an error of [`Kind::OwnServer`](crate::Kind::OwnServer). The
//! connection to the replica is not affected and stays in use.

mod failed;
mod program;
mod release;
mod server;

pub use program::find;
pub use release::Traces;
pub use server::{GREETING, OwnServer, check_against_running};
