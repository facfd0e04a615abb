//! Replicates the entries of sync logs: continuously, or once.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::handle::{cyrsync_client, cyrsync_report, with_client, with_report};
use super::listeners::Listeners;
use super::panic::boundary;
use super::sized::{Place, argument, grows};
use super::strings::cyrsync_str;
use crate::engine::{Client, Ended, Pending};
use crate::error::Error;
use crate::settings::{RetryPolicy, Rolling};
use crate::sys::file::open_regular;

/// Options of cyrsync_client_roll(). Begin with CYRSYNC_ROLL_OPTIONS_INIT, which does not read
/// imapd.conf: all options are 0. cyrsync_config_rolling() sets them as imapd.conf says. Then
/// change the options that you need. The comments give the name of the same option in imapd.conf or
/// of sync_client.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_roll_options {
    /// The size of this structure, sizeof(cyrsync_roll_options). CYRSYNC_ROLL_OPTIONS_INIT sets it.
    pub size: usize,
    /// The shortest time from the start of one pass over the log to the start of the next, in
    /// milliseconds (sync_repeat_interval). A pass replicates all entries that are in the log. 0
    /// starts a pass as soon as something is logged.
    pub interval_ms: u64,
    /// While there is nothing to replicate, the client tells the replica at intervals of this many
    /// seconds to release its staged message files (sync_client -t); 0 for never.
    pub release_after_s: u64,
    /// The path of the shutdown file (sync_shutdown_file): the call ends when this file exists. If
    /// empty, there is no shutdown file.
    pub shutdown_file: cyrsync_str,
    /// The longest pause between attempts to connect, in seconds (sync_reconnect_maxwait); 0 for no
    /// limit.
    pub longest_pause_s: u64,
    /// Not 0: try to connect only once (sync_client -o). If the attempt fails, the call fails with
    /// its error; the entries stay in the log.
    pub connect_once: u32,
    /// Not 0: replicate only the entries that are in the log at the start of the call (sync_client
    /// -1).
    pub once: u32,
}

grows! {
    cyrsync_roll_options may end before release_after_s, unknown members are Refused;
}

/// The reason why cyrsync_client_roll() ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_roll_reason {
    /// cyrsync_client_finish() or cyrsync_client_cancel() was called.
    CYRSYNC_ROLL_REASON_STOPPED = 1,
    /// The shutdown file existed. The library has removed it.
    CYRSYNC_ROLL_REASON_SHUTDOWN_FILE = 2,
    /// cyrsync_client_wake() was called. To continue, call cyrsync_client_roll() again.
    CYRSYNC_ROLL_REASON_WOKEN = 3,
    /// "once" was set, and all entries were replicated.
    CYRSYNC_ROLL_REASON_ONCE = 4,
    /// "once" was set, and some tasks failed. Their entries were put back into the log.
    CYRSYNC_ROLL_REASON_ONCE_FAILED = 5,
    /// "connect_once" was set, and the replica closed the connection (BYE).
    CYRSYNC_ROLL_REASON_GOODBYE = 6,
    /// "once" was set, and no task failed, but another process had locked some users or mailboxes.
    /// The entries of their tasks were put back into the log.
    CYRSYNC_ROLL_REASON_ONCE_LOCKED = 7,
}

use cyrsync_roll_reason::*;

/// The result of cyrsync_client_roll().
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cyrsync_roll_result {
    /// The size of this structure, sizeof(cyrsync_roll_result). CYRSYNC_ROLL_RESULT_INIT sets it.
    pub size: usize,
    /// The reason for the end: a value of cyrsync_roll_reason.
    pub reason: u32,
    /// If "once" was set: the number of tasks that were put back into the log because another
    /// process had locked their users or mailboxes. Otherwise 0.
    pub locked: u64,
    /// If "once" was set: the number of tasks that failed and were put back into the log. Otherwise
    /// 0.
    pub failed: u64,
}

grows! {
    cyrsync_roll_result may end before locked, unknown members are Ignored;
}

