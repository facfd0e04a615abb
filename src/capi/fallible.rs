//! Runs exported functions that can fail.

use super::error::{Failure, cyrsync_error, cyrsync_result, panicked};
use super::panic::caught;

/// Runs the body of an exported function that can fail. Writes the error to `*err` unless `err` is
/// NULL.
///
/// # Safety
/// `err` must be NULL or lead to a place for a pointer.
pub(super) unsafe fn fallible(
    err: *mut *mut cyrsync_error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> cyrsync_result {
    let ended = caught(body).unwrap_or_else(|message| Err(panicked(&message)));
    let Err(failure) = ended else { return cyrsync_result::CYRSYNC_RESULT_OK };
    let code = failure.code;
    if !err.is_null() {
        // SAFETY: not NULL, and the rest is the caller's promise. The old value belongs to the
        // caller, so it is not dropped.
        unsafe { err.write(Box::into_raw(failure)) };
    }
    code
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::capi::panic::boundary;

    #[test]
    fn a_panic_becomes_a_result_and_an_error_that_says_it() {
        let mut error = ptr::null_mut();
        // SAFETY: `error` is a place for a pointer.
        let result = unsafe { fallible(&mut error, || panic!("number {}", 7)) };
        assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_PANIC);
        // SAFETY: a failed call with a place for the error sets it.
        let error = unsafe { Box::from_raw(error) };
        assert!(error.message.to_str().unwrap().contains("number 7"));
    }

    #[test]
    fn a_panic_without_a_place_for_the_error_is_a_result_still() {
        // SAFETY: NULL is allowed.
        let result = unsafe { fallible(ptr::null_mut(), || panic!("oh")) };
        assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_PANIC);
        assert_eq!(boundary(5, || panic!("oh")), 5);
    }
}
