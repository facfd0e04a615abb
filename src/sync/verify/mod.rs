//! Verification: reads both sides in full, compares them field by field, and changes nothing.
//!
//! Only `GET` commands are sent to the replica. The reply to `GET FULLMAILBOX` is kept unparsed.
//! Its records are parsed one by one, and merged with the master's records, which are read in
//! chunks. Parts that differ are compared again before they are reported, because both sides are in
//! use: a recent change of the master that replication has not sent yet is no difference.
//!
//! [`scope`] defines the data that a task compares, and [`looks`] the number of comparisons.
//! [`mailbox`], [`header`], [`records`], [`annotations`], [`user`] and [`messages`] compare. A
//! [`Part`](part::Part) has the results for one mailbox, or for a user's data besides mailboxes.

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