impl From<Ended> for cyrsync_roll_result {
    fn from(ended: Ended) -> Self {
        let (mut locked, mut failed) = (0, 0);
        let reason = match ended {
            Ended::Stopped => CYRSYNC_ROLL_REASON_STOPPED,
            Ended::ShutdownFile => CYRSYNC_ROLL_REASON_SHUTDOWN_FILE,
            Ended::Woken => CYRSYNC_ROLL_REASON_WOKEN,
            Ended::Goodbye => CYRSYNC_ROLL_REASON_GOODBYE,
            Ended::Once { deferred: later, failed: not_done } => {
                (locked, failed) = (later as u64, not_done as u64);
                match (later, not_done) {
                    (0, 0) => CYRSYNC_ROLL_REASON_ONCE,
                    (_, 0) => CYRSYNC_ROLL_REASON_ONCE_LOCKED,
                    _ => CYRSYNC_ROLL_REASON_ONCE_FAILED,
                }
            }
        };
        let size = size_of::<cyrsync_roll_result>();
        cyrsync_roll_result { size, reason: reason as u32, locked, failed }
    }
}

/// Sets the options of cyrsync_client_roll() as imapd.conf and the channel of the configuration
/// say: sync_repeat_interval, sync_shutdown_file and sync_reconnect_maxwait. release_after_s
/// becomes 600, as in sync_client; connect_once and once become 0.
///
/// @param config   The configuration.
/// @param options  Filled with the options. Its size must be set. The text shutdown_file belongs to
///                 the configuration and is valid until the configuration is freed.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_rolling(
    config: *const cyrsync_config,
    options: *mut cyrsync_roll_options,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires `config` to be NULL or a valid configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        // SAFETY: cyrsync.h requires NULL or a structure whose size is set.
        let place = unsafe { Place::new(options, "options") }?;
        let options = of_rolling(config.settings()?.rolling(), config);
        // SAFETY: as above.
        unsafe { place.fill(&options) };
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Converts the settings of rolling replication for C. `config` keeps the path.
fn of_rolling(rolling: &Rolling, config: &cyrsync_config) -> cyrsync_roll_options {
    let file = rolling.sync_shutdown_file.as_ref().map(|file| file.as_os_str().as_bytes());
    let RetryPolicy { connect_once, sync_reconnect_maxwait, .. } = rolling.retry_policy;
    cyrsync_roll_options {
        size: size_of::<cyrsync_roll_options>(),
        interval_ms: u64::try_from(rolling.sync_repeat_interval.as_millis()).unwrap_or(u64::MAX),
        release_after_s: rolling.release_staged_after.as_secs(),
        shutdown_file: config.lend(file.unwrap_or_default()),
        longest_pause_s: sync_reconnect_maxwait.map_or(0, |longest| longest.as_secs().max(1)),
        connect_once: connect_once.into(),
        once: rolling.rolling_once.into(),
    }
}

/// Replicates the entries that Cyrus's programs write to the sync log of the client's channel,
/// until cyrsync_client_finish() or cyrsync_client_cancel() is called, or for another reason of
/// cyrsync_roll_reason. If an entry fails, the others are still replicated. The failed entry stays
/// in the log and is retried after a growing pause; the item and log callbacks receive the failure.
/// An entry is also retried if its user or mailbox was locked for longer than the time of
/// cyrsync_config_set_lock_patience(). The call fails with CYRSYNC_RESULT_LOCKED if another client
/// already runs cyrsync_client_roll() or this project's sync_client -r on the channel. Cyrus's own
/// sync_client is not detected: stop it first.
///
/// @param client   The client.
/// @param options  The options.
/// @param result   Filled with the reason for the end and, if once was set, the number of tasks
///                 that are not done.
///                 May be NULL.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_roll(
    client: *mut cyrsync_client,
    options: *const cyrsync_roll_options,
    result: *mut cyrsync_roll_result,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires NULL or a structure whose size is set.
        let rolling = unsafe { rolling(options) }?;
        // SAFETY: cyrsync.h requires NULL or a structure whose size is set.
        let place = unsafe { Place::optional(result, "result") }?;
        let ended = client.roll_with(&rolling)?;
        if let Some(place) = place {
            // SAFETY: as above.
            unsafe { place.fill(&ended.into()) };
        }
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Converts the options that C passed.
///
/// # Safety
/// `options` must be NULL or a structure whose size member is its true size.
unsafe fn rolling(options: *const cyrsync_roll_options) -> Result<Rolling, Failure> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    let options = unsafe { argument(options, "options") }?;
    // SAFETY: cyrsync.h requires bytes that stay valid during the call.
    let file = unsafe { options.shutdown_file.bytes("shutdown_file") }?;
    let longest = Duration::from_secs(options.longest_pause_s);
    Ok(Rolling {
        sync_repeat_interval: Duration::from_millis(options.interval_ms),
        release_staged_after: Duration::from_secs(options.release_after_s),
        sync_shutdown_file: (!file.is_empty()).then(|| path(file)),
        rolling_once: options.once != 0,
        retry_policy: RetryPolicy {
            connect_once: options.connect_once != 0,
            sync_reconnect_maxwait: (!longest.is_zero()).then_some(longest),
            ..RetryPolicy::default()
        },
    })
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Tells cyrsync_client_roll() to end after the current task. This lasts until
/// cyrsync_client_reset_cancel() is called: until then every cyrsync_client_roll() ends at once. In
/// other calls, it ends only a pause between two attempts to connect, and a wait while an
/// administrator holds the server still; such a call fails with CYRSYNC_RESULT_CANCELLED. May be
/// called from any thread, callback or signal handler, like cyrsync_client_cancel().
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_finish(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: cyrsync.h requires `client` to be NULL or a valid client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.finish();
        }
    });
}

