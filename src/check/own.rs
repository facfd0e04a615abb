//! Checks `sync_server`, the program of the master's own Cyrus through which repairs change the
//! master.

use super::value::{Check, Topic};
use crate::error::reason;
use crate::own_server;
use crate::settings::Settings;
use crate::sys::access;

/// Checks whether the program exists and can be run. The program is not started, because Cyrus's
/// services leave a lock file. Without the program only repairs fail, so a problem is a warning.
pub(super) fn check(settings: &Settings) -> Check {
    let topic = Topic::OwnServer;
    if settings.replication.no_copyback {
        return Check::ok(topic, "not needed: this server is never changed (-O)");
    }
    if settings.file().is_none() {
        return Check::skipped(
            topic,
            "it reads imapd.conf from a file, and this configuration is not in a file",
        );
    }
    let program = match own_server::find(settings) {
        Ok(program) => program,
        Err(error) => return Check::failed_harmlessly(topic, &error),
    };
    match access::may_run(&program) {
        Ok(()) => Check::ok(topic, format!("{}, for repairs", program.display())),
        Err(error) => Check::warn(
            topic,
            format!(
                "{}, which repairs of this server start: {}",
                program.display(),
                reason(&error)
            ),
            "set sync_server_path in imapd.conf to the sync_server of the Cyrus that serves this \
             spool; the user that replicates must be able to run it",
        ),
    }
}
