//! Native reader of a Cyrus spool: takes Cyrus's locks, reads Cyrus's files, writes nothing.

pub mod annot;
pub mod conv;
pub mod counters;
pub mod mailbox;
pub mod mboxlist;
mod places;
mod quota;
pub mod seen;
mod sieve;
mod store;
pub mod subs;
pub mod table;

pub use store::Spool;
