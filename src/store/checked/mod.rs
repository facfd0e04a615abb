//! Checks the data that a store returns: its order, names, sizes and values must be those that
//! [`Store`](super::Store) promises.
//!
//! Only stores that a program supplies are checked in this way. The native
//! [`Spool`](super::spool::Spool) makes the same checks while it reads the files, so its errors can
//! name file and offset.

mod mailbox;
mod store;
#[cfg(test)]
mod tests;

pub use store::Checked;
