//! Sync logs: rolling replication, and replication of what was just logged.

use std::ffi::c_int;
use std::path::PathBuf;
use std::time::Duration;

use super::client::{cyrsync_client, cyrsync_report, with_client, with_report};
use super::error::{Failure, cyrsync_error, cyrsync_result};
use super::listeners::Listeners;
use super::panic::boundary;
use super::sized::{Place, argument, grows};
use super::strings::cyrsync_str;
use crate::engine::{Client, Ended, Undone};
use crate::error::Error;
use crate::settings::{Persistence, Rolling};
use crate::sys::file::open_regular;

/// How cyrsync_client_roll() works. Begin with CYRSYNC_ROLLING_INIT, then set what is wanted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_rolling {
    /// sizeof(cyrsync_rolling): CYRSYNC_ROLLING_INIT sets it.
    pub size: usize,
    /// Least time from one run to the next, in milliseconds (sync_repeat_interval).
    pub interval_ms: u64,
    /// After so many seconds the replica is told to release its staged message files (-t); 0 for
    /// never.
    pub restart_after: u64,
    /// A file that asks for the end by being there (sync_shutdown_file); empty for none.
    pub shutdown_file: cyrsync_str,
    /// Longest pause between attempts to connect, in seconds (sync_reconnect_maxwait); 0 for none.
    pub longest_pause: u64,
    /// Not 0: try to connect only once.
    pub connect_once: u32,
    /// Not 0: do only what is logged now.
    pub once: u32,
}

grows! {
    cyrsync_rolling may end before restart_after, unknown members are Refused;
}

/// Why cyrsync_client_roll() ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_rolled {
    /// It was asked to, by cyrsync_client_finish() or cyrsync_client_cancel().
    CYRSYNC_ROLLED_STOPPED = 1,
    /// The shutdown file was there; it is removed.
    CYRSYNC_ROLLED_SHUTDOWN_FILE = 2,
    /// cyrsync_client_nudge() was called. Called again it goes on.
    CYRSYNC_ROLLED_NUDGED = 3,
    /// What was logged is done, as asked for by once.
    CYRSYNC_ROLLED_ONCE = 4,
    /// The same, but a part of it failed and was put back to the log.
    CYRSYNC_ROLLED_ONCE_UNDONE = 5,
    /// The replica said goodbye, and it was to be connected to only once.
    CYRSYNC_ROLLED_GOODBYE = 6,
    /// Like CYRSYNC_ROLLED_ONCE, but another process was at work on a part of it, which was put back to
    /// the log; nothing failed.
    CYRSYNC_ROLLED_ONCE_DEFERRED = 7,
}

use cyrsync_rolled::*;

/// How cyrsync_client_roll() ended.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cyrsync_roll_end {
    /// sizeof(cyrsync_roll_end): CYRSYNC_ROLL_END_INIT sets it.
    pub size: usize,
    /// Why it ended, as a cyrsync_rolled.
    pub why: c_int,
    /// With once: how many parts were put back to the log because another process had them locked.
    pub deferred: u64,
    /// With once: how many parts failed and were put back to the log.
    pub failed: u64,
}

grows! {
    cyrsync_roll_end may end before deferred, unknown members are Ignored;
}

impl From<Ended> for cyrsync_roll_end {
    fn from(ended: Ended) -> Self {
        let (mut deferred, mut failed) = (0, 0);
        let why = match ended {
            Ended::Stopped => CYRSYNC_ROLLED_STOPPED,
            Ended::ShutdownFile => CYRSYNC_ROLLED_SHUTDOWN_FILE,
            Ended::Nudged => CYRSYNC_ROLLED_NUDGED,
            Ended::Goodbye => CYRSYNC_ROLLED_GOODBYE,
            Ended::Once { deferred: later, failed: not_done } => {
                (deferred, failed) = (later as u64, not_done as u64);
                match (later, not_done) {
                    (0, 0) => CYRSYNC_ROLLED_ONCE,
                    (_, 0) => CYRSYNC_ROLLED_ONCE_DEFERRED,
                    _ => CYRSYNC_ROLLED_ONCE_UNDONE,
                }
            }
        };
        let size = size_of::<cyrsync_roll_end>();
        cyrsync_roll_end { size, why: why as c_int, deferred, failed }
    }
}

/// Replicates what Cyrus's programs write to the sync log of the client's channel, until asked to
/// stop. What fails stays in the log and is tried again after a growing pause; it is reported to the
/// item and log callbacks and stops nothing else. What is locked is tried again too, after as long
/// as cyrsync_config_set_lock_patience() says. Fails with CYRSYNC_RESULT_LOCKED if another client
/// works on the channel.
///
/// @param client   The client.
/// @param rolling  How to work.
/// @param end      Filled with how it ended. May be NULL.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_roll(
    client: *mut cyrsync_client,
    rolling: *const cyrsync_rolling,
    end: *mut cyrsync_roll_end,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: the header asks for NULL or a structure whose size is set.
        let rolling = unsafe { options(rolling) }?;
        // SAFETY: the header asks for NULL or a structure whose size is set.
        let place = unsafe { Place::optional(end, "end") }?;
        let ended = client.roll(&rolling)?;
        if let Some(place) = place {
            // SAFETY: as above.
            unsafe { place.fill(&ended.into()) };
        }
        Ok(())
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}

