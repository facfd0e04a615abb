//! Functions of the host that the library calls.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::error::{Failure, cyrsync_error};
use super::finding::{cyrsync_finding, with_finding};
use super::strings::cyrsync_str;
use crate::error::Error;
use crate::events::{Direction, Event, Level, Line, Observer, RunEvent, Shortened, To, words};
use crate::types::Text;

/// How much a log line matters, with syslog's numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_log_level {
    /// Something failed and somebody should look.
    CYRSYNC_LOG_LEVEL_ERROR = 3,
    /// Something looks wrong but work goes on.
    CYRSYNC_LOG_LEVEL_WARNING = 4,
    /// Unusual but in order.
    CYRSYNC_LOG_LEVEL_NOTICE = 5,
    /// What is being done.
    CYRSYNC_LOG_LEVEL_INFO = 6,
    /// For those who trace a problem.
    CYRSYNC_LOG_LEVEL_DEBUG = 7,
}

use cyrsync_log_level::*;

/// Takes a line for the log. The line is borrowed for the call.
pub type cyrsync_log_callback = Option<
    unsafe extern "C" fn(userdata: *mut c_void, level: cyrsync_log_level, line: cyrsync_str),
>;

/// Takes a line that says what is being done, as sync_client -v prints it: "USER fred". The line
/// is borrowed for the call.
pub type cyrsync_action_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, line: cyrsync_str)>;

/// Takes what crosses the wire, in clear: before compression and encryption, credentials left out.
/// "[2301 bytes]" stands for a message, unless CYRSYNC_FLAG_WHOLE_MESSAGES holds. It was sent to
/// the replica, or else received from it. The bytes are borrowed for the call.
pub type cyrsync_traffic_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, sent: bool, bytes: cyrsync_str)>;

/// Hears that there is no connection to the server, why, and after how many seconds it is tried
/// again. Error and name are borrowed for the call.
pub type cyrsync_unreachable_callback = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        error: *const cyrsync_error,
        server: cyrsync_str,
        pause: u64,
    ),
>;

/// Receives entries of a sync log that could not be replicated ("MAILBOX user.fred") and why. Each
/// failure is one of the error's parts, if it has parts. Entries and error are borrowed for the
/// call.
pub type cyrsync_undone_callback = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        entries: *const cyrsync_str,
        count: usize,
        error: *const cyrsync_error,
    ),
>;

/// Gives userdata back to the host: nobody uses it any more.
pub type cyrsync_destroy_callback = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// What cyrsync_client_sync_all() works on.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_unit {
    /// A user with all that belongs to it.
    CYRSYNC_UNIT_USER = 1,
    /// Mailboxes that belong to no user.
    CYRSYNC_UNIT_SHARED = 2,
    /// Annotations of the server itself.
    CYRSYNC_UNIT_ANNOTATIONS = 3,
}

/// Hears how a part of the work ended. Names are the user, the mailboxes, or none. Names and error
/// are borrowed for the call; error is NULL if all went well.
pub type cyrsync_unit_callback = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        unit: cyrsync_unit,
        names: *const cyrsync_str,
        count: usize,
        error: *const cyrsync_error,
    ),
>;

/// The host's data, given back when the last who could use it is gone.
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
}

