//! Parses and writes values in the grammar of the replication protocol (`imap/dlist.c`), called
//! dlist. Cyrus's databases also contain such values.
//!
//! - [`parse`] and [`parse_named`] parse a value that is completely in memory, within limits.
//! - [`measure`] checks such a value without building it. [`parse_each`] builds only one element of
//!   a long list at a time.
//! - [`read_each`] is [`parse_each`] for a value in a file.
//! - [`Kv`] reads typed values from a key-value list.
//! - [`Writer`] writes values to a sink.
//! - [`Framer`] finds the end of a line on the wire, including its literals.

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
