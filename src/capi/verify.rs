//! Verifies replication: compares all data of both sides, and changes nothing.

use super::error::{Failure, cyrsync_error, cyrsync_result};
use super::handle::{cyrsync_client, with_client};
use super::names::{mailbox_names, user_id};
use super::sized::{Place, grows};
use super::strings::cyrsync_str;
use crate::engine::{Client, Verify};
use crate::events::VerifyTotals;

/// The totals of a verification.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_verify_totals {
    /// The size of this structure, sizeof(cyrsync_verify_totals). CYRSYNC_VERIFY_TOTALS_INIT sets
    /// it.
    pub size: usize,
    /// Fields that differ, without those in pending. If differences, pending and unknown are all 0,
    /// everything that was compared is equal; if users and mailboxes are 0 too, nothing was
    /// compared. cyrsync_client_verify_all() does not find users that only the replica has.
    pub differences: u64,
    /// Fields that differ because their last change is not replicated yet.
    pub pending: u64,
    /// Users, mailboxes and other things that could not be compared.
    pub unknown: u64,
    /// Users whose data outside mailboxes was compared: subscriptions, seen state, Sieve scripts.
    pub users: u64,
    /// Mailboxes that were compared.
    pub mailboxes: u64,
    /// Message records that were compared.
    pub records: u64,
    /// Message files that were read on both sides.
    pub messages: u64,
}

grows! {
    cyrsync_verify_totals may end before messages, unknown members are Ignored;
}

/// Compares all data of a user on both sides, and changes nothing. The finding callback receives
/// the differences. The call succeeds even if there are differences.
///
/// @param client    The client.
/// @param user      The userid.
/// @param what      What to compare beside the records. Empty: nothing more. "messages": all
///                  message files, which are read on both sides. "messages:10%": this share of the
///                  message files.
/// @param totals    Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_user(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    what: cyrsync_str,
    totals: *mut cyrsync_verify_totals,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let (user, how) = unsafe { (user_id(user)?, how(what)?) };
        Ok(client.verifier(how).users(&mut [user].into_iter(), false)?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` and `telling` need.
    unsafe { with_client(client, err, telling(totals, work)) }
}

/// Compares the subscriptions, seen state and Sieve scripts of a user, like
/// cyrsync_client_verify_user(). It has no parameter what, because it reads no message files.
///
/// @param client    The client.
/// @param user      The userid.
/// @param totals    Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_meta(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    totals: *mut cyrsync_verify_totals,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let user = unsafe { user_id(user) }?;
        Ok(client.verifier(Verify::RECORDS).users(&mut [user].into_iter(), true)?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` and `telling` need.
    unsafe { with_client(client, err, telling(totals, work)) }
}

/// Compares mailboxes, like cyrsync_client_verify_user().
///
/// @param client    The client.
/// @param names     The internal names of the mailboxes.
/// @param count     The number of names.
/// @param what      As for cyrsync_client_verify_user().
/// @param totals    Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_mailboxes(
    client: *mut cyrsync_client,
    names: *const cyrsync_str,
    count: usize,
    what: cyrsync_str,
    totals: *mut cyrsync_verify_totals,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let how = unsafe { how(what) }?;
        // SAFETY: cyrsync.h requires an array of names that stay valid during the call.
        let names = unsafe { mailbox_names(names, count) }?;
        Ok(client.verifier(how).mailboxes(&names)?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` and `telling` need.
    unsafe { with_client(client, err, telling(totals, work)) }
}

/// Compares every shared mailbox whose internal name begins with prefix, and every user who has
/// such a mailbox, like cyrsync_client_verify_user(). If prefix is empty, compares the server's
/// annotations too.
///
/// @param client    The client.
/// @param prefix    The beginning of the internal names. Empty for all.
/// @param what      As for cyrsync_client_verify_user().
/// @param totals    Filled with the totals. May be NULL.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_verify_all(
    client: *mut cyrsync_client,
    prefix: cyrsync_str,
    what: cyrsync_str,
    totals: *mut cyrsync_verify_totals,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let (how, prefix) = unsafe { (how(what)?, prefix.bytes("prefix")?) };
        Ok(client.verifier(how).all(prefix)?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` and `telling` need.
    unsafe { with_client(client, err, telling(totals, work)) }
}

/// Makes a function that runs `work` and fills `totals` with the totals.
///
/// # Safety
/// `totals` must be NULL or point to a structure whose size is set, for as long as the returned
/// function exists.
unsafe fn telling(
    totals: *mut cyrsync_verify_totals,
    work: impl FnOnce(&mut Client) -> Result<VerifyTotals, Failure>,
) -> impl FnOnce(&mut Client) -> Result<(), Failure> {
    move |client| {
        // SAFETY: guaranteed by the caller. Checked before the work, which may take long.
        let place = unsafe { Place::optional(totals, "totals") }?;
        let found = work(client)?;
        // SAFETY: as above.
        unsafe { tell(place, &found) };
        Ok(())
    }
}

/// Reads the `what` argument of a verification.
///
/// # Safety
/// As for [`cyrsync_str::bytes`].
unsafe fn how(what: cyrsync_str) -> Result<Verify, Failure> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    Ok(Verify::from_words(unsafe { what.text("what") }?)?)
}

/// Fills a structure of C with the totals of a verification.
///
/// # Safety
/// As for [`Place::fill`].
unsafe fn tell(place: Option<Place<cyrsync_verify_totals>>, totals: &VerifyTotals) {
    let Some(place) = place else { return };
    let VerifyTotals { users, mailboxes, records, messages, differences, pending, unknown } =
        *totals;
    let found = cyrsync_verify_totals {
        size: size_of::<cyrsync_verify_totals>(),
        differences,
        pending,
        unknown,
        users,
        mailboxes,
        records,
        messages,
    };
    // SAFETY: guaranteed by the caller (see `# Safety`).
    unsafe { place.fill(&found) };
}