impl Userdata {
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

/// The host's functions that hear what goes on.
#[derive(Clone, Default)]
pub(super) struct Listeners {
    pub(super) log: Option<Arc<Listener<LogFunction>>>,
    pub(super) action: Option<Arc<Listener<ActionFunction>>>,
    pub(super) traffic: Option<Arc<Listener<TrafficFunction>>>,
    /// Leaves messages out of the traffic; unless they are wanted.
    pub(super) shortened: Option<Arc<Mutex<Shortened>>>,
    pub(super) unreachable: Option<Arc<Listener<UnreachableFunction>>>,
    pub(super) undone: Option<Arc<Listener<UndoneFunction>>>,
    pub(super) finding: Option<Arc<Listener<FindingFunction>>>,
}

pub(super) type LogFunction = unsafe extern "C" fn(*mut c_void, cyrsync_log_level, cyrsync_str);
pub(super) type ActionFunction = unsafe extern "C" fn(*mut c_void, cyrsync_str);
pub(super) type TrafficFunction = unsafe extern "C" fn(*mut c_void, bool, cyrsync_str);
pub(super) type UnreachableFunction =
    unsafe extern "C" fn(*mut c_void, *const cyrsync_error, cyrsync_str, u64);
pub(super) type UndoneFunction =
    unsafe extern "C" fn(*mut c_void, *const cyrsync_str, usize, *const cyrsync_error);
pub(super) type FindingFunction = unsafe extern "C" fn(*mut c_void, *const cyrsync_finding);

/// A function with its data.
pub(super) struct Listener<F> {
    pub(super) function: F,
    pub(super) userdata: Userdata,
}

impl Listener<UndoneFunction> {
    /// Hands entries and error to C.
    pub(super) fn undone(&self, entries: &[Text], error: &Error) {
        let entries: Vec<cyrsync_str> =
            entries.iter().map(|entry| cyrsync_str::lend(entry.as_bytes())).collect();
        let failure = Failure::from(error);
        let (pointer, error) = (self.userdata.pointer, ptr::from_ref(&*failure));
        // SAFETY: the host gave function and data for this; entries and error outlive the call.
        unsafe { (self.function)(pointer, entries.as_ptr(), entries.len(), error) };
    }
}

impl Listeners {
    /// Those of a client that is made now.
    pub(super) fn of_client(&self, whole_messages: bool) -> Listeners {
        let shortened = (!whole_messages).then(Arc::default);
        Listeners { shortened, ..self.clone() }
    }
}

impl Listeners {
    /// Hands a line to the log callback.
    pub(super) fn log(&self, level: Level, line: &str) {
        if let Some(log) = &self.log {
            let line = cyrsync_str::lend(line.as_bytes());
            // SAFETY: the host gave function and data for this; the line lives through the call.
            unsafe { (log.function)(log.userdata.pointer, level.into(), line) };
        }
    }

    fn action(&self, line: &str) {
        if let Some(action) = &self.action {
            let line = cyrsync_str::lend(line.as_bytes());
            // SAFETY: as above.
            unsafe { (action.function)(action.userdata.pointer, line) };
        }
    }

    fn unreachable(&self, error: &Error, server: &str, pause: Duration) {
        if let Some(unreachable) = &self.unreachable {
            let failure = Failure::from(error);
            let error = ptr::from_ref(&*failure);
            let server = cyrsync_str::lend(server.as_bytes());
            let pointer = unreachable.userdata.pointer;
            // SAFETY: as above, the error too.
            unsafe { (unreachable.function)(pointer, error, server, pause.as_secs()) };
        }
    }

    /// Whether anybody receives what is not traffic.
    fn are_any(&self) -> bool {
        self.log.is_some() || self.action.is_some()
    }
}

/// Events in Cyrus's words.
impl Observer for Listeners {
    fn event(&self, event: &Event) {
        match event {
            Event::Unreachable { error, server, pause } => self.unreachable(error, server, *pause),
            Event::Run(
                RunEvent::NotReplicated { items, error }
                | RunEvent::LeftForLater { items, error, .. },
            ) => {
                self.undone.iter().for_each(|undone| undone.undone(items, error));
            }
            Event::Verify(event) => {
                let Some(Listener { function, userdata }) = self.finding.as_deref() else { return };
                with_finding(event, &mut |finding| {
                    // SAFETY: the host gave function and data for this; the finding outlives the
                    // call.
                    unsafe { function(userdata.pointer, finding) };
                });
                return;
            }
            _ => {}
        }
        if !self.are_any() {
            return;
        }
        match words(event) {
            Some(Line { to: To::Log(level), text }) => self.log(level, &text),
            Some(Line { to: To::Verbose, text }) => self.action(&text),
            Some(Line { to: To::Terminal | To::Answer, .. }) | None => {}
        }
    }

    fn wire(&self, direction: Direction, bytes: &[u8]) {
        if let Some(traffic) = &self.traffic {
            let shortened = self.shortened.as_ref();
            let shortened = shortened.map(|messages| messages.lock().shorten(direction, bytes));
            let bytes = cyrsync_str::lend(shortened.as_deref().unwrap_or(bytes));
            if bytes.len == 0 {
                return;
            }
            let sent = direction == Direction::Sent;
            // SAFETY: as above.
            unsafe { (traffic.function)(traffic.userdata.pointer, sent, bytes) };
        }
    }

    fn wants_wire(&self) -> bool {
        if let Some(messages) = &self.shortened {
            *messages.lock() = Shortened::default();
        }
        self.traffic.is_some()
    }
}

impl From<Level> for cyrsync_log_level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => CYRSYNC_LOG_LEVEL_ERROR,
            Level::Warning => CYRSYNC_LOG_LEVEL_WARNING,
            Level::Notice => CYRSYNC_LOG_LEVEL_NOTICE,
            Level::Info => CYRSYNC_LOG_LEVEL_INFO,
            Level::Debug => CYRSYNC_LOG_LEVEL_DEBUG,
        }
    }
}
