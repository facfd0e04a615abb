//! Mailbox names and what follows from them: owners, external names, the order of mailboxes.db,
//! and the path of every file that belongs to a mailbox or user (`imap/mboxname.c`).

mod hash;
mod namespace;
mod parts;
mod paths;
#[cfg(test)]
mod tests;

pub use namespace::Namespace;
pub use parts::Parts;
pub use paths::{MailboxPaths, Paths, UserFile, UserHome};
