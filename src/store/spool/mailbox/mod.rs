//! Mailboxes of a spool.

mod files;
mod found;
mod glance;
mod index;
mod open;
mod refuse;
mod state;
#[cfg(test)]
mod tests;

pub use files::Files;
pub(super) use files::read_header;
pub use found::{Annotations, Found, VisitAnnotation};
pub(super) use glance::glance;
pub use open::SpoolMailbox;
pub(super) use refuse::openable;
