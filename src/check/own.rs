//! Checks the program through which a repair writes to the master.

use super::value::{Check, Topic};
use crate::error::reason;
use crate::own_server;
use crate::settings::Settings;
use crate::sys::access;

/// Checks whether the program exists and may be run. The check does not start it, because every
/// service that Cyrus starts leaves a lock file. Without it only repairs fail.
pub(super) fn check(settings: &Settings) -> Check {
    let topic = Topic::OwnServer;
    if settings.replication.no_copyback {
        return Check::ok(topic, "not needed: this server is never changed (-O)");
    }
    if settings.file().is_none() {
        return Check::skipped(topic, "it reads imapd.conf, and this is in memory");
    }
    let program = match own_server::find(settings) {
        Ok(program) => program,
        Err(error) => return Check::failed_harmlessly(topic, &error),
    };
    match access::may_run(&program) {
        Ok(()) => Check::ok(topic, format!("{}, for repairs", program.display())),
        Err(error) => Check::warn(
            topic,
            format!("{}, which repairs write through: {}", program.display(), reason(&error)),
            "set sync_server_path in imapd.conf to the sync_server of the Cyrus that serves this \
             spool; the user that replicates must be able to run it",
        ),
    }
}
