//! Native reader of a Cyrus spool.

pub mod annot;
pub mod conv;
pub mod counters;
pub mod mboxlist;
pub mod quota;
pub mod seen;
pub mod sieve;
pub mod subs;
pub mod table;
