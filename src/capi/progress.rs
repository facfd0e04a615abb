//! Returns the progress of a client, from any thread.

use super::error::{cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::{fallible, guarded};
use super::handle::cyrsync_client;
use super::reached::cyrsync_progress;
use super::sized::Place;

/// Returns the progress of a client. May be called from any thread or callback, even while another
/// call of the same client runs.
///
/// @param client  The client.
/// @param out     Filled with the progress. Its size must be set.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_progress(
    client: *const cyrsync_client,
    out: *mut cyrsync_progress,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires `client` to be NULL or a valid client.
        let client = unsafe { client.as_ref() }.ok_or_else(|| null_pointer("client"))?;
        let work = || {
            // SAFETY: cyrsync.h requires `out` to point to a structure whose size is set.
            let place = unsafe { Place::new(out, "out") }?;
            // SAFETY: as above.
            unsafe { place.fill(&client.listeners.reached()) };
            Ok(())
        };
        client.logged(guarded(work), err.is_null())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}
