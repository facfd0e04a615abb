//! Checks that a store returns data in the order, with the names and sizes, and with the values
//! that [`Store`](super::Store) promises.
//!
//! Stores that a program supplies are wrapped in this. The native [`Spool`](super::spool::Spool) is
//! not: it makes the same checks where it reads the files, and its errors can name file and offset.

mod mailbox;
mod store;
#[cfg(test)]
mod tests;

pub use store::Checked;
