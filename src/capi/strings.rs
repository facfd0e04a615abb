//! Passes bytes with a length between C and Rust.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::error::cyrsync_result;
use super::error::{Failure, misuse, null_pointer};
use super::panic::boundary;

/// Borrowed bytes: a mailbox name, a path, a line of text. They do not end with a zero byte and
/// need not be UTF-8. If len is 0, data is not read and may be NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_str {
    /// The first byte.
    pub data: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

/// Returns the bytes of a C string, without the zero byte at its end. The bytes are not copied:
/// they belong to text, and are valid as long as it is.
///
/// @param text  The string. NULL gives an empty one.
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
    /// Lends bytes to C.
    pub(super) fn lend(bytes: &[u8]) -> Self {
        cyrsync_str { data: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// Returns the bytes that C lends.
    ///
    /// # Safety
    /// Data must lead to `len` bytes that do not change during `'a`.
    pub(super) unsafe fn bytes<'a>(self, name: &'static str) -> Result<&'a [u8], Failure> {
        // SAFETY: the caller's promise; `data` is not looked at if there is nothing.
        unsafe { slice(self.data.cast(), self.len, name) }
    }

    /// Returns the bytes as text. Fails if they are not UTF-8.
    ///
    /// # Safety
    /// As for [`cyrsync_str::bytes`].
    pub(super) unsafe fn text<'a>(self, name: &'static str) -> Result<&'a str, Failure> {
        // SAFETY: the caller's promise.
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

/// Returns an array that C lends. Does not read the pointer if `len` is 0.
///
/// # Safety
/// `data` must lead to `len` values that do not change during `'a`.
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
        return Err(misuse(result, name, format!("{len} is no length")));
    }
    // SAFETY: not NULL, of a possible size, and the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_needs_no_pointer_but_something_does() {
        let nothing = cyrsync_str { data: ptr::null(), len: 0 };
        // SAFETY: there is nothing to look at.
        assert_eq!(unsafe { nothing.bytes("x") }.unwrap(), b"");
        let bad = cyrsync_str { data: ptr::null(), len: 3 };
        // SAFETY: NULL is refused.
        let error = unsafe { bad.bytes("user") }.unwrap_err();
        assert_eq!(error.code, cyrsync_result::CYRSYNC_RESULT_NULL_POINTER);
        let huge = cyrsync_str { data: c"x".as_ptr(), len: usize::MAX };
        // SAFETY: the length is refused before anything is looked at.
        assert!(unsafe { huge.bytes("user") }.is_err());
    }

    #[test]
    fn c_strings_become_bytes() {
        // SAFETY: a C string, and NULL, which is allowed.
        let (text, none) =
            unsafe { (cyrsync_str_from(c"fred".as_ptr()), cyrsync_str_from(ptr::null())) };
        // SAFETY: both were just made.
        unsafe {
            assert_eq!(text.text("x").unwrap(), "fred");
            assert_eq!(none.text("x").unwrap(), "");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_where_text_is_wanted() {
        let bytes = cyrsync_str::lend(b"\xff");
        // SAFETY: a literal.
        let error = unsafe { bytes.text("channel") }.unwrap_err();
        assert_eq!(error.code, cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT);
    }
}
