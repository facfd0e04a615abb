//! The table of functions of the host program that the library calls.

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

/// Gives userdata back to the program: nothing uses it any more.
pub type cyrsync_destroy_callback = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// The functions of a program that the library calls, for all that it reports. Begin with
/// CYRSYNC_CALLBACKS_INIT, then set those that are wanted; the others stay NULL. What they are given
/// is borrowed for the call. See "Callbacks" at the head of this header for what they may do.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_callbacks {
    /// sizeof(cyrsync_callbacks): CYRSYNC_CALLBACKS_INIT sets it.
    pub size: usize,
    /// Given to every function of this table.
    pub userdata: *mut c_void,
    /// Gives userdata back when nothing uses it any more.
    pub destroy: cyrsync_destroy_callback,
    /// Receives a line for the log.
    pub log: Option<
        unsafe extern "C" fn(userdata: *mut c_void, level: cyrsync_log_level, line: cyrsync_str),
    >,
    /// Receives a line that says what is being done, as sync_client -v prints it: "USER fred".
    pub action: Option<unsafe extern "C" fn(userdata: *mut c_void, line: cyrsync_str)>,
    /// Receives what crosses the wire, in clear: before compression and encryption, credentials
    /// left out. "[2301 bytes]" stands for a message, unless CYRSYNC_FLAG_WHOLE_MESSAGES is set.
    /// If sent it went to the replica, else it came from there.
    pub traffic:
        Option<unsafe extern "C" fn(userdata: *mut c_void, sent: bool, bytes: cyrsync_str)>,
    /// Receives every event: what the log and action lines say, and more, as values.
    pub event: Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const cyrsync_event)>,
    /// Receives every item that came to its end, in each call that replicates, plans or verifies:
    /// which user, mailbox or entry of a log is done, which failed, and why. What a call did not
    /// come to is not reported: that call fails. While cyrsync_client_roll() tries an item again
    /// and again, each failure is reported.
    pub item: Option<unsafe extern "C" fn(userdata: *mut c_void, item: *const cyrsync_item)>,
    /// Receives each step of the functions whose names begin with cyrsync_client_plan.
    pub step: Option<unsafe extern "C" fn(userdata: *mut c_void, step: *const cyrsync_step)>,
    /// Receives what the functions whose names begin with cyrsync_client_verify find.
    pub finding:
        Option<unsafe extern "C" fn(userdata: *mut c_void, finding: *const cyrsync_finding)>,
    /// Receives each check of cyrsync_config_check().
    pub check: Option<unsafe extern "C" fn(userdata: *mut c_void, check: *const cyrsync_check)>,
    /// Receives that there is no connection to the replica, in calls that try again by themselves
    /// (cyrsync_client_roll()).
    pub unreachable: Option<
        unsafe extern "C" fn(userdata: *mut c_void, unreachable: *const cyrsync_unreachable),
    >,
    /// Receives how far a call has got: after each item, while messages are sent at most five
    /// times a second, and when the call ends.
    pub progress:
        Option<unsafe extern "C" fn(userdata: *mut c_void, progress: *const cyrsync_progress)>,
    /// Answers whether to stop: true is like a call of cyrsync_client_cancel(). Called after each
    /// item, and with other events at most five times a second; not while the library waits for
    /// network, disk or locks.
    pub cancel: Option<unsafe extern "C" fn(userdata: *mut c_void) -> bool>,
}

grows! {
    cyrsync_callbacks may end before action, unknown members are Refused;
}

/// The program's data, given back when the last that could use it is gone.
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
            // SAFETY: the host gave both for this; it happens once, since this is the drop.
            unsafe { destroy(self.pointer) };
        }
    }
}

/// A table of the program, with its data.
pub(super) struct Callbacks {
    pub(super) functions: cyrsync_callbacks,
    userdata: Userdata,
}

// SAFETY: what is in the table are functions, and a pointer that is only passed to them: see
// `Userdata`.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    pub(super) fn new(mut functions: cyrsync_callbacks) -> Callbacks {
        let userdata = Userdata::new(functions.userdata, functions.destroy);
        // Both are where they are given back.
        (functions.userdata, functions.destroy) = (ptr::null_mut(), None);
        Callbacks { functions, userdata }
    }

    pub(super) fn userdata(&self) -> *mut c_void {
        self.userdata.pointer()
    }
}
