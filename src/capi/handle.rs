//! The handle of a client: allows one call at a time, and returns errors and reports.

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::c_string::c_string;
use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, misuse, null_pointer, panicked};
use super::fallible::{fallible, guarded};
use super::listeners::Listeners;
use super::panic::caught;
use super::sized::{Place, grows};
use crate::engine::{Cancel, Client, Progress};
use crate::events::{ItemTotals, Level};

/// A client for one replica. Free it with cyrsync_client_free().
pub struct cyrsync_client {
    /// Locked during each call.
    state: Mutex<State>,
    pub(super) cancel: Cancel,
    pub(super) server: CString,
    pub(super) listeners: Arc<Listeners>,
}

const _: () = {
    // A C program may use a client and a configuration from any thread.
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<cyrsync_client>();
    any_thread::<cyrsync_config>();
};

struct State {
    client: Client,
    /// Whether a call panicked. Then every later call fails.
    has_panicked: bool,
}

impl State {
    fn run(
        &mut self,
        work: impl FnOnce(&mut Client) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.has_panicked {
            return Err(panicked("an earlier call panicked: this client can only be freed"));
        }
        // A panic leaves this set.
        self.has_panicked = true;
        guarded(|| {
            let result = work(&mut self.client);
            self.has_panicked = false;
            result
        })
    }
}

impl cyrsync_client {
    pub(super) fn of(client: Client, listeners: Arc<Listeners>) -> cyrsync_client {
        listeners.follow(Progress::from(&client));
        cyrsync_client {
            cancel: client.canceller(),
            server: c_string(client.server()),
            state: Mutex::new(State { client, has_panicked: false }),
            listeners,
        }
    }

    /// Runs `work` with the client locked.
    fn run(
        &self,
        work: impl FnOnce(&mut Client) -> Result<(), Failure>,
        err_is_null: bool,
    ) -> Result<(), Failure> {
        let mut held = self.state.try_lock();
        let result = held.as_mut().map_or_else(|| Err(in_use()), |state| state.run(work));
        // The lock is held while the error is logged, so calls from the log callback get BUSY, too.
        self.logged(result, err_is_null)
    }

    /// Passes an error to the log callback if the caller takes no error.
    pub(super) fn logged(
        &self,
        result: Result<(), Failure>,
        err_is_null: bool,
    ) -> Result<(), Failure> {
        if let (Err(failure), true) = (&result, err_is_null) {
            self.listeners.log(Level::Error, &failure.message.to_string_lossy());
        }
        result
    }

    /// Disconnects all sessions, with the client locked. Returns `false` if a call uses the client.
    pub(super) fn disconnect(&self) -> bool {
        let Some(mut held) = self.state.try_lock() else { return false };
        let client = &mut held.client;
        // A session that panics is gone, and the others must end, too.
        while client.is_connected() && caught(|| client.disconnect()).is_err() {}
        true
    }
}

/// The number of items of one call by outcome. The item callback receives the same items.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_report {
    /// The size of this structure, sizeof(cyrsync_report). CYRSYNC_REPORT_INIT sets it.
    pub size: usize,
    /// Items that were replicated or planned.
    pub done: u64,
    /// Items that were not replicated because another process had locked them
    /// (CYRSYNC_OUTCOME_LOCKED).
    pub locked: u64,
    /// Items that failed.
    pub failed: u64,
}

grows! {
    cyrsync_report may end before locked, unknown members are Ignored;
}

impl From<&ItemTotals> for cyrsync_report {
    fn from(totals: &ItemTotals) -> Self {
        cyrsync_report {
            size: size_of::<cyrsync_report>(),
            done: totals.done,
            locked: totals.locked,
            failed: totals.failed,
        }
    }
}

/// Runs `work` with the client locked. If `err` is NULL, passes an error to the log callback.
///
/// # Safety
/// `client` must be NULL or a client, `err` NULL or a place for a pointer.
pub(super) unsafe fn with_client(
    client: *const cyrsync_client,
    err: *mut *mut cyrsync_error,
    work: impl FnOnce(&mut Client) -> Result<(), Failure>,
) -> cyrsync_result {
    // SAFETY: guaranteed by the caller (see `# Safety`). The report may be NULL.
    unsafe { with_report(client, ptr::null_mut(), err, |client, _| work(client)) }
}

/// Does the same as [`with_client`], and fills `report` with the number of items by outcome.
///
/// # Safety
/// As for [`with_client`]; `report` must be NULL or a report whose size is set.
pub(super) unsafe fn with_report(
    client: *const cyrsync_client,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
    work: impl FnOnce(&mut Client, &Listeners) -> Result<(), Failure>,
) -> cyrsync_result {
    let body = || {
        // SAFETY: guaranteed by the caller (see `# Safety`).
        let handle = unsafe { client.as_ref() }.ok_or_else(|| null_pointer("client"))?;
        // SAFETY: guaranteed by the caller (see `# Safety`).
        let work =
            |client: &mut Client| unsafe { reported(client, &handle.listeners, report, work) };
        handle.run(work, err.is_null())
    };
    // SAFETY: guaranteed by the caller (see `# Safety`).
    unsafe { fallible(err, body) }
}

/// Runs `work` and fills the report.
///
/// # Safety
/// `report` must be NULL or a report whose size is set.
unsafe fn reported(
    client: &mut Client,
    listeners: &Listeners,
    report: *mut cyrsync_report,
    work: impl FnOnce(&mut Client, &Listeners) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // SAFETY: guaranteed by the caller. Checked before the work, which may take long.
    let place = unsafe { Place::optional(report, "report") }?;
    listeners.begin();
    let result = work(client, listeners);
    let totals = listeners.end();
    result?;
    if let Some(place) = place {
        // SAFETY: as above.
        unsafe { place.fill(&(&totals).into()) };
    }
    Ok(())
}

