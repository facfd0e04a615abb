//! The error of pure parsers.

use std::borrow::Cow;
use std::path::Path;

use super::kind::Kind;
use super::value::Error;

/// The error of a pure parser that rejects bytes: where and why. The parser does not know the file;
/// its caller adds it with [`Malformed::in_file`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at offset {offset:#x}")]
pub struct Malformed {
    /// Offset in the parsed bytes.
    pub offset: u64,
    /// What is wrong there.
    pub what: Cow<'static, str>,
}

impl Malformed {
    /// Makes an error about the byte at `offset`.
    pub fn new(offset: impl TryInto<u64>, what: impl Into<Cow<'static, str>>) -> Self {
        Malformed { offset: offset.try_into().unwrap_or(u64::MAX), what: what.into() }
    }

    /// Converts it into an error that names the file and the repair for such a file.
    pub fn in_file(self, op: &'static str, path: &Path, hint: &'static str) -> Error {
        Error::new(Kind::Corrupt, op, path, self.to_string()).hint(hint).caused_by(self)
    }
}
