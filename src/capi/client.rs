//! A replication client.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, TryLockError};

use super::c_string::c_string;
use super::callbacks::{Listeners, cyrsync_unit, cyrsync_unit_callback};
use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, misuse, null_pointer, panicked};
use super::fallible::fallible;
use super::host::{Table, client_over, cyrsync_host};
use super::panic::boundary;
use super::sized::{Place, grows};
use super::strings::{cyrsync_str, slice};
use crate::engine::{Cancel, Client, Goal, Progress};
use crate::events::{Level, Observer, Report};
use crate::types::{MboxName, UserId};

/// A client for one replica. Free it with cyrsync_client_free().
pub struct cyrsync_client {
    /// Taken for the length of a call. A panic in it poisons it, and so the client.
    client: Mutex<Client>,
    pub(super) cancel: Cancel,
    pub(super) progress: Progress,
    server: CString,
    listeners: Listeners,
}

impl cyrsync_client {
    fn of(client: Client, listeners: Listeners) -> cyrsync_client {
        cyrsync_client {
            cancel: client.canceller(),
            progress: Progress::from(&client),
            server: c_string(client.server()),
            client: Mutex::new(client),
            listeners,
        }
    }
}

const _: () = {
    // C may use a client from any thread.
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<cyrsync_client>();
    any_thread::<cyrsync_config>();
};

/// How many parts of the work ended how.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_report {
    /// sizeof(cyrsync_report): CYRSYNC_REPORT_INIT sets it.
    pub size: usize,
    /// Equal on both sides now.
    pub done: u64,
    /// Passed over: somebody else had them locked.
    pub skipped_locked: u64,
    /// Failed.
    pub failed: u64,
}

grows! {
    cyrsync_report may end before skipped_locked, unknown members are Ignored;
}

/// Lets `work` have the client. The error is logged if the caller has no place for it.
///
/// # Safety
/// `client` must be NULL or a client, `err` NULL or a place for a pointer.
pub(super) unsafe fn with_client(
    client: *const cyrsync_client,
    err: *mut *mut cyrsync_error,
    work: impl FnOnce(&mut Client) -> Result<(), Failure>,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the caller's promise.
        let handle = unsafe { client.as_ref() }.ok_or_else(|| null_pointer("client"))?;
        // Held while the error is logged: that callback finds the client in use, too.
        let mut held = handle.client.try_lock();
        let result = match &mut held {
            Ok(client) => work(client),
            Err(TryLockError::WouldBlock) => {
                let what = "another call uses this client now";
                Err(misuse(cyrsync_result::CYRSYNC_RESULT_BUSY, "client", what))
            }
            Err(TryLockError::Poisoned(_)) => {
                Err(panicked("an earlier call panicked: this client can only be freed"))
            }
        };
        if let (Err(failure), true) = (&result, err.is_null()) {
            handle.listeners.log(Level::Error, &failure.message.to_string_lossy());
        }
        drop(held);
        result
    };
    // SAFETY: the caller's promise.
    unsafe { fallible(err, body) }
}

/// Makes a client from a configuration, which stays the caller's. Nothing is sent yet. *out is
/// set on success.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_new(
    config: *const cyrsync_config,
    out: *mut *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for NULL or a configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        let make = |cancel, observer| Client::new(config.settings()?, cancel, observer);
        // SAFETY: the header asks for NULL or a place for a pointer.
        unsafe { hand_out(config, out, make) }
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a client that asks host for the data of the master instead of reading the mail store:
/// see "The host store" at the head of this header. The table is copied; its userdata is given
/// back by its destroy function once nobody uses it any more: at once if this call fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_new_with_host(
    config: *const cyrsync_config,
    host: *const cyrsync_host,
    out: *mut *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for NULL or a table whose size is set.
        let table = unsafe { Table::new(host) }?;
        // SAFETY: the header asks for NULL or a configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        let make = |cancel, observer| client_over(table, config.settings()?, cancel, observer);
        // SAFETY: the header asks for NULL or a place for a pointer.
        unsafe { hand_out(config, out, make) }
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a client's handle.
///
/// # Safety
/// `out` must be NULL or a place for a pointer.
unsafe fn hand_out(
    config: &cyrsync_config,
    out: *mut *mut cyrsync_client,
    make: impl FnOnce(Cancel, Arc<dyn Observer>) -> crate::Result<Client>,
) -> Result<(), Failure> {
    if out.is_null() {
        return Err(null_pointer("out"));
    }
    let listeners = config.listeners.of_client(config.whole_messages);
    // Each client is asked to stop by itself.
    let client = make(Cancel::default(), Arc::new(listeners.clone()))?;
    let handle = cyrsync_client::of(client, listeners);
    // SAFETY: not NULL; the rest is the caller's promise.
    unsafe { out.write(Box::into_raw(Box::new(handle))) };
    Ok(())
}

