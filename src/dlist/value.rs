//! The parsed form of a value.

use std::borrow::Cow;

/// A parsed value. Its texts borrow from the input where possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// `NIL`.
    Nil,
    /// An atom, a quoted string or a literal. The three forms have the same meaning.
    Atom(Cow<'a, [u8]>),
    /// `(a b c)`.
    List(Vec<Value<'a>>),
    /// `%(KEY value KEY value)`, in the order of the input.
    Kv(Vec<(Cow<'a, [u8]>, Value<'a>)>),
    /// `%{partition guid size}` and the bytes of a message.
    File {
        /// The partition on which the receiver stores the message.
        partition: Cow<'a, [u8]>,
        /// The GUID as text, unchecked.
        guid: Cow<'a, [u8]>,
        /// The bytes of the message.
        bytes: Cow<'a, [u8]>,
    },
}

#[cfg(test)]
impl Value<'_> {
    /// Returns a copy that owns its texts.
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
