//! What Cyrus's files and databases hold: pure parsers, bytes in, value or a located complaint out.

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
