//! Checks of a configuration.

use std::sync::Arc;

use super::config::cyrsync_config;
use super::error::{cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::listeners::Listeners;
use crate::check::{Request, check};
use crate::engine::Cancel;
use crate::events::{Direction, Observer};

/// Checks a configuration, like sync_client --check-config: from what is in it to the rights on the
/// replica. The check callback receives each check as soon as it is made, in the order of
/// cyrsync_topic, each topic once; what cannot be looked at because something before it failed is
/// CYRSYNC_VERDICT_SKIPPED. Nothing is changed, here or on the replica. Each check takes a minute
/// at the most. The mail store is read as by a client without a host store, from threads of the
/// library. Of the other callbacks only traffic is called, with what is said to the replica.
///
/// @param config  The configuration.
/// @param failed  Set to how many checks failed. May be NULL.
/// @param err     Set to the error on failure. May be NULL. A check that fails is no error.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_check(
    config: *const cyrsync_config,
    failed: *mut usize,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for NULL or a configuration.
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
            // SAFETY: not NULL; the header asks for a place for a number.
            unsafe { failed.write(summary.failed) };
        }
        Ok(())
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// What a check reports beside its checks: the traffic.
struct Wire(Arc<Listeners>);

impl Observer for Wire {
    fn wire(&self, direction: Direction, bytes: &[u8]) {
        self.0.wire(direction, bytes);
    }

    fn wants_wire(&self) -> bool {
        self.0.wants_wire()
    }
}
