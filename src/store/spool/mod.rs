//! Native reader of a Cyrus spool: takes Cyrus's locks, reads Cyrus's files, writes nothing.

mod annot;
mod conv;
mod counters;
mod glance;
mod mailbox;
mod mboxlist;
mod modseqs;
mod places;
mod quota;
mod seen;
mod sieve;
mod store;
mod subs;
mod table;
#[cfg(test)]
mod tests;

pub use store::Spool;
