//! Serializes byte strings as JSON, whose strings must be valid Unicode.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Serializes bytes. If they are UTF-8, the result is a string. Otherwise it is an object: `text`
/// has the bytes as text with replacement characters, and `base64` all bytes.
pub(super) struct Bytes<'b>(pub &'b [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = std::str::from_utf8(self.0) {
            return serializer.serialize_str(text);
        }
        let mut object = serializer.serialize_struct("Bytes", 2)?;
        object.serialize_field("text", &*String::from_utf8_lossy(self.0))?;
        object.serialize_field("base64", &STANDARD.encode(self.0))?;
        object.end()
    }
}

/// Serializes a duration as a number of whole seconds.
pub(crate) fn serialize_seconds<S: Serializer>(
    time: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

/// Serializes a path or an optional path in the form of [`Bytes`].
pub(crate) fn serialize_path<'p, S: Serializer>(
    path: &'p (impl MaybePath + 'p),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.maybe().map(|path| Bytes(path.as_os_str().as_bytes())).serialize(serializer)
}

/// A path or an optional path.
pub(crate) trait MaybePath {
    /// Returns the path, or `None` if there is none.
    fn maybe(&self) -> Option<&PathBuf>;
}

impl MaybePath for PathBuf {
    fn maybe(&self) -> Option<&PathBuf> {
        Some(self)
    }
}

impl MaybePath for Option<PathBuf> {
    fn maybe(&self) -> Option<&PathBuf> {
        self.as_ref()
    }
}
