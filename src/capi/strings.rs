//! Passes bytes with a length between C and Rust.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::error::cyrsync_result;
use super::error::{Failure, misuse, null_pointer};
use super::panic::boundary;

/// A string of bytes with a length: a mailbox name, a path, a line of text. The structure does not
/// own the bytes. The bytes do not end with a zero byte and need not be UTF-8. If len is 0, data is
/// not read and may be NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_str {
    /// Points to the first byte.
    pub data: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

/// Makes a cyrsync_str from a C string, without the zero byte at its end. The bytes are not copied:
/// the result is valid as long as text is valid.
///
/// @param text  The C string. NULL gives an empty cyrsync_str.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_str_from(text: *const c_char) -> cyrsync_str {
    boundary(cyrsync_str { data: ptr::null(), len: 0 }, || {
        if text.is_null() {
            return cyrsync_str { data: ptr::null(), len: 0 };
        }
        // SAFETY: cyrsync.h requires NULL or a C string.
        let len = unsafe { CStr::from_ptr(text) }.count_bytes();
        cyrsync_str { data: text, len }
    })
}

impl cyrsync_str {
    /// Makes a string for C that borrows `bytes`.
    pub(super) fn lend(bytes: &[u8]) -> Self {
        cyrsync_str { data: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// Returns the bytes of a string that C passed as the argument `name`. Fails if the pointer is
    /// NULL and the length is not 0.
    ///
    /// # Safety
    /// `data` must point to `len` bytes that do not change during `'a`.
    pub(super) unsafe fn bytes<'a>(self, name: &'static str) -> Result<&'a [u8], Failure> {
        // SAFETY: guaranteed by the caller (see `# Safety`). If `len` is 0, `slice` does not read
        // `data`.
        unsafe { slice(self.data.cast(), self.len, name) }
    }

    /// Returns the bytes as text. Fails if they are not UTF-8.
    ///
    /// # Safety
    /// As for [`cyrsync_str::bytes`].
    pub(super) unsafe fn text<'a>(self, name: &'static str) -> Result<&'a str, Failure> {
        // SAFETY: guaranteed by the caller (see `# Safety`).
        let bytes = unsafe { self.bytes(name) }?;
        str::from_utf8(bytes).map_err(|error| {
            misuse(
                cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT,
                name,
                format!("not UTF-8: {error}"),
            )
        })
    }
}

/// Returns an array that C passed as the argument `name`. Does not read the pointer if `len` is 0.
///
/// # Safety
/// `data` must point to `len` values that do not change during `'a`.
pub(super) unsafe fn slice<'a, T>(
    data: *const T,
    len: usize,
    name: &'static str,
) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(null_pointer(name));
    }
    if len > isize::MAX as usize / size_of::<T>().max(1) {
        let result = cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT;
        return Err(misuse(result, name, format!("{len} is not a valid length")));
    }
    // SAFETY: `data` is not NULL, and the size is possible. The caller guarantees the rest.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_string_may_have_a_null_pointer() {
        let nothing = cyrsync_str { data: ptr::null(), len: 0 };
        // SAFETY: the length is 0, so no byte is read.
        assert_eq!(unsafe { nothing.bytes("x") }.unwrap(), b"");
        let bad = cyrsync_str { data: ptr::null(), len: 3 };
        // SAFETY: NULL is refused before any byte is read.
        let error = unsafe { bad.bytes("user") }.unwrap_err();
        assert_eq!(error.code, cyrsync_result::CYRSYNC_RESULT_NULL_POINTER);
        let huge = cyrsync_str { data: c"x".as_ptr(), len: usize::MAX };
        // SAFETY: the length is refused before any byte is read.
        assert!(unsafe { huge.bytes("user") }.is_err());
    }

    #[test]
    fn c_strings_become_bytes() {
        // SAFETY: the arguments are a C string and NULL, which is allowed.
        let (text, none) =
            unsafe { (cyrsync_str_from(c"fred".as_ptr()), cyrsync_str_from(ptr::null())) };
        // SAFETY: both strings borrow from valid arguments.
        unsafe {
            assert_eq!(text.text("x").unwrap(), "fred");
            assert_eq!(none.text("x").unwrap(), "");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_where_text_is_wanted() {
        let bytes = cyrsync_str::lend(b"\xff");
        // SAFETY: the bytes are a literal.
        let error = unsafe { bytes.text("channel") }.unwrap_err();
        assert_eq!(error.code, cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT);
    }
}
