//! The panic boundary: a panic must not reach C, where it would end the process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{Failure, cyrsync_error, cyrsync_result, panicked};

/// Runs the body of an exported function; what it gives if the body panics.
pub(super) fn boundary<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            discard(payload);
            fallback
        }
    }
}

/// Runs the body of an exported function that can fail. The error goes to `*err` unless that is
/// NULL.
///
/// # Safety
/// `err` must be NULL or lead to a place for a pointer.
pub(super) unsafe fn fallible(
    err: *mut *mut cyrsync_error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> cyrsync_result {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return cyrsync_result::CYRSYNC_RESULT_OK,
        Ok(Err(failure)) => failure,
        Err(payload) => {
            let failure = panicked(message(&*payload));
            discard(payload);
            failure
        }
    };
    let code = failure.code;
    if !err.is_null() {
        // SAFETY: not NULL, and the rest is the caller's promise. What was there is not ours.
        unsafe { err.write(Box::into_raw(failure)) };
    }
    code
}

fn message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return text;
    }
    payload.downcast_ref::<String>().map_or("no message", String::as_str)
}

/// Dropping a payload may panic again: then it is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

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

    #[test]
    fn a_payload_that_panics_when_dropped_goes_no_further() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert_eq!(boundary(1, || std::panic::panic_any(Bomb)), 1);
    }
}
