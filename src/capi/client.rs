//! Makes and frees clients, and replicates users and mailboxes.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Arc, Mutex, TryLockError};

use super::c_string::c_string;
use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, misuse, null_pointer, panicked};
use super::fallible::fallible;
use super::host::{Table, client_over, cyrsync_host};
use super::listeners::Listeners;
use super::panic::boundary;
use super::sized::{Place, grows};
use super::strings::{cyrsync_str, slice};
use crate::engine::{Cancel, Client, Progress};
use crate::events::{ItemTotals, Level, Observer};
use crate::types::{MboxName, UserId};

/// A client for one replica. Free it with cyrsync_client_free().
pub struct cyrsync_client {
    /// Locked during each call. A panic during a call poisons the mutex: every later call fails.
    client: Mutex<Client>,
    pub(super) cancel: Cancel,
    server: CString,
    pub(super) listeners: Arc<Listeners>,
}

impl cyrsync_client {
    fn of(client: Client, listeners: Arc<Listeners>) -> cyrsync_client {
        listeners.follow(Progress::from(&client));
        cyrsync_client {
            cancel: client.canceller(),
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

/// The number of items of a call by outcome. The item callback receives the same items.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_report {
    /// sizeof(cyrsync_report): CYRSYNC_REPORT_INIT sets it.
    pub size: usize,
    /// Items that are done: now equal on both sides, or planned.
    pub done: u64,
    /// Items that were skipped because another process had locked them.
    pub skipped_locked: u64,
    /// Items that failed.
    pub failed: u64,
}

grows! {
    cyrsync_report may end before skipped_locked, unknown members are Ignored;
}

impl From<&ItemTotals> for cyrsync_report {
    fn from(totals: &ItemTotals) -> Self {
        cyrsync_report {
            size: size_of::<cyrsync_report>(),
            done: totals.done,
            skipped_locked: totals.locked,
            failed: totals.failed,
        }
    }
}

/// Locks the client and runs `work` with it. Logs the error if `err` is NULL.
///
/// # Safety
/// `client` must be NULL or a client, `err` NULL or a place for a pointer.
pub(super) unsafe fn with_client(
    client: *const cyrsync_client,
    err: *mut *mut cyrsync_error,
    work: impl FnOnce(&mut Client) -> Result<(), Failure>,
) -> cyrsync_result {
    // SAFETY: the caller's promise; there is no report.
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
        // SAFETY: the caller's promise.
        let handle = unsafe { client.as_ref() }.ok_or_else(|| null_pointer("client"))?;
        // The lock is held while the error is logged: calls from the log callback get BUSY, too.
        let mut held = handle.client.try_lock();
        let result = match &mut held {
            // SAFETY: the caller's promise.
            Ok(client) => unsafe { reported(client, &handle.listeners, report, work) },
            Err(TryLockError::WouldBlock) => Err(in_use()),
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
    // Checked before the work, which may take long.
    // SAFETY: the caller's promise.
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

/// Makes a client from a configuration. The configuration still belongs to the caller. Does not
/// connect yet.
///
/// @param config  The configuration.
/// @param out     Set to the client on success. Free it with cyrsync_client_free().
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_new(
    config: *const cyrsync_config,
    out: *mut *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires NULL or a configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        let make = |cancel, observer| Client::new(config.settings()?, cancel, observer);
        // SAFETY: cyrsync.h requires NULL or a place for a pointer.
        unsafe { hand_out(config, out, make) }
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a client that gets the data of the master from a host, and does not read the mail store
/// itself: see "The host store" at the head of this header. The table is copied. Its destroy
/// function is called when the library no longer uses userdata: at once if this call fails, but
/// never if the size of the table is refused. Then the program releases userdata itself.
///
/// @param config  The configuration.
/// @param host    The host's table.
/// @param out     Set to the client on success. Free it with cyrsync_client_free().
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_new_with_host(
    config: *const cyrsync_config,
    host: *const cyrsync_host,
    out: *mut *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires NULL or a table whose size is set.
        let table = unsafe { Table::new(host) }?;
        // SAFETY: cyrsync.h requires NULL or a configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        let make = |cancel, observer| client_over(table, config.settings()?, cancel, observer);
        // SAFETY: cyrsync.h requires NULL or a place for a pointer.
        unsafe { hand_out(config, out, make) }
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a client and writes its handle to `out`.
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
    // Each client is asked to stop by itself.
    let cancel = Cancel::default();
    let listeners = Arc::new(config.listeners(cancel.clone()));
    let client = make(cancel, listeners.clone())?;
    let handle = cyrsync_client::of(client, listeners);
    // SAFETY: not NULL; the rest is the caller's promise.
    unsafe { out.write(Box::into_raw(Box::new(handle))) };
    Ok(())
}

/// Disconnects from the replica and frees the client. If the client is in use, returns
/// CYRSYNC_RESULT_BUSY and does nothing. A callback that calls this for its own client gets
/// CYRSYNC_RESULT_BUSY, too.
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_free(client: *mut cyrsync_client) -> cyrsync_result {
    boundary(cyrsync_result::CYRSYNC_RESULT_PANIC, || {
        // SAFETY: cyrsync.h requires NULL or a client.
        let Some(handle) = (unsafe { client.as_ref() }) else {
            return cyrsync_result::CYRSYNC_RESULT_OK;
        };
        if matches!(handle.client.try_lock(), Err(TryLockError::WouldBlock)) {
            return cyrsync_result::CYRSYNC_RESULT_BUSY;
        }
        // SAFETY: it came from cyrsync_client_new(), is not freed yet, and `handle` is not used
        // any more.
        drop(unsafe { Box::from_raw(client) });
        cyrsync_result::CYRSYNC_RESULT_OK
    })
}

/// Returns the name of the replica. The string belongs to the client and is valid until the client
/// is freed.
///
/// @param client  The client. NULL gives an empty name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_server(client: *const cyrsync_client) -> *const c_char {
    boundary(c"".as_ptr(), || {
        // SAFETY: cyrsync.h requires NULL or a client.
        unsafe { client.as_ref() }.map_or(c"".as_ptr(), |handle| handle.server.as_ptr())
    })
}

/// Cancels the client: the running call ends at the next safe point with CYRSYNC_RESULT_CANCELLED.
/// So does every later call, until cyrsync_client_reset_cancel() is called. May be called from any
/// thread, callback or signal handler while another call runs, but not while the client is freed.
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_cancel(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: cyrsync.h requires NULL or a client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.cancel();
        }
    });
}

/// Undoes cyrsync_client_cancel() and cyrsync_client_finish(), so that later calls work again.
/// Fails with CYRSYNC_RESULT_BUSY while another call of the client runs.
///
/// @param client  The client.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_reset_cancel(
    client: *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        client.canceller().reset();
        Ok(())
    };
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, work) }
}

