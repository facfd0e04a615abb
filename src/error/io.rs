//! Errors of the operating system, in words for people.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::kind::Kind;
use super::value::Error;

impl Error {
    /// Makes an I/O error on a path. The hint covers only what holds for every file; the caller
    /// adds advice about this file with [`Error::or_hint`]. `NotFound` stays distinguishable
    /// through [`Error::io_kind`].
    pub fn io(op: impl Into<Cow<'static, str>>, path: &Path, source: io::Error) -> Self {
        Error::new(Kind::Io, op, path, reason(&source)).hint(hint(&source)).caused_by(source)
    }

    /// Returns the operating system's error kind, if that is the cause.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        let source = std::error::Error::source(self)?;
        Some(source.downcast_ref::<io::Error>()?.kind())
    }
}

/// Returns the operating system's error number (errno), if that is the cause.
pub fn os_error(error: &Error) -> Option<i32> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let number = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if number.is_some() {
            return number;
        }
        source = cause.source();
    }
    None
}

/// Returns advice that holds for every file.
fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "run as the user that Cyrus runs as, and give the file and the directories above it \
             the owner and mode that Cyrus needs"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on this file system"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is mounted read-only: the system's log may say why"
        }
        _ if is_bad_disk(source) => {
            "the disk cannot be read there: see the system's log, and copy what can be read \
             before anything is written to it"
        }
        _ => "",
    }
}

/// Whether the hardware failed: then a hint must not advise anything that writes.
fn is_bad_disk(error: &io::Error) -> bool {
    /// EIO of Linux.
    const INPUT_OUTPUT: i32 = 5;
    error.raw_os_error() == Some(INPUT_OUTPUT)
}

/// Returns why the operating system refused, in words for people: without the error number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
