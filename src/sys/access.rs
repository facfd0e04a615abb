//! Checks access rights and free space without changing anything.

#![allow(unsafe_code, reason = "the standard library does not wrap faccessat and statvfs")]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Checks whether this process may write to a file. For a directory, checks whether it may create
/// files in it.
///
/// # Errors
/// The reason why the process may not.
pub fn may_write(path: &Path) -> io::Result<()> {
    may(path, if path.is_dir() { libc::W_OK | libc::X_OK } else { libc::W_OK })
}

/// Checks whether this process may run a program.
///
/// # Errors
/// The reason why the process may not.
pub fn may_run(path: &Path) -> io::Result<()> {
    may(path, libc::X_OK)
}

fn may(path: &Path, needed: libc::c_int) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: `path` is a C string that is valid during the call. The other arguments are numbers.
    match unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), needed, libc::AT_EACCESS) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The free space in a file system, for users other than root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Free bytes.
    pub bytes: u64,
    /// Number of files that can still be created. `None` if the file system has no limit.
    pub files: Option<u64>,
}

/// Returns the free space in the file system that contains `path`.
///
/// # Errors
/// If the system call fails.
pub fn room(path: &Path) -> io::Result<Room> {
    let path = c_path(path)?;
    let mut found = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `path` is a C string, and `found` has room for the result. Both are valid during the
    // call.
    if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded and has set the structure, which only holds integers.
    let found = unsafe { found.assume_init() };
    Ok(Room {
        bytes: found.f_bavail.saturating_mul(found.f_frsize),
        files: (found.f_files > 0).then_some(found.f_favail),
    })
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidFilename.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_path_is_not_writable_and_has_no_free_space() {
        let dir = tempfile::tempdir().unwrap();
        may_write(dir.path()).unwrap();
        assert!(room(dir.path()).unwrap().bytes > 0);
        let missing = dir.path().join("none");
        assert_eq!(may_write(&missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(room(&missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        may_run(Path::new("/bin/sh")).unwrap();
        assert_eq!(may_run(&missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(&missing, "").unwrap();
        assert_eq!(may_run(&missing).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let nul = Path::new("a\0b");
        assert_eq!(may_write(nul).unwrap_err().kind(), io::ErrorKind::InvalidFilename);
    }
}
