//! Plans: what would be done.

use std::ffi::c_void;

use super::callbacks::cyrsync_unit_callback;
use super::client::{
    cyrsync_client, cyrsync_report, mailbox_names, report_place, report_to, unit_ended, user_id,
    with_client,
};
use super::error::{cyrsync_error, cyrsync_result};
use super::rolling::tell;
use super::strings::cyrsync_str;
use crate::engine::Client;
use crate::events::PlannedStep;
use crate::types::UserId;

/// Hears a step of a plan, as sync_client -v prints it ("MAILBOX user.fred"), and why it is needed,
/// if that is known ("HIGHESTMODSEQ is 12 here and 9 on the replica"). Both are borrowed for the
/// call.
pub type cyrsync_step_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, step: cyrsync_str, why: cyrsync_str)>;

/// Hands steps to C.
fn pass_on(callback: cyrsync_step_callback, userdata: *mut c_void) -> impl FnMut(&PlannedStep) {
    move |step| {
        if let Some(callback) = callback {
            let why = step.why();
            let (step, why) =
                (cyrsync_str::lend(step.line.as_bytes()), cyrsync_str::lend(why.as_bytes()));
            // SAFETY: the host gave function and data for this; the texts outlive the call.
            unsafe { callback(userdata, step, why) };
        }
    }
}

/// Tells what cyrsync_client_process_log() would do with a log, and does none of it: the replica is
/// asked but told nothing, and nothing is written here. Locks are taken as they would be. Renames
/// and deletes are taken for done when what follows is planned, and a mailbox that would have to be
/// repaired is compared in full. Which message files would go is not known before it is done. *Undone, unless NULL, is set
/// to how many parts cannot be planned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_plan(
    client: *mut cyrsync_client,
    log: cyrsync_str,
    callback: cyrsync_step_callback,
    userdata: *mut c_void,
    undone: *mut usize,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let log = unsafe { log.bytes("log") }?;
        let left = client.planner().log(log, &mut pass_on(callback, userdata))?;
        // SAFETY: the header asks for NULL or a place for a number.
        unsafe { tell(client, &left, undone) };
        Ok(())
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Tells what cyrsync_client_sync_all() would do, and does none of it, as cyrsync_client_plan().
/// Units hears how the planning of each part ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_plan_all(
    client: *mut cyrsync_client,
    prefix: cyrsync_str,
    callback: cyrsync_step_callback,
    units: cyrsync_unit_callback,
    userdata: *mut c_void,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let prefix = unsafe { prefix.bytes("prefix") }?;
        // SAFETY: the header asks for NULL or a report whose size is set.
        let report = unsafe { report_place(report) }?;
        let mut each = pass_on(callback, userdata);
        let ended = client.planner().all(prefix, &mut each, &mut |goal, result| {
            // SAFETY: the host gave function and data for this.
            unsafe { unit_ended(units, userdata, goal, result) };
        })?;
        // SAFETY: as above.
        unsafe { report_to(report, &ended) };
        Ok(())
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Tells what cyrsync_client_sync_user() would do, or with only_meta cyrsync_client_sync_meta(), and
/// does none of it, as cyrsync_client_plan().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_plan_user(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    only_meta: bool,
    callback: cyrsync_step_callback,
    userdata: *mut c_void,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for bytes that live through the call.
        let user = unsafe { user_id(user) }?;
        let mut failed = None;
        let mut ended = |_: &UserId, result: &crate::Result<()>| failed = result.clone().err();
        let mut each = pass_on(callback, userdata);
        client.planner().users(&mut [user].into_iter(), only_meta, &mut each, &mut ended)?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Tells what cyrsync_client_sync_mailboxes() would do, and does none of it, as
/// cyrsync_client_plan().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_plan_mailboxes(
    client: *mut cyrsync_client,
    names: *const cyrsync_str,
    count: usize,
    callback: cyrsync_step_callback,
    userdata: *mut c_void,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for an array of bytes that live through the call.
        let names = unsafe { mailbox_names(names, count) }?;
        Ok(client.planner().mailboxes(&names, &mut pass_on(callback, userdata))?)
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// Tells what cyrsync_client_roll() would do with what is logged to the client's channel now, and
/// does none of it, as cyrsync_client_plan(). The logs stay as they are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_plan_channel(
    client: *mut cyrsync_client,
    callback: cyrsync_step_callback,
    userdata: *mut c_void,
    undone: *mut usize,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        let left = client.planner().channel(&mut pass_on(callback, userdata))?;
        // SAFETY: the header asks for NULL or a place for a number.
        unsafe { tell(client, &left, undone) };
        Ok(())
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}
