//! Mailbox names (`imap/mboxname.c`). Finds the owner of a mailbox, converts names between internal
//! and external form, and computes the path of every file of a mailbox or user.

mod hash;
mod namespace;
mod parts;
mod paths;
#[cfg(test)]
mod tests;

pub(crate) use hash::directory_letter;
pub use namespace::Namespace;
pub use paths::{Paths, UserFile, UserHome};
