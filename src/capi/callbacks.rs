//! The table of a program's callbacks.

use std::ffi::c_void;
use std::ptr;

use super::finding::cyrsync_finding;
use super::notices::{
    cyrsync_event, cyrsync_item, cyrsync_log_level, cyrsync_step, cyrsync_unreachable,
};
use super::reached::cyrsync_progress;
use super::sized::grows;
use super::strings::cyrsync_str;
use super::topics::cyrsync_check;

/// Releases userdata. The library calls it once, when it no longer uses userdata.
pub type cyrsync_destroy_callback = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// A table of the program's callbacks. The library reports everything through them. Begin with
/// CYRSYNC_CALLBACKS_INIT, then set the callbacks that you need; the others stay NULL. The
/// arguments of a callback are borrowed: they are valid only during the call. "Callbacks" at the
/// head of this header says what a callback may do.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_callbacks {
    /// sizeof(cyrsync_callbacks): CYRSYNC_CALLBACKS_INIT sets it.
    pub size: usize,
    /// Passed to every function of this table.
    pub userdata: *mut c_void,
    /// Releases userdata. Called once, when the library no longer uses userdata. May be NULL.
    pub destroy: cyrsync_destroy_callback,
    /// Receives a log line.
    pub log: Option<
        unsafe extern "C" fn(userdata: *mut c_void, level: cyrsync_log_level, line: cyrsync_str),
    >,
    /// Receives a line about what the client does now, as sync_client -v prints it: "USER fred".
    pub action: Option<unsafe extern "C" fn(userdata: *mut c_void, line: cyrsync_str)>,
    /// Receives the traffic with the replica in clear text, without compression and encryption.
    /// Credentials are left out. "[2301 bytes]" stands for a message, unless
    /// CYRSYNC_FLAG_WHOLE_MESSAGES is set. sent is true for bytes that go to the replica, and false
    /// for bytes that come from it. A client with this callback uses only one connection, whatever
    /// sync_jobs says.
    pub traffic:
        Option<unsafe extern "C" fn(userdata: *mut c_void, sent: bool, bytes: cyrsync_str)>,
    /// Receives every event as a structure. The log and action lines report only some events.
    pub event: Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const cyrsync_event)>,
    /// Receives how each item (a user, a mailbox or an entry of a sync log) ended, in every call
    /// that replicates, plans or verifies: done, locked or failed, and why. A call that does not
    /// try all its items reports only those that it tried, and fails. cyrsync_client_roll() retries
    /// failed items, and reports each failure.
    pub item: Option<unsafe extern "C" fn(userdata: *mut c_void, item: *const cyrsync_item)>,
    /// Receives each planned step, from the functions whose names begin with cyrsync_client_plan.
    pub step: Option<unsafe extern "C" fn(userdata: *mut c_void, step: *const cyrsync_step)>,
    /// Receives each finding, from the functions whose names begin with cyrsync_client_verify.
    pub finding:
        Option<unsafe extern "C" fn(userdata: *mut c_void, finding: *const cyrsync_finding)>,
    /// Receives the result of each check of cyrsync_config_check().
    pub check: Option<unsafe extern "C" fn(userdata: *mut c_void, check: *const cyrsync_check)>,
    /// Receives each failure to connect to the replica, in calls that retry by themselves
    /// (cyrsync_client_roll()).
    pub unreachable: Option<
        unsafe extern "C" fn(userdata: *mut c_void, unreachable: *const cyrsync_unreachable),
    >,
    /// Receives the progress of the client: after each item, at most five times a second while
    /// messages are sent, and at the end of the call.
    pub progress:
        Option<unsafe extern "C" fn(userdata: *mut c_void, progress: *const cyrsync_progress)>,
    /// Returns true to stop the client, like cyrsync_client_cancel(). Called after each item, and
    /// at most five times a second on other events. Not called while the library waits for network,
    /// disk or locks.
    pub cancel: Option<unsafe extern "C" fn(userdata: *mut c_void) -> bool>,
}

grows! {
    cyrsync_callbacks may end before action, unknown members are Refused;
}

/// The program's userdata. Dropping it calls the program's destroy function.
pub(super) struct Userdata {
    pointer: *mut c_void,
    destroy: cyrsync_destroy_callback,
}

// SAFETY: the library does nothing with the pointer but pass it to the host's functions, and the
// header says that these are called from any thread.
unsafe impl Send for Userdata {}
// SAFETY: as above.
unsafe impl Sync for Userdata {}

impl Userdata {
    pub(super) fn new(pointer: *mut c_void, destroy: cyrsync_destroy_callback) -> Self {
        Userdata { pointer, destroy }
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for Userdata {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the program gave both for this purpose, and a drop happens only once.
            unsafe { destroy(self.pointer) };
        }
    }
}

/// The program's table of callbacks, with its userdata.
pub(super) struct Callbacks {
    pub(super) functions: cyrsync_callbacks,
    userdata: Userdata,
}

// SAFETY: the table holds only functions, and a pointer that is only passed to them: see
// `Userdata`.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    pub(super) fn new(mut functions: cyrsync_callbacks) -> Callbacks {
        let userdata = Userdata::new(functions.userdata, functions.destroy);
        // `Userdata` owns these two now.
        (functions.userdata, functions.destroy) = (ptr::null_mut(), None);
        Callbacks { functions, userdata }
    }

    pub(super) fn userdata(&self) -> *mut c_void {
        self.userdata.pointer()
    }
}
