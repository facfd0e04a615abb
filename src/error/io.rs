//! Creates errors from errors of the operating system, in words for people.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::kind::Kind;
use super::value::Error;

impl Error {
    /// Makes an error about a failed operation on a file or directory. The hint is general advice
    /// for this kind of failure; [`Error::with_hint`] replaces it. [`Error::io_kind`] returns the kind of `source`.
    pub fn io(op: impl Into<Cow<'static, str>>, path: &Path, source: io::Error) -> Self {
        Error::new(Kind::Io, op, path, reason(&source)).with_hint(hint(&source)).with_source(source)
    }

    /// Returns the kind of the operating system's error, if such an error is the direct cause.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        let source = std::error::Error::source(self)?;
        Some(source.downcast_ref::<io::Error>()?.kind())
    }
}

/// Returns the operating system's error number (errno), if such an error is among the causes.
#[cfg(feature = "capi")]
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

/// Returns advice for a kind of failure, whatever the file is. Empty if there is none.
fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "run as the user that Cyrus runs as, and give the file and the directories above it \
             the owner and mode that Cyrus needs"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space on this file system"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is mounted read-only: see the system log for the reason"
        }
        _ if is_bad_disk(source) => {
            "the disk reported an error there: see the system log, and copy all readable data \
             before anything is written to the disk"
        }
        _ => "",
    }
}

/// Returns whether the hardware failed. Then a hint must not advise anything that writes to the
/// disk.
fn is_bad_disk(error: &io::Error) -> bool {
    /// The error number EIO of Linux.
    const INPUT_OUTPUT: i32 = 5;
    error.raw_os_error() == Some(INPUT_OUTPUT)
}

/// Returns the reason why the operating system refused an operation, without the error number.
pub fn reason(error: &io::Error) -> String {
    without_number(&error.to_string())
}

/// Removes the error number that the standard library adds to the text of the operating system.
pub(crate) fn without_number(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" (os error ") else { return text.to_owned() };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}{after}")
}
