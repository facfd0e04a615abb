//! Reads a Cyrus spool natively: takes Cyrus's locks, reads Cyrus's files, writes nothing.

mod annot;
mod conv;
mod counters;
mod glance;
mod groups;
mod mailbox;
mod mboxlist;
mod modseqs;
#[cfg(test)]
mod newer_tests;
mod places;
mod quota;
mod seen;
mod sieve;
mod store;
mod subs;
mod table;
#[cfg(test)]
mod tests;
mod unknown;

pub use store::Spool;
