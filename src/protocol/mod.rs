//! The replication protocol in values (`imap/sync_support.c`): what a client asks of a replication
//! server, what that answers, and how both are written.
//!
//! - [`Command`] is everything that is ever sent; [`table`] says of each its words, its keys and
//!   whether it changes anything; [`encode`] writes them.
//! - [`Reply`] is what comes back; [`decode`] makes values of it: [`RemoteUser`], [`RemoteFolder`],
//!   [`RemoteRecord`].
//! - The header fields of a mailbox are a table of their own: [`crate::types::header`].
//!
//! Knows no connection: the two dialects, csync and IMAP, differ in what stands before a command
//! only, which is the session's.

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
