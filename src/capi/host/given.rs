//! Texts that the host gives, and what is wrong with them.

use super::super::strings::cyrsync_str;
use crate::error::{Error, Kind, Result};

/// Bytes that the host lends.
pub(super) fn bytes<'a>(text: cyrsync_str, name: &'static str) -> Result<&'a [u8]> {
    // SAFETY: the header asks for bytes that live through the call of the emit function, or until
    // the next call for the mailbox; nobody here keeps them longer.
    unsafe { text.bytes(name) }.map_err(|failure| wrong(name, failure.message.to_string_lossy()))
}

/// What is wrong with something that the host gave.
pub(super) fn wrong(name: &str, detail: impl Into<String>) -> Error {
    Error::new(Kind::Host, "take", name, detail)
}
