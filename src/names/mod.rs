//! Mailbox names and what can be derived from them: owner, external name, order in mailboxes.db,
//! and the path of every file of a mailbox or user (`imap/mboxname.c`).

mod hash;
mod namespace;
mod parts;
mod paths;
#[cfg(test)]
mod tests;

pub(crate) use hash::directory_letter;
pub use namespace::Namespace;
pub use paths::{Paths, UserFile, UserHome};
