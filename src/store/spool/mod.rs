//! Reads the files of a Cyrus mail spool directly, under Cyrus's own locks. Never writes to them.

mod annot;
mod conv;
mod counters;
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
mod unlocked;

pub use store::Spool;
