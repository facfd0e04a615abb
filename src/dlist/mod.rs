//! The value grammar of the replication protocol (`imap/dlist.c`), also found in the values of
//! Cyrus's databases.
//!
//! - [`parse`] and [`parse_named`] read a value that is wholly in memory; pure and bounded.
//! - [`measure`] checks such a value without building it; [`parse_each`] builds its parts one by
//!   one.
//! - [`read_each`] does so with a value that is in a file.
//! - [`Kv`] takes typed values out of a key-value list.
//! - [`Writer`] writes values straight to a sink.
//! - [`Framer`] finds the end of a line on the wire, literals included.

mod frame;
mod get;
mod parse;
mod stream;
mod value;
mod write;

pub use frame::Framer;
pub use get::Kv;
pub use parse::{measure, parse, parse_each, parse_named};
pub use stream::{Unread, read_each};
pub use value::Value;
pub use write::Writer;
