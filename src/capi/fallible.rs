//! Runs exported functions that can fail.

use super::error::{Failure, cyrsync_error, cyrsync_result, panicked};
use super::panic::caught;

/// Runs the body of an exported function that can fail. Writes the error to `*err` unless `err` is
/// NULL.
///
/// # Safety
/// `err` must be NULL or point to a place for a pointer.
pub(super) unsafe fn fallible(
    err: *mut *mut cyrsync_error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> cyrsync_result {
    let Err(failure) = guarded(body) else { return cyrsync_result::CYRSYNC_RESULT_OK };
    let code = failure.code;
    if !err.is_null() {
        // SAFETY: `err` is not NULL. The caller guarantees the rest. The old value belongs to the
        // caller, so it is not dropped.
        unsafe { err.write(Box::into_raw(failure)) };
    }
    code
}

/// Runs a function. A panic becomes an error.
pub(super) fn guarded(body: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    caught(body).unwrap_or_else(|message| Err(panicked(&message)))
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::capi::panic::boundary;

    #[test]
    fn a_panic_becomes_a_result_and_an_error() {
        let mut error = ptr::null_mut();
        // SAFETY: `error` is a place for a pointer.
        let result = unsafe { fallible(&mut error, || panic!("number {}", 7)) };
        assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_PANIC);
        // SAFETY: the call failed, so it set `error`.
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
