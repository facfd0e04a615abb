//! Verification: compares both sides in full, and changes nothing.

use std::ffi::c_void;

use super::callbacks::cyrsync_destroy_callback;
use super::client::{cyrsync_client, mailbox_names, user_id, with_client};
use super::config::{cyrsync_config, set_listener};
use super::error::{Failure, cyrsync_error, cyrsync_result};
use super::finding::cyrsync_finding_callback;
use super::sized::{Place, grows};
use super::strings::cyrsync_str;
use crate::engine::{Client, Verify};
use crate::events::VerifyTotals;

/// How much a verification compared, and what it found.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_verified {
    /// sizeof(cyrsync_verified): CYRSYNC_VERIFIED_INIT sets it.
    pub size: usize,
    /// Fields that differ. Both sides are equal if this, pending and unknown are 0.
    pub differences: u64,
    /// Fields that differ because replication has not come to them yet.
    pub pending: u64,
    /// Users, mailboxes and other things that could not be compared.
    pub unknown: u64,
    /// Users whose data beside mailboxes was compared.
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

/// Sets who receives what verifications find, for clients created later; nobody if callback is
/// NULL. As cyrsync_config_set_log() in all else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_finding(
    config: *mut cyrsync_config,
    callback: cyrsync_finding_callback,
    userdata: *mut c_void,
    destroy: cyrsync_destroy_callback,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: the header asks for what `set_listener` asks for.
    unsafe { set_listener(config, callback, (userdata, destroy), err, |all| &mut all.finding) }
}

/// Compares a user with all that belongs to it on both sides in full, and changes nothing: the
/// replica is only asked. What differs is given to the callback of cyrsync_config_set_finding().
/// What is empty, or "messages" to read all message files on both sides too, or "messages:10%" to
/// read some of them. Differences are no error; *verified, unless NULL, says what was found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_verify_user(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    what: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let (user, how) = unsafe { (user_id(user)?, how(what)?) };
        Ok(client.verifier(how).users(&mut [user].into_iter(), false)?)
    };
    // SAFETY: the header asks for what `with_client` and `telling` ask for.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Compares subscriptions, seen state and Sieve scripts of a user, as
/// cyrsync_client_verify_user().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_verify_meta(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let user = unsafe { user_id(user) }?;
        Ok(client.verifier(Verify::RECORDS).users(&mut [user].into_iter(), true)?)
    };
    // SAFETY: the header asks for what `with_client` and `telling` ask for.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Compares mailboxes, by their internal names, as cyrsync_client_verify_user().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_verify_mailboxes(
    client: *mut cyrsync_client,
    names: *const cyrsync_str,
    count: usize,
    what: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let how = unsafe { how(what) }?;
        // SAFETY: the header asks for an array of names that live through the call.
        let names = unsafe { mailbox_names(names, count) }?;
        Ok(client.verifier(how).mailboxes(&names)?)
    };
    // SAFETY: the header asks for what `with_client` and `telling` ask for.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Compares every user and every shared mailbox whose internal name begins with prefix, and
/// without one the server's annotations too, as cyrsync_client_verify_user().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_verify_all(
    client: *mut cyrsync_client,
    prefix: cyrsync_str,
    what: cyrsync_str,
    verified: *mut cyrsync_verified,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let (how, prefix) = unsafe { (how(what)?, prefix.bytes("prefix")?) };
        Ok(client.verifier(how).all(prefix)?)
    };
    // SAFETY: the header asks for what `with_client` and `telling` ask for.
    unsafe { with_client(client, err, telling(verified, work)) }
}

/// Lets `work` compare, and tells C what that found.
///
/// # Safety
/// `verified` is NULL or leads to a structure whose size is set, as long as what is returned lives.
unsafe fn telling(
    verified: *mut cyrsync_verified,
    work: impl FnOnce(&mut Client) -> Result<VerifyTotals, Failure>,
) -> impl FnOnce(&mut Client) -> Result<(), Failure> {
    move |client| {
        // SAFETY: the caller's promise. Before the work, which may take long.
        let place = unsafe { place(verified) }?;
        let totals = work(client)?;
        // SAFETY: as above.
        unsafe { tell(place, &totals) };
        Ok(())
    }
}

/// What a verification is to do, from C.
///
/// # Safety
/// As for [`cyrsync_str::bytes`].
unsafe fn how(what: cyrsync_str) -> Result<Verify, Failure> {
    // SAFETY: the caller's promise.
    Ok(Verify::from_words(unsafe { what.text("what") }?)?)
}

/// The place for what a verification found, if the caller wants to know.
///
/// # Safety
/// As for [`Place::new`]; `verified` may be NULL.
unsafe fn place(
    verified: *mut cyrsync_verified,
) -> Result<Option<Place<cyrsync_verified>>, Failure> {
    if verified.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, else the caller's promise.
    unsafe { Place::new(verified, "verified") }.map(Some)
}

/// Tells C what a verification found.
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