/// # Safety
/// NULL, or a structure whose size member tells its size truly.
unsafe fn options(rolling: *const cyrsync_rolling) -> Result<Rolling, Failure> {
    // SAFETY: the caller's promise.
    let rolling = unsafe { argument(rolling, "rolling") }?;
    // SAFETY: the header asks for bytes that live through the call.
    let file = unsafe { rolling.shutdown_file.bytes("shutdown_file") }?;
    let longest = Duration::from_secs(rolling.longest_pause);
    Ok(Rolling {
        sync_repeat_interval: Duration::from_millis(rolling.interval_ms),
        timeout: Duration::from_secs(rolling.restart_after),
        sync_shutdown_file: (!file.is_empty()).then(|| path(file)),
        rolling_once: rolling.once != 0,
        persistence: Persistence {
            connect_once: rolling.connect_once != 0,
            sync_reconnect_maxwait: (!longest.is_zero()).then_some(longest),
            ..Persistence::default()
        },
    })
}

fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Asks cyrsync_client_roll() to end when the part it works on is done. May be called from any
/// thread at any time and from signal handlers.
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_finish(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: the header asks for NULL or a client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.finish();
        }
    });
}

/// Ends cyrsync_client_roll() with CYRSYNC_ROLLED_NUDGED, and a pause between attempts to connect.
/// Called again it goes on, and tries at once what had failed. May be called from any thread at
/// any time and from signal handlers.
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_nudge(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: the header asks for NULL or a client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.nudge();
        }
    });
}

/// Replicates what a sync log in memory says ("MAILBOX user.fred", a line each), like
/// sync_do_reader(). An entry that fails stops no other; it goes to the item and log callbacks. What
/// is locked is put into the log of the client's channel, if it has one.
///
/// @param client  The client.
/// @param log     The log: entries, one a line.
/// @param report  Filled with how many entries ended how. May be NULL.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_process_log(
    client: *mut cyrsync_client,
    log: cyrsync_str,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, _: &Listeners| {
        // SAFETY: the header asks for bytes that live through the call.
        let left = client.process_log(unsafe { log.bytes("log") }?, "log")?;
        tell(client, &left);
        Ok(())
    };
    // SAFETY: the header asks for what `with_report` asks for.
    unsafe { with_report(client, report, err, work) }
}

/// Replicates what a sync log in a file says, like sync_client -r -f and
/// cyrsync_client_process_log(). The file stays as it is.
///
/// @param client  The client.
/// @param file    The path of the log.
/// @param report  Filled with how many entries ended how. May be NULL.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_process_log_file(
    client: *mut cyrsync_client,
    file: cyrsync_str,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, _: &Listeners| {
        // SAFETY: the header asks for bytes that live through the call.
        let path = path(unsafe { file.bytes("file") }?);
        let (log, _) = open_regular(&path).map_err(|e| {
            Error::io("open sync log", &path, e).or_hint("check the name of the file")
        })?;
        let left = client.process_log(log, &path.to_string_lossy())?;
        tell(client, &left);
        Ok(())
    };
    // SAFETY: the header asks for what `with_report` asks for.
    unsafe { with_report(client, report, err, work) }
}

/// Replicates what was just logged, over a connection that is kept for the next time: what
/// sync_checkpoint() does, so that a user learns of a change when the replica has it. Like
/// cyrsync_client_process_log() in all else.
///
/// @param client  The client.
/// @param log     The log: entries, one a line.
/// @param report  Filled with how many entries ended how. May be NULL.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_checkpoint(
    client: *mut cyrsync_client,
    log: cyrsync_str,
    report: *mut cyrsync_report,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client, _: &Listeners| {
        // SAFETY: the header asks for bytes that live through the call.
        let left = client.checkpoint(unsafe { log.bytes("log") }?)?;
        tell(client, &left);
        Ok(())
    };
    // SAFETY: the header asks for what `with_report` asks for.
    unsafe { with_report(client, report, err, work) }
}

/// Logs what of a log could not be done.
pub(super) fn tell(client: &Client, left: &[Undone]) {
    left.iter().for_each(|one| client.tell(one));
}

/// Says goodbye to the replica if the last checkpoint is long ago. Cyrus waits for 30 seconds;
/// call it from a timer.
///
/// @param client   The client.
/// @param seconds  How long ago.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_disconnect_if_idle(
    client: *mut cyrsync_client,
    seconds: u64,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        client.disconnect_if_idle(Duration::from_secs(seconds));
        Ok(())
    };
    // SAFETY: the header asks for what `with_client` asks for.
    unsafe { with_client(client, err, work) }
}
