//! What a value is.

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
