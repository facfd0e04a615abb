//! Verification: reads both sides in full, compares them field by field, and changes nothing.
//!
//! Only `GET` commands are sent to the replica. Its reply to `GET FULLMAILBOX` is kept unparsed.
//! The records are taken from it one by one, and merged with the master's records, which are read
//! in chunks. Parts that differ are compared again before they are reported, because both sides are
//! in use: a recent change of the master that is still on its way is no fault of the replica.
//!
//! [`scope`] defines what a task compares, and [`looks`] how often. [`mailbox`], [`header`],
//! [`records`], [`annotations`], [`user`] and [`messages`] compare. A [`Part`](part::Part) holds
//! the results.

mod annotations;
mod header;
mod listing;
mod log;
mod looks;
mod mailbox;
mod messages;
mod part;
mod records;
mod scope;
mod user;

pub use log::Log;
pub use looks::{Verified, verify};
pub use messages::Sample;
pub use scope::Scope;
