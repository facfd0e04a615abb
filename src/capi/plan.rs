//! Plans replication: reports the steps that it would execute.

use std::ptr;

use super::error::{cyrsync_error, cyrsync_result};
use super::handle::{cyrsync_client, cyrsync_report, with_report};
use super::listeners::Listeners;
use super::names::{mailbox_names, user_id};
use super::rolling::report_pending;
use super::strings::cyrsync_str;
use crate::engine::Client;
use crate::events::PlannedStep;
use crate::types::UserId;

/// Plans what cyrsync_client_process_log() would do with a log, and changes nothing: it only reads
/// from the replica, and writes nothing here. The step callback receives each step. The plan takes
/// the same locks as replication. Later steps assume that earlier renames and deletes are done. A
/// mailbox that needs a repair is compared in full. A plan does not show which message files
/// replication will send.
///
/// @param client  The client.
/// @param log     The entries, one per line: "MAILBOX user.fred".
/// @param report  On success filled with the number of entries by outcome. May be NULL.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_plan_log(
    client: *mut cyrsync_client,
    log: cyrsync_str,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, listeners: &Listeners| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let log = unsafe { log.bytes("log") }?;
        let left = client.planner().log(log, &mut |step| listeners.step(step))?;
        report_pending(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, report, err, work) }
}

/// Plans what cyrsync_client_sync_all() would do, like cyrsync_client_plan_log().
///
/// @param client  The client.
/// @param prefix  The beginning of the internal names. Empty for all.
/// @param report  On success filled with the number of items by outcome. May be NULL.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_plan_all(
    client: *mut cyrsync_client,
    prefix: cyrsync_str,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, listeners: &Listeners| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let prefix = unsafe { prefix.bytes("prefix") }?;
        client.planner().all(prefix, &mut |step| listeners.step(step), &mut |_, _| {})?;
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, report, err, work) }
}

/// Plans what cyrsync_client_sync_user() would do, like cyrsync_client_plan_log(). If only_meta is
/// true, plans what cyrsync_client_sync_meta() would do.
///
/// @param client     The client.
/// @param user       The userid.
/// @param only_meta  Whether to plan only the seen state, subscriptions and Sieve scripts.
/// @param err        Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_plan_user(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    only_meta: bool,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, listeners: &Listeners| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let user = unsafe { user_id(user) }?;
        let mut failed = None;
        let mut ended = |_: &UserId, result: &crate::Result<()>| failed = result.clone().err();
        let mut each = |step: &PlannedStep| listeners.step(step);
        client.planner().users(&mut [user].into_iter(), only_meta, &mut each, &mut ended)?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, ptr::null_mut(), err, work) }
}

/// Plans what cyrsync_client_sync_mailboxes() would do, like cyrsync_client_plan_log().
///
/// @param client  The client.
/// @param names   The internal names of the mailboxes.
/// @param count   The number of names.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_plan_mailboxes(
    client: *mut cyrsync_client,
    names: *const cyrsync_str,
    count: usize,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, listeners: &Listeners| {
        // SAFETY: cyrsync.h requires an array of bytes that stay valid during the call.
        let names = unsafe { mailbox_names(names, count) }?;
        Ok(client.planner().mailboxes(&names, &mut |step| listeners.step(step))?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, ptr::null_mut(), err, work) }
}

/// Plans what cyrsync_client_roll() would do with the current entries in the logs of the client's
/// channel, like cyrsync_client_plan_log(). The logs are not changed.
///
/// @param client  The client.
/// @param report  On success filled with the number of entries by outcome. May be NULL.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_plan_roll(
    client: *mut cyrsync_client,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, listeners: &Listeners| {
        let left = client.planner().channel(&mut |step| listeners.step(step))?;
        report_pending(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, report, err, work) }
}
