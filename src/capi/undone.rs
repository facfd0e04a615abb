//! Who receives the entries of sync logs that could not be replicated.

use std::ffi::c_void;

use super::callbacks::{cyrsync_destroy_callback, cyrsync_undone_callback};
use super::config::{cyrsync_config, set_listener};
use super::error::{cyrsync_error, cyrsync_result};

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
    // SAFETY: the header asks for what `set_listener` asks for.
    unsafe { set_listener(config, callback, (userdata, destroy), err, |all| &mut all.undone) }
}
