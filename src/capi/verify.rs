//! Verifies replication: compares both sides in full, and changes nothing.

use super::client::{cyrsync_client, mailbox_names, user_id, with_client};
use super::error::{Failure, cyrsync_error, cyrsync_result};
use super::sized::{Place, grows};
use super::strings::cyrsync_str;
use crate::engine::{Client, Verify};
use crate::events::VerifyTotals;

/// The totals of a verification.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_verified {
    /// sizeof(cyrsync_verified): CYRSYNC_VERIFIED_INIT sets it.
    pub size: usize,
    /// Fields that differ. Both sides are equal if this, pending and unknown are 0.
    pub differences: u64,
    /// Fields that differ because their last change is not replicated yet.
    pub pending: u64,
    /// Users, mailboxes and other things that could not be compared.
    pub unknown: u64,
    /// Users whose other data (not the mailboxes) was compared.
    pub users: u64,
    /// Mailboxes that were compared.
    pub mailboxes: u64,
    /// Records that were compared.
    pub records: u64,
    /// Message files that were read on both sides.
    pub messages: u64,
}

grows! {
    cyrsync_verified may end before messages, unknown members are Ignored;
}

/// Compares all data of a user on both sides in full, and changes nothing. The finding callback
/// receives the differences. Differences are not an error.
///
/// @param client    The client.
/// @param user      The userid.
/// @param what      What to compare beside the records: empty for nothing more, "messages" to read
///                  all message files on both sides too, or "messages:10%" to read a part of them.
/// @param verified  Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_user(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    what: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let (user, how) = unsafe { (user_id(user)?, how(what)?) };
        Ok(client.verifier(how).users(&mut [user].into_iter(), false)?)
    };
    // SAFETY: cyrsync.h requires what `with_client` and `telling` require.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Compares the subscriptions, seen state and Sieve scripts of a user, like
/// cyrsync_client_verify_user(). It reads no message files, so there is no parameter what.
///
/// @param client    The client.
/// @param user      The userid.
/// @param verified  Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_meta(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let user = unsafe { user_id(user) }?;
        Ok(client.verifier(Verify::RECORDS).users(&mut [user].into_iter(), true)?)
    };
    // SAFETY: cyrsync.h requires what `with_client` and `telling` require.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Compares mailboxes, like cyrsync_client_verify_user().
///
/// @param client    The client.
/// @param names     The internal names of the mailboxes.
/// @param count     The number of names.
/// @param what      As for cyrsync_client_verify_user().
/// @param verified  Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_mailboxes(
    client: *mut cyrsync_client,
    names: *const cyrsync_str,
    count: usize,
    what: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let how = unsafe { how(what) }?;
        // SAFETY: cyrsync.h requires an array of names that stay valid during the call.
        let names = unsafe { mailbox_names(names, count) }?;
        Ok(client.verifier(how).mailboxes(&names)?)
    };
    // SAFETY: cyrsync.h requires what `with_client` and `telling` require.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Compares every user and every shared mailbox whose internal name begins with prefix, like
/// cyrsync_client_verify_user(). If prefix is empty, compares the server's annotations too.
///
/// @param client    The client.
/// @param prefix    The beginning of the internal names. Empty for all.
/// @param what      As for cyrsync_client_verify_user().
/// @param verified  Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_all(
    client: *mut cyrsync_client,
    prefix: cyrsync_str,
    what: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let (how, prefix) = unsafe { (how(what)?, prefix.bytes("prefix")?) };
        Ok(client.verifier(how).all(prefix)?)
    };
    // SAFETY: cyrsync.h requires what `with_client` and `telling` require.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Makes a function that runs `work` and fills `verified` with the totals.
///
/// # Safety
/// `verified` must be NULL or lead to a structure whose size is set, for as long as the returned
/// function lives.
unsafe fn telling(
    verified: *mut cyrsync_verified,
    work: impl FnOnce(&mut Client) -> Result<VerifyTotals, Failure>,
) -> impl FnOnce(&mut Client) -> Result<(), Failure> {
    move |client| {
        // SAFETY: the caller's promise. Checked before the work, which may take long.
        let place = unsafe { Place::optional(verified, "verified") }?;
        let totals = work(client)?;
        // SAFETY: as above.
        unsafe { tell(place, &totals) };
        Ok(())
    }
}

/// Reads the `what` argument of a verification.
///
/// # Safety
/// As for [`cyrsync_str::bytes`].
unsafe fn how(what: cyrsync_str) -> Result<Verify, Failure> {
    // SAFETY: the caller's promise.
    Ok(Verify::from_words(unsafe { what.text("what") }?)?)
}

/// Fills a structure of C with the totals of a verification.
///
/// # Safety
/// As for [`Place::fill`].
unsafe fn tell(place: Option<Place<cyrsync_verified>>, totals: &VerifyTotals) {
    let Some(place) = place else { return };
    let VerifyTotals { users, mailboxes, records, messages, differences, pending, unknown } =
        *totals;
    let found = cyrsync_verified {
        size: size_of::<cyrsync_verified>(),
        differences,
        pending,
        unknown,
        users,
        mailboxes,
        records,
        messages,
    };
    // SAFETY: the caller's promise.
    unsafe { place.fill(&found) };
}
