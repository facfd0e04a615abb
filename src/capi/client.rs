//! Makes and frees clients, and replicates users and mailboxes.

use std::ffi::c_char;
use std::sync::Arc;

use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::handle::{cyrsync_client, cyrsync_report, with_client, with_report};
use super::host::{Table, client_over, cyrsync_host};
use super::listeners::Listeners;
use super::names::{mailbox_names, user_id};
use super::panic::boundary;
use super::strings::cyrsync_str;
use crate::engine::{Cancel, Client};

/// Makes a client from a configuration, and does not connect yet. The configuration still belongs
/// to the caller.
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
        // SAFETY: cyrsync.h requires `config` to be NULL or a valid configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        // SAFETY: cyrsync.h requires `out` to be NULL or a place for a pointer.
        unsafe { hand_out(config, None, out) }
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a client that gets the data of the master from a host, and does not read the mail store
/// itself: see "The host store" at the head of this header. The table is copied. Several clients
/// may be made with one table; destroy is then called once for each of them. If this call fails,
/// destroy is called in this call. Exception: if the size of the table is wrong, destroy is never
/// called. See "Userdata" at the head of this header.
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
        // SAFETY: cyrsync.h requires `config` to be NULL or a valid configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        // SAFETY: cyrsync.h requires `out` to be NULL or a place for a pointer.
        unsafe { hand_out(config, Some(table), out) }
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a client, for the mail store or for a host, and writes its handle to `out`.
///
/// # Safety
/// `out` must be NULL or a place for a pointer.
unsafe fn hand_out(
    config: &cyrsync_config,
    host: Option<Arc<Table>>,
    out: *mut *mut cyrsync_client,
) -> Result<(), Failure> {
    if out.is_null() {
        return Err(null_pointer("out"));
    }
    // Each client has its own cancel handle, so cancelling one client does not cancel others.
    let (settings, cancel) = (config.settings()?, Cancel::default());
    let listeners = Arc::new(config.listeners(cancel.clone()));
    let client = match host {
        Some(table) => client_over(table, settings, cancel, listeners.clone())?,
        None => Client::builder(settings).cancel(cancel).observer(listeners.clone()).build()?,
    };
    let handle = Box::new(cyrsync_client::of(client, listeners));
    // SAFETY: `out` is not NULL. The caller guarantees the rest.
    unsafe { out.write(Box::into_raw(handle)) };
    Ok(())
}

/// Disconnects from the replica and frees the client. Callbacks may be called while it disconnects.
/// If the client is in use, returns CYRSYNC_RESULT_BUSY and does nothing. A callback that calls this
/// function for its own client gets CYRSYNC_RESULT_BUSY, too. If no call of the client runs, the
/// function cannot fail, and the result need not be checked.
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_free(client: *mut cyrsync_client) -> cyrsync_result {
    boundary(cyrsync_result::CYRSYNC_RESULT_PANIC, || {
        // SAFETY: cyrsync.h requires `client` to be NULL or a valid client.
        let Some(handle) = (unsafe { client.as_ref() }) else {
            return cyrsync_result::CYRSYNC_RESULT_OK;
        };
        // The drop below runs while the client is not locked, so no session may be left for it: its
        // callbacks would see a client of which a part is gone.
        if !handle.disconnect() {
            return cyrsync_result::CYRSYNC_RESULT_BUSY;
        }
        // SAFETY: cyrsync.h requires a client that is not freed yet. `handle` is not used after
        // this.
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
        // SAFETY: cyrsync.h requires `client` to be NULL or a valid client.
        unsafe { client.as_ref() }.map_or(c"".as_ptr(), |handle| handle.server.as_ptr())
    })
}

/// Cancels the client: the running call ends at the next safe point with CYRSYNC_RESULT_CANCELLED.
/// So does every later call that connects, replicates, plans or verifies, until
/// cyrsync_client_reset_cancel() is called. Exception: cyrsync_client_roll() then returns
/// CYRSYNC_RESULT_OK, and its result has CYRSYNC_ROLL_REASON_STOPPED. May be called from any
/// thread, callback or signal handler while another call runs, but not while the client is freed.
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_cancel(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: cyrsync.h requires `client` to be NULL or a valid client.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Replicates mailboxes of any users. If a mailbox fails, the others are still replicated. The item
/// callback receives the outcome of each mailbox.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Replicates every shared mailbox whose internal name begins with prefix, and every user who has
/// such a mailbox. If prefix is empty, replicates the server's annotations too. If an item fails,
/// the others are still replicated; the item callback receives the failure, and the report counts
/// it. The call itself fails only if it could not try all items.
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
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, report, err, work) }
}
