//! Reads the state of rolling replication, for monitoring programs.

use std::time::SystemTime;

use super::config::cyrsync_config;
use super::error::{cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::panic::boundary;
use super::strings::cyrsync_str;
use crate::engine;
use crate::status::{Diagnosis, Health, Limits, Status};

/// The severity of a status. The numbers are the exit statuses of a monitoring plugin. The
/// importance of a log line is another enumeration, cyrsync_log_level.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_level {
    /// Nothing is wrong.
    CYRSYNC_LEVEL_OK = 0,
    /// Somebody should look at it during working hours.
    CYRSYNC_LEVEL_WARNING = 1,
    /// Somebody should look at it now.
    CYRSYNC_LEVEL_CRITICAL = 2,
    /// The state cannot be determined.
    CYRSYNC_LEVEL_UNKNOWN = 3,
}

impl From<Health> for cyrsync_level {
    fn from(level: Health) -> Self {
        match level {
            Health::Ok => cyrsync_level::CYRSYNC_LEVEL_OK,
            Health::Warning => cyrsync_level::CYRSYNC_LEVEL_WARNING,
            Health::Critical => cyrsync_level::CYRSYNC_LEVEL_CRITICAL,
            Health::Unknown => cyrsync_level::CYRSYNC_LEVEL_UNKNOWN,
        }
    }
}

/// The state of the replication of a channel. Free it with cyrsync_status_free().
pub struct cyrsync_status {
    status: Status,
    json: String,
}

/// Reads the state of the replication of the configuration's channel. The source is the status file
/// of the client that rolls on the channel; if there is no such client, the logs. Does not connect,
/// lock or change anything.
///
/// @param config  The configuration.
/// @param out     Set to the status on success. Free it with cyrsync_status_free().
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_status_read(
    config: *const cyrsync_config,
    out: *mut *mut cyrsync_status,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires NULL or a configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        if out.is_null() {
            return Err(null_pointer("out"));
        }
        let status = engine::status(&config.settings()?)?;
        // Fails only for maps whose keys are not strings; there are no such maps here.
        let json = serde_json::to_string(&status).unwrap_or_default();
        // SAFETY: not NULL, and cyrsync.h requires a place for a pointer.
        unsafe { out.write(Box::into_raw(Box::new(cyrsync_status { status, json }))) };
        Ok(())
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Returns the severity of the status now.
///
/// @param status    The status. NULL gives CYRSYNC_LEVEL_UNKNOWN.
/// @param warn_lag  The lag in seconds from which the level is at least a warning. 0 for no limit.
/// @param crit_lag  The lag in seconds from which the level is critical. 0 for no limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_level(
    status: *const cyrsync_status,
    warn_lag: u64,
    crit_lag: u64,
) -> cyrsync_level {
    boundary(cyrsync_level::CYRSYNC_LEVEL_UNKNOWN, || {
        // SAFETY: cyrsync.h requires NULL or a status.
        let Some(status) = (unsafe { status.as_ref() }) else {
            return cyrsync_level::CYRSYNC_LEVEL_UNKNOWN;
        };
        let limit = |limit: u64| Some(limit).filter(|limit| *limit > 0);
        let limits = Limits { warn_lag: limit(warn_lag), crit_lag: limit(crit_lag) };
        Diagnosis::of(&status.status, &limits, now()).level.into()
    })
}

/// Returns the age of the oldest change that is not replicated yet, in seconds; 0 if there is no
/// such change.
///
/// @param status  The status. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_lag(status: *const cyrsync_status) -> u64 {
    // SAFETY: cyrsync.h requires NULL or a status.
    boundary(0, || unsafe { status.as_ref() }.map_or(0, |status| status.status.lag(now())))
}

/// Returns the number of log entries that are not replicated yet.
///
/// @param status  The status. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_backlog(status: *const cyrsync_status) -> u64 {
    // SAFETY: cyrsync.h requires NULL or a status.
    boundary(0, || unsafe { status.as_ref() }.map_or(0, |status| status.status.backlog.entries))
}

/// Returns the whole status as a JSON object; docs/status.md describes it. The text belongs to the
/// status and is valid until the status is freed.
///
/// @param status  The status. NULL gives an empty text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_json(status: *const cyrsync_status) -> cyrsync_str {
    boundary(cyrsync_str::lend(b""), || {
        // SAFETY: cyrsync.h requires NULL or a status.
        let json = unsafe { status.as_ref() }.map(|status| status.json.as_bytes());
        cyrsync_str::lend(json.unwrap_or_default())
    })
}

/// Frees a status.
///
/// @param status  The status. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_free(status: *mut cyrsync_status) {
    boundary((), || {
        if !status.is_null() {
            // SAFETY: cyrsync.h requires a status that the program no longer uses.
            drop(unsafe { Box::from_raw(status) });
        }
    });
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
