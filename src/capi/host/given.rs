//! Reads the strings of a host, and makes errors about its data.

use super::super::strings::cyrsync_str;
use crate::error::{Error, Kind, Result};

/// Returns the bytes of a string that the host passed. `name` is the name of the string, for
/// errors.
pub(super) fn bytes<'a>(text: cyrsync_str, name: &'static str) -> Result<&'a [u8]> {
    // SAFETY: cyrsync.h requires bytes that stay valid during the call of the emit function, or
    // until the next call for the mailbox. No caller keeps them longer.
    unsafe { text.bytes(name) }.map_err(|failure| wrong(name, failure.message.to_string_lossy()))
}

/// Returns the error for wrong data of a host. `name` is the name of the data.
pub(super) fn wrong(name: &str, detail: impl Into<String>) -> Error {
    Error::new(Kind::Host, "take", name, detail)
}
