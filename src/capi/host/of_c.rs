//! Converts members of C structures to the types of the fields of `MailboxHeader`.

use super::super::strings::cyrsync_str;
use super::given::bytes;
use crate::error::Result;
use crate::types::{MboxName, MboxType, Modseq, Options, Text, UniqueId};

/// A type that can be made from the C type `C`.
pub(super) trait OfC<C>: Sized {
    /// Converts and copies a value. `name` is the name of the field, for errors.
    fn of_c(value: C, name: &'static str) -> Result<Self>;
}

macro_rules! texts_of_c {
    ($($type:ty),*) => {$(
        impl OfC<cyrsync_str> for $type {
            fn of_c(value: cyrsync_str, name: &'static str) -> Result<Self> {
                bytes(value, name).map(Self::new)
            }
        }
    )*};
}

texts_of_c!(MboxName, UniqueId, Text);

/// An empty text means `None`.
impl OfC<cyrsync_str> for Option<Text> {
    fn of_c(value: cyrsync_str, name: &'static str) -> Result<Self> {
        let text = bytes(value, name)?;
        Ok((!text.is_empty()).then(|| Text::new(text)))
    }
}

impl<T> OfC<T> for T {
    fn of_c(value: T, _: &'static str) -> Result<Self> {
        Ok(value)
    }
}

impl OfC<u32> for MboxType {
    fn of_c(value: u32, _: &'static str) -> Result<Self> {
        Ok(MboxType(value))
    }
}

impl OfC<u32> for Options {
    fn of_c(value: u32, _: &'static str) -> Result<Self> {
        Ok(Options(value))
    }
}

/// The C value is a flag: a value other than 0 means `Some(1)`.
impl OfC<u8> for Option<u64> {
    fn of_c(value: u8, _: &'static str) -> Result<Self> {
        Ok((value != 0).then_some(1))
    }
}

/// The C value 0 means `None`.
impl OfC<u64> for Option<Modseq> {
    fn of_c(value: u64, _: &'static str) -> Result<Self> {
        Ok(Some(value).filter(|modseq| *modseq != 0))
    }
}
