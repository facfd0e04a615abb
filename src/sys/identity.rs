//! Reads which user the process runs as.

#![allow(unsafe_code, reason = "libc's identity calls have no safe counterpart")]

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Maximum size in bytes of the buffer for an entry from `getpwuid_r`.
const ENTRY_BYTES: usize = 1 << 20;

/// Returns whether the process runs with the rights of root.
pub fn is_root() -> bool {
    effective_user() == 0
}

/// Returns the effective user id of this process.
pub fn effective_user() -> u32 {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

/// Returns the name of a user, or `None` if the system does not know the user.
pub fn user_name(uid: u32) -> Option<String> {
    let found = lookup(
        |entry: *mut libc::passwd, buffer, length, result| {
            // SAFETY: `lookup` passes valid pointers: to room for an entry, to a buffer of `length`
            // bytes and to room for the result. The user is a number.
            unsafe { libc::getpwuid_r(uid, entry, buffer, length, result) }
        },
        // SAFETY: the entry is filled in, so its name is a C string in the buffer. The buffer is
        // valid until this closure returns.
        |entry| unsafe { CStr::from_ptr(entry.pw_name) }.to_string_lossy().into_owned(),
    );
    found.ok().flatten()
}

/// Calls `call`, a function like `getpwuid_r`, with a buffer that grows until the entry fits.
/// `read` must copy the data that it needs from the entry, whose pointers point into the buffer.
fn lookup<T, R>(
    call: impl Fn(*mut T, *mut c_char, usize, *mut *mut T) -> c_int,
    read: impl Fn(&T) -> R,
) -> io::Result<Option<R>> {
    let mut length = 1024;
    loop {
        let mut buffer: Vec<c_char> = vec![0; length];
        let mut entry = MaybeUninit::<T>::uninit();
        let mut result = ptr::null_mut();
        match call(entry.as_mut_ptr(), buffer.as_mut_ptr(), length, &mut result) {
            0 if result.is_null() => return Ok(None),
            // SAFETY: the call succeeded and returned a result, so the entry is filled in.
            0 => return Ok(Some(read(unsafe { entry.assume_init_ref() }))),
            libc::ERANGE if length < ENTRY_BYTES => length *= 2,
            libc::EINTR => {}
            // On some systems these codes mean "not found" (getpwnam(3)).
            libc::ENOENT | libc::ESRCH => return Ok(None),
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_number() {
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(user_name(u32::MAX - 7), None);
    }
}
