//! The value grammar of the replication protocol (`imap/dlist.c`), also found in the values of
//! Cyrus's databases.
//!
//! - [`parse`] and [`parse_named`] read a value that is wholly in memory; pure and bounded.
//! - [`measure`] checks such a value without building it; [`parse_each`] builds its parts one by one.
//! - [`Kv`] takes typed values out of a key-value list.
//! - [`Writer`] writes values straight to a sink.
//! - [`Framer`] finds the end of a line on the wire, literals included.

mod frame;
mod get;
mod parse;
mod write;

pub use frame::Framer;
pub use get::Kv;
pub use parse::{Measure, measure, parse, parse_each, parse_named};
pub use write::Writer;

/// A parsed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `NIL`.
    Nil,
    /// Atom, quoted string or literal: the grammar keeps no difference.
    Atom(Box<[u8]>),
    /// `(a b c)`.
    List(Vec<Value>),
    /// `%(KEY value KEY value)`, order kept.
    Kv(Vec<(Box<[u8]>, Value)>),
    /// `%{partition guid size}` and the bytes of a message.
    File {
        /// The partition it is staged on.
        partition: Box<[u8]>,
        /// The GUID as written.
        guid: Box<[u8]>,
        /// The message.
        bytes: Box<[u8]>,
    },
}
