//! Returns the progress of a client to any thread.

use super::client::cyrsync_client;
use super::error::{cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::reached::cyrsync_progress;
use super::sized::Place;

/// Returns the progress of a client. May be called from any thread at any time, also while another
/// call of the same client runs, and from callbacks.
///
/// @param client  The client.
/// @param out     Filled with the progress.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_progress(
    client: *const cyrsync_client,
    out: *mut cyrsync_progress,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires NULL or a client.
        let client = unsafe { client.as_ref() }.ok_or_else(|| null_pointer("client"))?;
        // SAFETY: cyrsync.h requires a structure whose size is set.
        let place = unsafe { Place::new(out, "out") }?;
        // SAFETY: as above.
        unsafe { place.fill(&client.listeners.reached()) };
        Ok(())
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}
