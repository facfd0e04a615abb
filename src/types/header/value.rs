//! The value of a header field, in a form that all fields share.

use std::fmt;

use crate::types::{MboxType, Options, SyncCrcs, Time};

/// The form of a header field on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// Letters of a mailbox type.
    Type,
    /// Letters of mailbox options.
    Options,
    /// A number of 32 bits.
    Number32,
    /// A number of 64 bits.
    Number64,
    /// Seconds since 1970.
    Time,
    /// Two numbers. The second one has a name of its own on the wire.
    Crcs,
}

/// The value of a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'h> {
    /// No value.
    Absent,
    /// Text.
    Text(&'h [u8]),
    /// A mailbox type without the flags that are not replicated.
    Type(MboxType),
    /// Mailbox options without those that are not replicated.
    Options(Options),
    /// A number.
    Number(u64),
    /// Seconds since 1970.
    Time(Time),
    /// Sync CRCs.
    Crcs(SyncCrcs),
}

impl Value<'_> {
    /// Returns whether the value differs from its field's default.
    #[must_use]
    pub fn is_set(self) -> bool {
        let unset = [Value::Absent, Value::Type(MboxType::default()), Value::Number(0)];
        !unset.contains(&self)
    }

    /// Returns the value as a number for comparison; 0 if it is not a number.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Value::Number(number) => number,
            Value::Time(time) => u64::try_from(time).unwrap_or(0),
            _ => 0,
        }
    }
}

/// Formats the value for people.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Absent => f.write_str("0"),
            Value::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
            Value::Type(mbtype) => f.write_str(&mbtype.to_wire()),
            Value::Options(options) => f.write_str(&options.to_wire()),
            Value::Number(number) => write!(f, "{number}"),
            Value::Time(time) => write!(f, "{time}"),
            Value::Crcs(crcs) => write!(f, "{crcs}"),
        }
    }
}
