//! Parses the contents of Cyrus's files and databases. The parsers do no I/O: they receive bytes
//! and return a value, or an error with the offset of the problem.

pub mod annot;
pub mod conv;
pub mod counters;
#[cfg(test)]
pub(crate) mod damage;
pub mod dbname;
pub(crate) mod dl;
pub mod header;
pub mod index;
pub mod mbentry;
pub mod mbkeys;
pub mod quota;
pub mod script;
pub mod seen;
