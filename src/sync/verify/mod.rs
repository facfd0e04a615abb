//! Verification: both sides are read in full and compared, field by field, and nothing is changed
//! on either.
//!
//! The replica is only asked (`GET`). Its answer to `GET FULLMAILBOX` stays as it came; its records
//! are taken from it one by one and merged with the master's, which are read in chunks. A difference
//! is looked at again before it is reported, for both sides go on working: one that the master has
//! made since, and that is on its way, is no fault of the replica.
//!
//! [`scope`] says what a task compares, [`looks`] how often; [`mailbox`], [`header`], [`records`],
//! [`annotations`], [`user`] and [`messages`] compare; a [`Part`](part::Part) keeps what was found.

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
