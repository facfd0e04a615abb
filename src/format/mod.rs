//! Pure parsers of what a Cyrus spool and its databases hold.

pub(crate) mod dl;
pub mod header;
pub mod index;