/// Connects and logs in, unless the client is already connected. Other calls connect by themselves
/// when they need to. Call this to find out early whether the connection works.
///
/// @param client  The client.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_connect(
    client: *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, |client| Ok(client.connect()?)) }
}

/// Disconnects from the replica. The next call that needs a connection makes a new one.
///
/// @param client  The client.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_disconnect(
    client: *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        client.disconnect();
        Ok(())
    };
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, work) }
}

/// Replicates a user: mailboxes, quotas, subscriptions, Sieve scripts and seen state.
///
/// @param client  The client.
/// @param user    The userid.
/// @param err     Set to the error on failure. May be NULL. Its parts are the errors of single
///                mailboxes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_user(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let user = unsafe { user_id(user) }?;
        Ok(client.sync_user(&user)?)
    };
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, work) }
}

/// Replicates the seen state, subscriptions and Sieve scripts of a user.
///
/// @param client  The client.
/// @param user    The userid.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_meta(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let user = unsafe { user_id(user) }?;
        Ok(client.sync_meta(&user)?)
    };
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, work) }
}

/// Reads an array of mailbox names that C passes.
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

/// Replicates mailboxes of any users. If a mailbox fails, the others are still replicated. The item
/// callback receives the outcome of each.
///
/// @param client  The client.
/// @param names   The internal names of the mailboxes ("user.fred.Sent").
/// @param count   The number of names.
/// @param err     Set to the error on failure. May be NULL. Its parts are the errors of single
///                mailboxes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_mailboxes(
    client: *mut cyrsync_client,
    names: *const cyrsync_str,
    count: usize,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires an array of bytes that stay valid during the call.
        let names = unsafe { mailbox_names(names, count) }?;
        Ok(client.sync_mailboxes(&names)?)
    };
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, work) }
}

/// Replicates every user and every shared mailbox whose internal name begins with prefix. If prefix
/// is empty, replicates the server's annotations too. If an item fails, the others are still
/// replicated; the item callback receives the failure, and the report counts it. The call itself
/// fails only if it could not try all items.
///
/// @param client  The client.
/// @param prefix  The beginning of the internal names. Empty for all.
/// @param report  On success filled with the number of items by outcome. May be NULL.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_all(
    client: *mut cyrsync_client,
    prefix: cyrsync_str,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, _: &Listeners| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        client.sync_all(unsafe { prefix.bytes("prefix") }?, &mut |_, _| {})?;
        Ok(())
    };
    // SAFETY: cyrsync.h requires what `with_report` requires.
    unsafe { with_report(client, report, err, work) }
}

/// Reads a userid that C passes.
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
        let (settings, listeners) = (settings::tests::of(text), Arc::new(Listeners::default()));
        let client = Client::new(settings, Cancel::default(), listeners.clone()).unwrap();
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