/// Says goodbye to the replica and frees the client. NULL is fine. A client that is in use, as by
/// the call whose callback calls this, is cancelled but never freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_free(client: *mut cyrsync_client) {
    boundary((), || {
        // SAFETY: the header asks for NULL or a client.
        let Some(handle) = (unsafe { client.as_ref() }) else { return };
        let in_use = matches!(handle.client.try_lock(), Err(TryLockError::WouldBlock));
        if in_use {
            handle.cancel.cancel();
            return;
        }
        // SAFETY: it came from cyrsync_client_new(), is not freed yet, and `handle` is not used
        // any more.
        drop(unsafe { Box::from_raw(client) });
    });
}

/// The name of the replica. Borrowed until the client is freed; empty for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_server(client: *const cyrsync_client) -> *const c_char {
    boundary(c"".as_ptr(), || {
        // SAFETY: the header asks for NULL or a client.
        unsafe { client.as_ref() }.map_or(c"".as_ptr(), |handle| handle.server.as_ptr())
    })
}

/// Asks the client to stop: the call that runs ends at the next safe point with
/// CYRSYNC_RESULT_CANCELLED, and so does every later one. May be called from any thread at any
/// time, from callbacks and signal handlers too. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_cancel(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: the header asks for NULL or a client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.cancel();
        }
    });
}

/// Connects and logs in, unless that is done. The calls below do it by themselves; this one tells
/// early whether it works.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_connect(
    client: *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, |client| Ok(client.connect()?)) }
}

