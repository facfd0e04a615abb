//! The value grammar of the replication protocol (`imap/dlist.c`).

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
}

/// Writes values straight to a sink.
pub struct Writer<'w> {
    _sink: &'w mut dyn std::io::Write,
}
