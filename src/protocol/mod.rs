//! The replication protocol (`imap/sync_support.c`) as Rust values: the commands of a client, the
//! replies of a server, and how both are written.
//!
//! - [`Command`] has a variant for every command. [`table`] lists for each command its words, its
//!   keys, and whether it changes data. [`encode`] writes commands.
//! - [`Reply`] holds the reply to a command as bytes. [`decode`] turns it into values:
//!   [`RemoteUser`], [`RemoteFolder`], [`RemoteRecord`].
//! - The header fields of a mailbox have a table of their own: [`crate::types::header`].
//!
//! This module does not use a connection. The two dialects of the protocol, csync and IMAP, differ
//! only in the bytes before a command, which the session writes.

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
