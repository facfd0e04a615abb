//! A store that is not believed: what it says must have the order, names, sizes and sense that
//! [`Store`](super::Store) promises.
//!
//! Programs that supply a store stand behind this. The native [`Spool`](super::spool::Spool) does
//! not: it checks the same where it reads the files, and so can name file and offset.

mod mailbox;
mod store;
#[cfg(test)]
mod tests;

pub use store::Checked;
