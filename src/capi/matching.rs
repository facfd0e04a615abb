//! What the master has: users and mailboxes that patterns stand for.

use std::ffi::c_void;

use super::client::{cyrsync_client, with_client};
use super::error::{Failure, cyrsync_error, cyrsync_result};
use super::strings::cyrsync_str;
use crate::engine::{Catalog, Client, Matches};
use crate::types::Pattern;

/// Takes a userid, or the internal name of a mailbox. It is borrowed for the call.
pub type cyrsync_name_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, name: cyrsync_str)>;

/// Gives the users who have an INBOX and whose userids match a pattern to a callback, in the order
/// of mailboxes.db, as sync_client -u does. If a part of mailboxes.db cannot be read, the call
/// fails after it gave those that were found.
///
/// @param client    The client.
/// @param pattern   The pattern: * stands for any bytes, separators included, ? for one, [a-z] for
///                  one of these, [!a-z] for any other.
/// @param callback  Receives each userid. May be NULL.
/// @param userdata  Given to the callback.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_match_users(
    client: *mut cyrsync_client,
    pattern: cyrsync_str,
    callback: cyrsync_name_callback,
    userdata: *mut c_void,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call, and gave function and data
        // for this.
        unsafe { give(client, pattern, (callback, userdata), Catalog::users) }
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Gives the mailboxes whose external names match a pattern to a callback, by their internal
/// names, as sync_client -m does. Like cyrsync_client_match_users() in all else.
///
/// @param client    The client.
/// @param pattern   The pattern, as an administrator types it.
/// @param callback  Receives each internal name. May be NULL.
/// @param userdata  Given to the callback.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_match_mailboxes(
    client: *mut cyrsync_client,
    pattern: cyrsync_str,
    callback: cyrsync_name_callback,
    userdata: *mut c_void,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: as in cyrsync_client_match_users().
        unsafe { give(client, pattern, (callback, userdata), Catalog::mailboxes) }
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Gives C what a pattern stands for.
///
/// # Safety
/// As for [`cyrsync_str::bytes`]; the callback may be called with its userdata.
unsafe fn give<T: AsRef<[u8]>>(
    client: &Client,
    pattern: cyrsync_str,
    (callback, userdata): (cyrsync_name_callback, *mut c_void),
    matching: fn(&Catalog, &Pattern) -> Matches<T>,
) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let pattern = Pattern::new(unsafe { pattern.bytes("pattern") }?)?;
    let Matches { found, unread } = matching(&client.catalog(), &pattern);
    if let Some(callback) = callback {
        for name in &found {
            // SAFETY: the caller's promise; the name outlives the call.
            unsafe { callback(userdata, cyrsync_str::lend(name.as_ref())) };
        }
    }
    unread.map_or(Ok(()), |error| Err(error.into()))
}
