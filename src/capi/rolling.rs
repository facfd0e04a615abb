//! Replicates the entries of sync logs: continuously, or once.

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

/// Options of cyrsync_client_roll(). Begin with CYRSYNC_ROLLING_INIT, then set the options that you
/// need. The library does not read them from imapd.conf; the comments give the names there.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_rolling {
    /// sizeof(cyrsync_rolling): CYRSYNC_ROLLING_INIT sets it.
    pub size: usize,
    /// The shortest time from one run to the next, in milliseconds (sync_repeat_interval); 0 to
    /// begin a run as soon as something is logged.
    pub interval_ms: u64,
    /// Time after which the client tells the replica to release its staged message files, in
    /// seconds (-t); 0 for never.
    pub restart_after: u64,
    /// The path of the shutdown file (sync_shutdown_file): the call ends when this file exists.
    /// Empty for none.
    pub shutdown_file: cyrsync_str,
    /// The longest pause between attempts to connect, in seconds (sync_reconnect_maxwait); 0 for no
    /// limit.
    pub longest_pause: u64,
    /// Not 0: try to connect only once. If the attempt fails, the call fails with the error of the
    /// connection; the entries stay in the log.
    pub connect_once: u32,
    /// Not 0: replicate only the entries that are in the log now, then end.
    pub once: u32,
}

grows! {
    cyrsync_rolling may end before restart_after, unknown members are Refused;
}

/// Why cyrsync_client_roll() ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_rolled {
    /// cyrsync_client_finish() or cyrsync_client_cancel() was called.
    CYRSYNC_ROLLED_STOPPED = 1,
    /// The shutdown file existed. The library has removed it.
    CYRSYNC_ROLLED_SHUTDOWN_FILE = 2,
    /// cyrsync_client_wake() was called. Call cyrsync_client_roll() again to go on.
    CYRSYNC_ROLLED_WOKEN = 3,
    /// With once: all entries are done.
    CYRSYNC_ROLLED_ONCE = 4,
    /// With once: some tasks (users, mailboxes and so on) failed. Their entries were put back into
    /// the log.
    CYRSYNC_ROLLED_ONCE_UNDONE = 5,
    /// With connect_once: the replica ended the connection (BYE).
    CYRSYNC_ROLLED_GOODBYE = 6,
    /// With once: no task failed, but another process had locked some users or mailboxes. Their
    /// entries were put back into the log.
    CYRSYNC_ROLLED_ONCE_DEFERRED = 7,
}

use cyrsync_rolled::*;

/// How cyrsync_client_roll() ended.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cyrsync_roll_end {
    /// sizeof(cyrsync_roll_end): CYRSYNC_ROLL_END_INIT sets it.
    pub size: usize,
    /// The reason for the end, as a cyrsync_rolled.
    pub why: c_int,
    /// With once: the number of tasks that were put back into the log because another process had
    /// locked their users or mailboxes.
    pub deferred: u64,
    /// With once: the number of tasks that failed and were put back into the log.
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
            Ended::Woken => CYRSYNC_ROLLED_WOKEN,
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

/// Replicates the entries that Cyrus's programs write to the sync log of the client's channel,
/// until cyrsync_client_finish() or cyrsync_client_cancel() is called. cyrsync_rolled has the other
/// reasons to end. If an entry fails, the others are still replicated. The failed entry stays in
/// the log and is retried after a growing pause; the item and log callbacks receive the failure. If
/// a user or mailbox is still locked after the time of cyrsync_config_set_lock_patience(), its
/// entry is retried too. Fails with CYRSYNC_RESULT_LOCKED if another client works on the channel.
///
/// @param client   The client.
/// @param rolling  The options.
/// @param end      Filled with the reason for the end and the numbers of remaining tasks. May be
///                 NULL.
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
        // SAFETY: cyrsync.h requires NULL or a structure whose size is set.
        let rolling = unsafe { options(rolling) }?;
        // SAFETY: cyrsync.h requires NULL or a structure whose size is set.
        let place = unsafe { Place::optional(end, "end") }?;
        let ended = client.roll(&rolling)?;
        if let Some(place) = place {
            // SAFETY: as above.
            unsafe { place.fill(&ended.into()) };
        }
        Ok(())
    };
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, work) }
}

/// # Safety
/// NULL, or a structure whose size member tells its size truly.
unsafe fn options(rolling: *const cyrsync_rolling) -> Result<Rolling, Failure> {
    // SAFETY: the caller's promise.
    let rolling = unsafe { argument(rolling, "rolling") }?;
    // SAFETY: cyrsync.h requires bytes that stay valid during the call.
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

/// Tells cyrsync_client_roll() to end after the current task. May be called from any thread, also
/// from signal handlers, like cyrsync_client_cancel().
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_finish(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: cyrsync.h requires NULL or a client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.finish();
        }
    });
}

/// Wakes cyrsync_client_roll(), also from a pause between attempts to connect: it ends with
/// CYRSYNC_ROLLED_WOKEN. When cyrsync_client_roll() is called again, it retries failed entries at
/// once. May be called from any thread, also from signal handlers, like cyrsync_client_cancel().
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_wake(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: cyrsync.h requires NULL or a client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.wake();
        }
    });
}

/// Replicates the entries of a sync log in memory ("MAILBOX user.fred", one per line), like
/// sync_do_reader(). If an entry fails, the others are still replicated; the item and log callbacks
/// receive the failure. Entries whose users or mailboxes are locked are appended to the log of the
/// client's channel, if it has one.
///
/// @param client  The client.
/// @param log     The log: entries, one per line.
/// @param report  On success filled with the number of entries by outcome. May be NULL.
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
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let left = client.process_log(unsafe { log.bytes("log") }?, "log")?;
        tell(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h requires what `with_report` requires.
    unsafe { with_report(client, report, err, work) }
}

/// Replicates the entries of a sync log in a file, like sync_client -r -f. The file stays as it is.
/// Otherwise like cyrsync_client_process_log().
///
/// @param client  The client.
/// @param file    The path of the log.
/// @param report  On success filled with the number of entries by outcome. May be NULL.
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
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let path = path(unsafe { file.bytes("file") }?);
        let (log, _) = open_regular(&path).map_err(|e| {
            Error::io("open sync log", &path, e).or_hint("check the name of the file")
        })?;
        let left = client.process_log(log, &path.to_string_lossy())?;
        tell(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h requires what `with_report` requires.
    unsafe { with_report(client, report, err, work) }
}

/// Replicates entries that were just logged, and keeps the connection for the next call, like
/// sync_checkpoint(). A server calls it before it confirms a change to a user, so that the replica
/// has the change by then. Otherwise like cyrsync_client_process_log().
///
/// @param client  The client.
/// @param log     The log: entries, one per line.
/// @param report  On success filled with the number of entries by outcome. May be NULL.
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
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let left = client.checkpoint(unsafe { log.bytes("log") }?)?;
        tell(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h requires what `with_report` requires.
    unsafe { with_report(client, report, err, work) }
}

/// Reports the entries of a log that could not be replicated.
pub(super) fn tell(client: &Client, left: &[Undone]) {
    left.iter().for_each(|one| client.tell(one));
}

/// Disconnects from the replica if the last checkpoint is long ago. Call it from a timer. Cyrus
/// disconnects after 30 seconds.
///
/// @param client   The client.
/// @param seconds  The shortest time since the last checkpoint.
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
    // SAFETY: cyrsync.h requires what `with_client` requires.
    unsafe { with_client(client, err, work) }
}
