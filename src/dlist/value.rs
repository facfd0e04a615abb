//! What a value is.

use std::borrow::Cow;

/// A parsed value: its texts are parts of what was parsed, unless they had to be put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// `NIL`.
    Nil,
    /// Atom, quoted string or literal: the grammar keeps no difference.
    Atom(Cow<'a, [u8]>),
    /// `(a b c)`.
    List(Vec<Value<'a>>),
    /// `%(KEY value KEY value)`, order kept.
    Kv(Vec<(Cow<'a, [u8]>, Value<'a>)>),
    /// `%{partition guid size}` and the bytes of a message.
    File {
        /// The partition it is staged on.
        partition: Cow<'a, [u8]>,
        /// The GUID as written.
        guid: Cow<'a, [u8]>,
        /// The message.
        bytes: Cow<'a, [u8]>,
    },
}

#[cfg(test)]
impl Value<'_> {
    /// The same with texts of its own.
    pub fn into_owned(self) -> Value<'static> {
        let own = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        match self {
            Value::Nil => Value::Nil,
            Value::Atom(text) => Value::Atom(own(text)),
            Value::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
            Value::Kv(pairs) => {
                let pairs = pairs.into_iter().map(|(key, value)| (own(key), value.into_owned()));
                Value::Kv(pairs.collect())
            }
            Value::File { partition, guid, bytes } => {
                Value::File { partition: own(partition), guid: own(guid), bytes: own(bytes) }
            }
        }
    }
}
