//! Lists the master's users and mailboxes that match a pattern.

use std::ffi::c_void;

use super::error::{Failure, cyrsync_error, cyrsync_result};
use super::handle::{cyrsync_client, with_client};
use super::strings::cyrsync_str;
use crate::engine::{Catalog, Client, Matches};
use crate::types::Pattern;

/// Receives a userid or the internal name of a mailbox. The name is borrowed: it is valid only
/// during the call.
pub type cyrsync_name_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, name: cyrsync_str)>;

/// Calls a callback for each user who has an INBOX and whose userid matches a pattern, in the order
/// of mailboxes.db, like sync_client -u. If a part of mailboxes.db cannot be read, calls the
/// callback for the users that were found, and then fails.
///
/// @param client    The client.
/// @param pattern   The pattern: * matches any bytes, separators included; ? matches one byte;
///                  [a-z] matches one of these bytes, and [!a-z] any other byte.
/// @param callback  The callback, which receives each userid. If NULL, the call only checks the
///                  pattern and whether mailboxes.db can be read.
/// @param userdata  Passed to the callback.
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
        // SAFETY: cyrsync.h requires bytes that stay valid during the call. The program passed
        // function and userdata for this purpose.
        unsafe { give(client, pattern, (callback, userdata), Catalog::users) }
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Calls a callback with the internal name of each mailbox whose external name matches a pattern,
/// like sync_client -m. In other respects like cyrsync_client_match_users().
///
/// @param client    The client.
/// @param pattern   The pattern for the external name, as an administrator types it.
/// @param callback  The callback, which receives each internal name. May be NULL, as for
///                  cyrsync_client_match_users().
/// @param userdata  Passed to the callback.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Calls the callback with the name of each user or mailbox that matches.
///
/// # Safety
/// As for [`cyrsync_str::bytes`]; the callback may be called with its userdata.
unsafe fn give<T: AsRef<[u8]>>(
    client: &Client,
    pattern: cyrsync_str,
    (callback, userdata): (cyrsync_name_callback, *mut c_void),
    matching: fn(&Catalog, &Pattern) -> Matches<T>,
) -> Result<(), Failure> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    let pattern = Pattern::new(unsafe { pattern.bytes("pattern") }?)?;
    let Matches { found, unread } = matching(&client.catalog(), &pattern);
    if let Some(callback) = callback {
        for name in &found {
            // SAFETY: guaranteed by the caller. The name outlives the call.
            unsafe { callback(userdata, cyrsync_str::lend(name.as_ref())) };
        }
    }
    unread.map_or(Ok(()), |error| Err(error.into()))
}
