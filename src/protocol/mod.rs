//! The replication protocol (`imap/sync_support.c`) as Rust values: the commands of a client, the
//! replies of a server, and how both are written.
//!
//! - [`Command`] holds every command that can be sent. [`table`] lists for each its words, its keys
//!   and whether it changes data. [`encode`] writes commands.
//! - [`Reply`] holds the reply to a command. [`decode`] turns it into values: [`RemoteUser`],
//!   [`RemoteFolder`], [`RemoteRecord`].
//! - The header fields of a mailbox have a table of their own: [`crate::types::header`].
//!
//! This module knows no connection. The two dialects, csync and IMAP, differ only in what precedes
//! a command; the session writes that.

pub mod command;
pub mod decode;
pub mod encode;
pub mod label;
pub mod numbers;
pub mod remote;
pub mod reply;
pub mod table;
pub mod temp_literal;
#[cfg(test)]
mod tests;
pub mod update;

pub use command::{Command, FullMailbox, MessageFiles, OutgoingFile, Rename, Reserve};
pub use label::Label;
pub use remote::{RemoteFolder, RemoteRecord, RemoteUser};
pub use reply::{Item, Reply, Ticket};
pub use table::Verb;
pub use temp_literal::TempLiteral;
pub use update::{MailboxUpdate, RecordUpdate, Since};
