//! The error of parsers that do no I/O.

use std::borrow::Cow;
use std::path::Path;

use super::kind::Kind;
use super::value::Error;

/// The error of a parser that rejects bytes. It has the place and the problem. The parser does not
/// know the file; its caller adds the file with [`Malformed::in_file`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at offset {offset:#x}")]
pub struct Malformed {
    /// Offset of the problem in the parsed bytes.
    pub offset: u64,
    /// Description of the problem.
    pub what: Cow<'static, str>,
}

impl Malformed {
    /// Makes an error about the byte at `offset`.
    pub fn new(offset: impl TryInto<u64>, what: impl Into<Cow<'static, str>>) -> Self {
        Malformed { offset: offset.try_into().unwrap_or(u64::MAX), what: what.into() }
    }

    /// Converts the error into one that names the file at `path`. `op` is the operation, and `hint`
    /// is advice for repairing such a file.
    pub fn in_file(self, op: &'static str, path: &Path, hint: &'static str) -> Error {
        Error::new(Kind::Corrupt, op, path, self.to_string()).with_hint(hint).with_source(self)
    }
}
