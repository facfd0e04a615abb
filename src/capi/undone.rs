//! Who receives the entries of sync logs that could not be replicated.

use std::ffi::c_void;
use std::sync::Arc;

use super::callbacks::{Listener, Userdata, cyrsync_destroy_callback, cyrsync_undone_callback};
use super::config::{cyrsync_config, exclusive};
use super::error::{cyrsync_error, cyrsync_result};
use super::fallible::fallible;

/// Sets who receives what cyrsync_client_process_log(), cyrsync_client_checkpoint(),
/// cyrsync_client_plan() and cyrsync_client_roll() could not do, for clients created later; nobody
/// if callback is NULL. As cyrsync_config_set_log() in all else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_undone(
    config: *mut cyrsync_config,
    callback: cyrsync_undone_callback,
    userdata: *mut c_void,
    destroy: cyrsync_destroy_callback,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        let userdata = Userdata::new(userdata, destroy);
        // SAFETY: the header asks for a configuration of the caller's own.
        let listeners = unsafe { &mut exclusive(config)?.listeners };
        listeners.undone = callback.map(|function| Arc::new(Listener { function, userdata }));
        Ok(())
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}
