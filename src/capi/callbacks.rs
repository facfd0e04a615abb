//! Defines the table of a program's callbacks.

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

/// A function of the program that releases userdata. "Userdata" at the head of this header says
/// when the library calls it, and how often.
pub type cyrsync_destroy_callback = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// A table of the program's callbacks. The library reports everything through them. Begin with
/// CYRSYNC_CALLBACKS_INIT, then set the callbacks that you need; the others stay NULL. The
/// arguments of a callback are borrowed: they are valid only during the call. "Callbacks" at the
/// head of this header lists the rules for callbacks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_callbacks {
    /// The size of this structure, sizeof(cyrsync_callbacks). CYRSYNC_CALLBACKS_INIT sets it.
    pub size: usize,
    /// A pointer of the program's choice. The library passes it to every function of this table.
    pub userdata: *mut c_void,
    /// Releases userdata. Called once for each call of cyrsync_config_set_callbacks() with this
    /// table: see "Userdata" at the head of this header. May be NULL.
    pub destroy: cyrsync_destroy_callback,
    /// Receives a line for the log, with its level.
    pub log: Option<
        unsafe extern "C" fn(userdata: *mut c_void, level: cyrsync_log_level, line: cyrsync_str),
    >,
    /// Receives a line for each action of the client, as sync_client -v prints it: "USER fred".
    pub action: Option<unsafe extern "C" fn(userdata: *mut c_void, line: cyrsync_str)>,
    /// Receives the traffic with the replica in clear text, without compression and encryption.
    /// Credentials are left out. Each message is replaced by its length, "[2301 bytes]", unless
    /// CYRSYNC_FLAG_WHOLE_MESSAGES is set. sent is true for bytes that go to the replica, and false
    /// for bytes that come from it. A client with this callback uses only one connection, even if
    /// sync_jobs allows more. Also called during cyrsync_config_check().
    pub traffic:
        Option<unsafe extern "C" fn(userdata: *mut c_void, sent: bool, bytes: cyrsync_str)>,
    /// Receives every event as a structure. Only some events also have a log or action line.
    pub event: Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const cyrsync_event)>,
    /// Receives the outcome of each item (a user, a mailbox or an entry of a sync log), in every
    /// call that replicates, plans or verifies. If a call ends before it has tried all items, it
    /// fails, and reports only the items that it tried. cyrsync_client_roll() retries failed items,
    /// and reports each failed attempt.
    pub item: Option<unsafe extern "C" fn(userdata: *mut c_void, item: *const cyrsync_item)>,
    /// Receives each planned step of the functions whose names begin with cyrsync_client_plan.
    pub step: Option<unsafe extern "C" fn(userdata: *mut c_void, step: *const cyrsync_step)>,
    /// Receives each finding of the functions whose names begin with cyrsync_client_verify.
    pub finding:
        Option<unsafe extern "C" fn(userdata: *mut c_void, finding: *const cyrsync_finding)>,
    /// Receives the result of each check of cyrsync_config_check(). Not called during other calls.
    pub check: Option<unsafe extern "C" fn(userdata: *mut c_void, check: *const cyrsync_check)>,
    /// Receives each failed attempt to connect to the replica, in calls that then wait and try
    /// again, such as cyrsync_client_roll().
    pub unreachable: Option<
        unsafe extern "C" fn(userdata: *mut c_void, unreachable: *const cyrsync_unreachable),
    >,
    /// Receives the progress of the client. Called after each item, on other events at most five
    /// times a second, and at the end of the call.
    pub progress:
        Option<unsafe extern "C" fn(userdata: *mut c_void, progress: *const cyrsync_progress)>,
    /// Returns true to cancel the client, like cyrsync_client_cancel(): later calls are cancelled
    /// too, until cyrsync_client_reset_cancel(). Called after each item, and on other events at
    /// most five times a second. Not called while the library waits for network, disk or locks.
    pub cancel: Option<unsafe extern "C" fn(userdata: *mut c_void) -> bool>,
}

grows! {
    cyrsync_callbacks may end before action, unknown members are Refused;
}

/// A program's userdata pointer with its destroy function. Dropping it calls this function.
pub(super) struct Userdata {
    pointer: *mut c_void,
    destroy: cyrsync_destroy_callback,
}

// SAFETY: the library only passes the pointer to functions of the program. The header says from
// which threads the library calls these functions.
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
            // SAFETY: the program supplied function and pointer for this call. A drop happens only
            // once.
            unsafe { destroy(self.pointer) };
        }
    }
}

/// The program's table of callbacks, with its userdata.
pub(super) struct Callbacks {
    pub(super) functions: cyrsync_callbacks,
    userdata: Userdata,
}

// SAFETY: the table holds only functions, and a pointer that the library only passes to them: see
// `Userdata`.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    pub(super) fn new(mut functions: cyrsync_callbacks) -> Callbacks {
        let userdata = Userdata::new(functions.userdata, functions.destroy);
        // `userdata` owns the pointer and the destroy function, so the table must not keep them
        // too.
        (functions.userdata, functions.destroy) = (ptr::null_mut(), None);
        Callbacks { functions, userdata }
    }

    pub(super) fn userdata(&self) -> *mut c_void {
        self.userdata.pointer()
    }
}
