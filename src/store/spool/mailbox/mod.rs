//! Opens and reads the mailboxes of a spool.

mod files;
mod found;
mod index;
mod open;
mod refuse;
mod state;
#[cfg(test)]
mod tests;
mod unlocked;

pub use files::Files;
pub(super) use files::read_header;
pub use found::{Annotations, Found, VisitAnnotation};
pub use open::SpoolMailbox;
pub(super) use refuse::openable;
pub(super) use unlocked::read_unlocked;