fn in_use() -> Failure {
    let what = "another call uses this client now";
    misuse(cyrsync_result::CYRSYNC_RESULT_BUSY, "client", what)
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;

    use super::super::callbacks::{Callbacks, cyrsync_callbacks};
    use super::super::notices::cyrsync_log_level;
    use super::super::progress::cyrsync_client_progress;
    use super::super::reached::cyrsync_progress;
    use super::super::strings::cyrsync_str;
    use super::*;
    use crate::settings;

    fn handle() -> cyrsync_client {
        listened(Listeners::default())
    }

    fn listened(listeners: Listeners) -> cyrsync_client {
        let text = "configdirectory: /nonexistent\nsync_host: 127.0.0.1\n\
            defaultpartition: default\npartition-default: /nonexistent/spool\n";
        let (settings, listeners) = (settings::tests::of(text), Arc::new(listeners));
        let client = Client::builder(settings).observer(listeners.clone()).build().unwrap();
        cyrsync_client::of(client, listeners)
    }

    /// What the log callback received, and the client that it calls.
    #[derive(Default)]
    struct Heard {
        lines: Mutex<Vec<String>>,
        client: Mutex<Option<Arc<cyrsync_client>>>,
        calls: Mutex<Vec<cyrsync_result>>,
    }

    impl Heard {
        /// Makes a client whose log callback adds to this value.
        fn client(&self) -> Arc<cyrsync_client> {
            // SAFETY: all bytes of the table may be 0.
            let mut functions: cyrsync_callbacks = unsafe { std::mem::zeroed() };
            functions.userdata = ptr::from_ref(self).cast_mut().cast();
            functions.log = Some(on_log);
            let callbacks = Some(Arc::new(Callbacks::new(functions)));
            let client = Arc::new(listened(Listeners::new(callbacks, false, Cancel::default())));
            *self.client.lock() = Some(client.clone());
            client
        }
    }

    unsafe extern "C" fn on_log(userdata: *mut c_void, _: cyrsync_log_level, line: cyrsync_str) {
        // SAFETY: the test passed a `Heard` as userdata, and the line is valid during the call.
        let (heard, line) = unsafe { (&*userdata.cast::<Heard>(), line.text("line").unwrap()) };
        heard.lines.lock().push(line.to_owned());
        let client = heard.client.lock().clone().unwrap();
        let mut error = ptr::null_mut();
        // SAFETY: the arguments are a client and a place for an error.
        let result = unsafe { with_client(&*client, &raw mut error, |_| Ok(())) };
        if !error.is_null() {
            // SAFETY: the call has set the error.
            drop(unsafe { Box::from_raw(error) });
        }
        heard.calls.lock().push(result);
    }

    #[test]
    fn a_panic_is_logged_and_leaves_a_client_that_can_only_be_freed() {
        let heard = Heard::default();
        let client = heard.client();
        // SAFETY: the arguments are a client and NULL, which is allowed.
        unsafe {
            let result = with_client(&*client, ptr::null_mut(), |_| panic!("oh"));
            assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_PANIC);
            let result = with_client(&*client, ptr::null_mut(), |_| Ok(()));
            assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_PANIC);
        }
        let lines = heard.lines.lock();
        assert!(lines[0].contains("the library panicked: oh"), "{lines:?}");
        assert!(lines[1].contains("can only be freed"), "{lines:?}");
        assert_eq!(lines.len(), 2);
        assert_eq!(*heard.calls.lock(), [cyrsync_result::CYRSYNC_RESULT_BUSY; 2]);
        assert!(client.disconnect());
        *heard.client.lock() = None;
    }

    #[test]
    fn an_error_of_progress_is_logged() {
        let heard = Heard::default();
        let client = heard.client();
        let mut out = cyrsync_progress { size: 1, ..cyrsync_progress::default() };
        let mut error = ptr::null_mut();
        // SAFETY: the arguments are a client, a structure and NULL or a place for an error.
        unsafe {
            let wrong = cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT;
            assert_eq!(cyrsync_client_progress(&*client, &raw mut out, &raw mut error), wrong);
            drop(Box::from_raw(error));
            assert!(heard.lines.lock().is_empty(), "the caller received the error");
            assert_eq!(cyrsync_client_progress(&*client, &raw mut out, ptr::null_mut()), wrong);
        }
        let lines = heard.lines.lock();
        assert!(lines.len() == 1 && lines[0].contains("sizeof(cyrsync_progress)"), "{lines:?}");
        *heard.client.lock() = None;
    }

    #[test]
    fn a_bug_that_is_no_panic_leaves_a_client_that_works() {
        let client = handle();
        // SAFETY: the arguments are a client and NULL, which is allowed.
        unsafe {
            let bug = || crate::Error::new(crate::Kind::Internal, "use", "x", "there is none");
            let result = with_client(&client, ptr::null_mut(), |_| Err(bug().into()));
            assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_INTERNAL);
            let result = with_client(&client, ptr::null_mut(), |_| Ok(()));
            assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_OK);
        }
    }

    #[test]
    fn a_call_within_a_call_is_refused() {
        let client = handle();
        // SAFETY: the arguments are a client and NULL, which is allowed.
        let result = unsafe {
            with_client(&client, ptr::null_mut(), |_| {
                let inner = with_client(&client, ptr::null_mut(), |_| Ok(()));
                assert_eq!(inner, cyrsync_result::CYRSYNC_RESULT_BUSY);
                Ok(())
            })
        };
        assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_OK);
    }
}