/// Says goodbye to the replica. The next call that needs a connection makes a new one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_disconnect(
    client: *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        client.disconnect();
        Ok(())
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Replicates a user with mailboxes, quotas, subscriptions, Sieve scripts and seen state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_sync_user(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let user = unsafe { user_id(user) }?;
        Ok(client.sync_user(&user)?)
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Replicates the seen state, subscriptions and Sieve scripts of a user.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_sync_meta(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let user = unsafe { user_id(user) }?;
        Ok(client.sync_meta(&user)?)
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// The names of mailboxes that C passes.
///
/// # Safety
/// `names` must lead to `count` strings whose bytes live through the call.
pub(super) unsafe fn mailbox_names(
    names: *const cyrsync_str,
    count: usize,
) -> Result<Vec<MboxName>, Failure> {
    // SAFETY: the caller's promise.
    let names = unsafe { slice(names, count, "names") }?;
    // SAFETY: the caller's promise.
    names.iter().map(|name| unsafe { name.bytes("names") }.map(MboxName::new)).collect()
}

/// Replicates mailboxes of whichever users, by their internal names ("user.fred.Sent").
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_sync_mailboxes(
    client: *mut cyrsync_client,
    names: *const cyrsync_str,
    count: usize,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for an array of bytes that live through the call.
        let names = unsafe { mailbox_names(names, count) }?;
        Ok(client.sync_mailboxes(&names)?)
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Replicates every user and every shared mailbox whose internal name begins with prefix, all if
/// it is empty, and then the server's annotations too. Callback, unless NULL, hears how each part
/// ended. A failure stops none of the others and is counted in *report: the call itself fails only
/// if not everything was tried. Report may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_sync_all(
    client: *mut cyrsync_client,
    prefix: cyrsync_str,
    callback: cyrsync_unit_callback,
    userdata: *mut c_void,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let prefix = unsafe { prefix.bytes("prefix") }?;
        // SAFETY: the header asks for NULL or a report whose size is set.
        let report = unsafe { report_place(report) }?;
        let ended = client.sync_all(prefix, &mut |goal, result| {
            // SAFETY: the host gave function and data for this.
            unsafe { unit_ended(callback, userdata, goal, result) };
        })?;
        // SAFETY: as above.
        unsafe { report_to(report, &ended) };
        Ok(())
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Tells C how a unit ended.
///
/// # Safety
/// The callback may be called with this userdata.
pub(super) unsafe fn unit_ended(
    callback: cyrsync_unit_callback,
    userdata: *mut c_void,
    goal: &Goal,
    result: &crate::Result<()>,
) {
    let Some(callback) = callback else { return };
    let (kind, names) = unit_for_c(goal);
    let failure = result.as_ref().err().map(Failure::from);
    let error = failure.as_deref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the caller's promise; names and error outlive the call.
    unsafe { callback(userdata, kind, names.as_ptr(), names.len(), error) };
}

/// The place for a report, if the caller wants one.
///
/// # Safety
/// As for [`Place::new`].
pub(super) unsafe fn report_place(
    report: *mut cyrsync_report,
) -> Result<Option<Place<cyrsync_report>>, Failure> {
    if report.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { Place::new(report, "report") }.map(Some)
}

/// Gives C a report.
///
/// # Safety
/// As for [`Place::fill`].
pub(super) unsafe fn report_to(place: Option<Place<cyrsync_report>>, ended: &Report) {
    let Some(place) = place else { return };
    let ended = cyrsync_report {
        size: size_of::<cyrsync_report>(),
        done: ended.totals.done,
        skipped_locked: ended.totals.locked,
        failed: ended.totals.failed,
    };
    // SAFETY: the caller's promise.
    unsafe { place.fill(&ended) };
}

fn unit_for_c(goal: &Goal) -> (cyrsync_unit, Vec<cyrsync_str>) {
    match goal {
        Goal::User(user) => {
            (cyrsync_unit::CYRSYNC_UNIT_USER, vec![cyrsync_str::lend(user.as_bytes())])
        }
        Goal::Mailboxes(names) => (
            cyrsync_unit::CYRSYNC_UNIT_SHARED,
            names.iter().map(|name| cyrsync_str::lend(name.as_bytes())).collect(),
        ),
        // No other goal is among all that a master has.
        _ => (cyrsync_unit::CYRSYNC_UNIT_ANNOTATIONS, Vec::new()),
    }
}

/// A user's name from C.
///
/// # Safety
/// As for [`cyrsync_str::bytes`].
pub(super) unsafe fn user_id(user: cyrsync_str) -> Result<UserId, Failure> {
    // SAFETY: the caller's promise.
    match unsafe { user.bytes("user") }? {
        [] => Err(misuse(cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT, "user", "is empty")),
        user => Ok(UserId::new(user)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    fn handle() -> cyrsync_client {
        let text = "configdirectory: /nonexistent\nsync_host: 127.0.0.1\n\
            defaultpartition: default\npartition-default: /nonexistent/spool\n";
        let (settings, listeners) = (settings::tests::of(text), Listeners::default());
        let observer = Arc::new(listeners.clone());
        let client = Client::new(settings, Cancel::default(), observer).unwrap();
        cyrsync_client::of(client, listeners)
    }

    #[test]
    fn a_panic_leaves_a_client_that_can_only_be_freed() {
        let client = handle();
        // SAFETY: a client, and NULL, which is allowed.
        unsafe {
            let result = with_client(&client, ptr::null_mut(), |_| panic!("oh"));
            assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_PANIC);
            let result = with_client(&client, ptr::null_mut(), |_| Ok(()));
            assert_eq!(result, cyrsync_result::CYRSYNC_RESULT_PANIC);
        }
    }

    #[test]
    fn a_bug_that_is_no_panic_leaves_a_client_that_works() {
        let client = handle();
        // SAFETY: a client, and NULL, which is allowed.
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
        // SAFETY: a client, and NULL, which is allowed.
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
