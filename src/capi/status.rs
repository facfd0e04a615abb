//! Reads the state of rolling replication, for monitoring programs.

use std::time::SystemTime;

use super::config::cyrsync_config;
use super::error::{cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::panic::boundary;
use super::strings::cyrsync_str;
use crate::engine;
use crate::status::{Diagnosis, Health, Limits, Status};

/// The severity of a status. The numbers are the exit statuses of a Nagios plugin. Log lines have a
/// different enumeration, cyrsync_log_level.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_health {
    /// There is no problem.
    CYRSYNC_HEALTH_OK = 0,
    /// There is a problem that a person should look at during working hours.
    CYRSYNC_HEALTH_WARNING = 1,
    /// There is a problem that a person should look at immediately.
    CYRSYNC_HEALTH_CRITICAL = 2,
    /// The state cannot be determined.
    CYRSYNC_HEALTH_UNKNOWN = 3,
}

impl From<Health> for cyrsync_health {
    fn from(health: Health) -> Self {
        match health {
            Health::Ok => cyrsync_health::CYRSYNC_HEALTH_OK,
            Health::Warning => cyrsync_health::CYRSYNC_HEALTH_WARNING,
            Health::Critical => cyrsync_health::CYRSYNC_HEALTH_CRITICAL,
            Health::Unknown => cyrsync_health::CYRSYNC_HEALTH_UNKNOWN,
        }
    }
}

/// The state of the replication of a channel. Free it with cyrsync_status_free().
pub struct cyrsync_status {
    status: Status,
    json: String,
}

/// Reads the state of the replication of the configuration's channel. If a client runs
/// cyrsync_client_roll() or sync_client -r on the channel, reads its status file; otherwise reads
/// the sync logs. Does not connect, lock or change anything.
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
        // SAFETY: cyrsync.h requires `config` to be NULL or a valid configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        if out.is_null() {
            return Err(null_pointer("out"));
        }
        let status = engine::status(&config.settings()?)?;
        // Serializing fails only for maps whose keys are not strings, and a status has no such map.
        let json = serde_json::to_string(&status).unwrap_or_default();
        // SAFETY: `out` is not NULL. cyrsync.h requires a place for a pointer.
        unsafe { out.write(Box::into_raw(Box::new(cyrsync_status { status, json }))) };
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Returns the severity of the status at the current time.
///
/// @param status      The status. NULL gives CYRSYNC_HEALTH_UNKNOWN.
/// @param warn_lag_s  The cyrsync_status_lag() from which the health is at least a warning. 0 for
///                    no limit.
/// @param crit_lag_s  The cyrsync_status_lag() from which the health is critical. 0 for no limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_health(
    status: *const cyrsync_status,
    warn_lag_s: u64,
    crit_lag_s: u64,
) -> cyrsync_health {
    boundary(cyrsync_health::CYRSYNC_HEALTH_UNKNOWN, || {
        // SAFETY: cyrsync.h requires `status` to be NULL or a valid status.
        let Some(status) = (unsafe { status.as_ref() }) else {
            return cyrsync_health::CYRSYNC_HEALTH_UNKNOWN;
        };
        let limit = |limit: u64| Some(limit).filter(|limit| *limit > 0);
        let limits = Limits { warn_lag: limit(warn_lag_s), crit_lag: limit(crit_lag_s) };
        Diagnosis::of(&status.status, &limits, now()).level.into()
    })
}

/// Returns the lag: the age in seconds of the oldest change that is not replicated yet, or 0 if
/// there is no such change.
///
/// @param status  The status. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_lag(status: *const cyrsync_status) -> u64 {
    // SAFETY: cyrsync.h requires `status` to be NULL or a valid status.
    boundary(0, || unsafe { status.as_ref() }.map_or(0, |status| status.status.lag(now())))
}

/// Returns the number of log entries that are not replicated yet.
///
/// @param status  The status. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_backlog(status: *const cyrsync_status) -> u64 {
    // SAFETY: cyrsync.h requires `status` to be NULL or a valid status.
    boundary(0, || unsafe { status.as_ref() }.map_or(0, |status| status.status.backlog.entries))
}

/// Returns the whole status as a JSON object; docs/status.md describes it. The text belongs to the
/// status and is valid until the status is freed.
///
/// @param status  The status. NULL gives an empty text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_status_json(status: *const cyrsync_status) -> cyrsync_str {
    boundary(cyrsync_str::lend(b""), || {
        // SAFETY: cyrsync.h requires `status` to be NULL or a valid status.
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
