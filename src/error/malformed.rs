//! What a pure parser says of bytes that it cannot accept.

use std::borrow::Cow;
use std::path::Path;

use super::kind::Kind;
use super::value::Error;

/// What a pure parser says of bytes it cannot accept: where and why.
/// It does not know the file; whoever does wraps it with [`Malformed::in_file`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at offset {offset:#x}")]
pub struct Malformed {
    /// Offset in the parsed bytes.
    pub offset: u64,
    /// What is wrong there.
    pub what: Cow<'static, str>,
}

impl Malformed {
    /// A complaint about the byte at `offset`.
    pub fn new(offset: impl TryInto<u64>, what: impl Into<Cow<'static, str>>) -> Self {
        Malformed { offset: offset.try_into().unwrap_or(u64::MAX), what: what.into() }
    }

    /// The same complaint with the file it is about and what repairs such a file.
    pub fn in_file(self, op: &'static str, path: &Path, hint: &'static str) -> Error {
        Error::new(Kind::Corrupt, op, path, self.to_string()).hint(hint).caused_by(self)
    }
}
