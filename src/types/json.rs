//! Serializes byte strings as JSON, which can only hold text.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Serializes bytes: as a string if they are UTF-8, otherwise as an object with the readable part
/// under `text` and all bytes under `base64`.
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

/// Serializes a time in whole seconds.
pub(crate) fn serialize_seconds<S: Serializer>(
    time: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

/// Serializes a path, or an optional path, like any other byte string.
pub(crate) fn serialize_path<'p, S: Serializer>(
    path: &'p (impl MaybePath + 'p),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.maybe().map(|path| Bytes(path.as_os_str().as_bytes())).serialize(serializer)
}

/// A path or an optional path.
pub(crate) trait MaybePath {
    /// Returns the path, if there is one.
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