/// Wakes cyrsync_client_roll(), also from a pause between attempts to connect: it ends with
/// CYRSYNC_ROLL_REASON_WOKEN. The next cyrsync_client_roll() retries failed entries at once. In
/// other calls, it ends only a pause between two attempts to connect, and the next attempt begins.
/// Has no effect if no call of the client runs: it does not wake a later call. The exception is the
/// time after a cyrsync_client_roll() that ended with CYRSYNC_ROLL_REASON_WOKEN: a call at that time
/// ends the next cyrsync_client_roll() at once. May be called from any thread, callback or signal
/// handler, like cyrsync_client_cancel().
///
/// @param client  The client. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_wake(client: *const cyrsync_client) {
    boundary((), || {
        // SAFETY: cyrsync.h requires `client` to be NULL or a valid client.
        if let Some(handle) = unsafe { client.as_ref() } {
            handle.cancel.wake();
        }
    });
}

/// Replicates the entries of a sync log in memory, like Cyrus's sync_do_reader().
///
/// An entry that fails does not stop the others, and the call returns CYRSYNC_RESULT_OK. The
/// library does not keep the failed entry: it is lost unless the program keeps it. Therefore look
/// at the report's members failed and locked, or set the item callback, and pass the entry of each
/// failed item to cyrsync_log_append(). Locked entries: if the client has a channel, the library
/// appends them to the channel's log, so cyrsync_client_roll() will replicate them. If the client
/// has no channel, they are lost like failed entries, so pass them to cyrsync_log_append() too.
///
/// If the call does not return CYRSYNC_RESULT_OK, nothing was appended, not even locked entries:
/// keep the whole log, and process it again or pass it to cyrsync_log_append(). A line that is not a
/// valid entry is skipped. Only the callbacks log and event receive it; the report does not count it.
///
/// @param client  The client.
/// @param log     The entries, one per line: "MAILBOX user.fred".
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
        report_pending(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, report, err, work) }
}

/// Replicates the entries of a sync log in a file, like sync_client -r -f. The file is not changed.
/// In other respects like cyrsync_client_process_log(): failed entries are not kept elsewhere, and
/// the call returns CYRSYNC_RESULT_OK.
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
        report_pending(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, report, err, work) }
}

/// Like cyrsync_client_process_log(), for a server that calls it before it confirms a change to a
/// user, like Cyrus's sync_checkpoint(). In addition it uses the replication cache
/// (sync_cache_db_path), and starts the time that cyrsync_client_disconnect_if_idle() measures. The
/// replica has every change only if the call returns CYRSYNC_RESULT_OK, failed and locked of the
/// report are 0, and all lines were valid entries.
///
/// @param client  The client.
/// @param log     The entries, one per line: "MAILBOX user.fred".
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
        report_pending(client, &left);
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_report` needs.
    unsafe { with_report(client, report, err, work) }
}

/// Reports the entries of a log that were not replicated.
pub(super) fn report_pending(client: &Client, left: &[Pending]) {
    left.iter().for_each(|one| client.report_pending(one));
}

/// Disconnects from the replica if the last cyrsync_client_checkpoint() ended long ago. Call this
/// function from a timer. Cyrus disconnects after 30 seconds.
///
/// @param client   The client.
/// @param seconds  How long ago the last checkpoint must have ended, in seconds.
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
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}
