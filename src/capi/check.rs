//! Checks a configuration for C.

use std::sync::Arc;

use super::config::cyrsync_config;
use super::error::{cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::listeners::Listeners;
use crate::check::{Request, check};
use crate::engine::Cancel;
use crate::events::{Direction, Observer};

/// Checks a configuration, like sync_client --check-config: from its options to the rights on the
/// replica. The check callback receives one result for each topic, in the order of
/// cyrsync_check_topic, as soon as the result is known. A check that depends on a failed check is
/// not made, and its verdict is CYRSYNC_CHECK_VERDICT_SKIPPED. Nothing is changed, here or on the
/// replica. Each step of a check takes at most a
/// minute; a replica with several addresses or ports takes several steps. Threads of the library read the mail store directly,
/// like a client without a host store; if a file system does not answer, such a thread outlives the
/// call. The library calls the callbacks check and traffic, and no others: one at a time, from the
/// calling thread.
///
/// @param config  The configuration.
/// @param failed  Set to the number of checks with CYRSYNC_CHECK_VERDICT_FAIL. May be NULL.
/// @param err     Set to the error on failure. May be NULL. A failed check is not an error of this
///                call.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_check(
    config: *const cyrsync_config,
    failed: *mut usize,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires `config` to be NULL or a valid configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        let cancel = Cancel::default();
        let listeners = Arc::new(config.listeners(cancel.clone()));
        let request = Request {
            config: Ok(&config.config),
            channel: config.channel(),
            overrides: config.overrides(),
            observer: Arc::new(Wire(listeners.clone())),
            cancel,
        };
        let summary = check(&request, &mut |check| listeners.check(check));
        if !failed.is_null() {
            // SAFETY: not NULL; cyrsync.h requires a place for a number.
            unsafe { failed.write(summary.failed) };
        }
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// An observer that passes on only the traffic of the checks.
struct Wire(Arc<Listeners>);

impl Observer for Wire {
    fn wire(&self, direction: Direction, bytes: &[u8]) {
        self.0.wire(direction, bytes);
    }

    fn wants_wire(&self) -> bool {
        self.0.wants_wire()
    }
}
