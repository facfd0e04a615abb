//! The Rust types of the fields of a mailbox's header, and their conversion to and from a
//! [`Value`].

use super::value::{Shape, Value};
use crate::types::{MboxName, MboxType, Modseq, Options, SyncCrcs, Text, Time, UniqueId};

/// A Rust type that a header field can have.
pub trait FieldType {
    /// The form of the field on the wire.
    const SHAPE: Shape;

    /// Returns the field as a [`Value`].
    fn value(&self) -> Value<'_>;

    /// Sets the field. If the value has another form or does not fit, sets the default.
    fn put(&mut self, value: Value<'_>);
}

macro_rules! text_fields {
    ($($type:ty),*) => {$(
        impl FieldType for $type {
            const SHAPE: Shape = Shape::Text;

            fn value(&self) -> Value<'_> {
                Value::Text(self.as_bytes())
            }

            fn put(&mut self, value: Value<'_>) {
                *self = match value {
                    Value::Text(text) => Self::new(text),
                    _ => Self::default(),
                };
            }
        }
    )*};
}

text_fields!(UniqueId, MboxName, Text);

impl FieldType for Option<Text> {
    const SHAPE: Shape = Shape::Text;

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Absent, |text| Value::Text(text.as_bytes()))
    }

    fn put(&mut self, value: Value<'_>) {
        *self = match value {
            Value::Text(text) => Some(Text::new(text)),
            _ => None,
        };
    }
}

macro_rules! number_fields {
    ($($type:ty, $shape:ident;)*) => {$(
        impl FieldType for $type {
            const SHAPE: Shape = Shape::$shape;

            fn value(&self) -> Value<'_> {
                Value::Number((*self).into())
            }

            fn put(&mut self, value: Value<'_>) {
                *self = match value {
                    Value::Number(number) => Self::try_from(number).unwrap_or_default(),
                    _ => 0,
                };
            }
        }
    )*};
}

number_fields! {
    u32, Number32;
    u64, Number64;
}

/// A modseq of 0 counts as no value. Cyrus omits a modseq of 0, but some version might send it.
impl FieldType for Option<Modseq> {
    const SHAPE: Shape = Shape::Number64;

    fn value(&self) -> Value<'_> {
        self.filter(|modseq| *modseq != 0).map_or(Value::Absent, Value::Number)
    }

    fn put(&mut self, value: Value<'_>) {
        *self = match value {
            Value::Number(number) if number != 0 => Some(number),
            _ => None,
        };
    }
}

macro_rules! plain_fields {
    ($($type:ty, $shape:ident, $view:expr;)*) => {$(
        impl FieldType for $type {
            const SHAPE: Shape = Shape::$shape;

            fn value(&self) -> Value<'_> {
                let view: fn(Self) -> Self = $view;
                Value::$shape(view(*self))
            }

            fn put(&mut self, value: Value<'_>) {
                *self = match value {
                    Value::$shape(value) => value,
                    _ => Self::default(),
                };
            }
        }
    )*};
}

plain_fields! {
    Time, Time, |time| time;
    MboxType, Type, MboxType::synced;
    Options, Options, Options::synced;
    SyncCrcs, Crcs, |crcs| crcs;
}
