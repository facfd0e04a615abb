//! Functions that only programs like `sync_client` need.

use super::Client;
use super::verify::Verifier;
use crate::error::Result;
use crate::run::log::files::LogFiles;
use crate::status::{Status, metrics};

/// Returns whether an abandoned login still runs inside libsasl2 on its own thread (feature
/// `libsasl2`). If it returns true, end the process with `_exit`: normal exit handlers would free
/// libraries that this thread still uses.
///
/// ```
/// assert!(!cyrsync::program::login_is_stuck());
/// ```
pub fn login_is_stuck() -> bool {
    #[cfg(feature = "libsasl2")]
    return crate::sys::sasl2::is_busy();
    #[cfg(not(feature = "libsasl2"))]
    false
}

/// Writes metrics about a client's work to its metrics file, if there is one. Rolling replication
/// does this itself. If imapd.conf names the file (`sync_metrics_file`), nothing is written while
/// another client works on the channel, because that client writes the file.
///
/// # Errors
/// [`Kind::Io`](crate::Kind::Io) if the file cannot be written, or the channel's lock file cannot be
/// read.
pub fn write_metrics(client: &Client, has_succeeded: bool) -> Result<()> {
    let Some(path) = &client.metrics_file else { return Ok(()) };
    if !client.has_own_metrics_file && LogFiles::new(&client.log).claimed_by()?.is_some() {
        return Ok(());
    }
    let shared = &client.runner.shared;
    let replica = shared.settings.replica_name();
    let tally = shared.observer.tally();
    let status = Status {
        ended: true,
        totals: tally.totals(),
        failures_by_kind: tally.failures_by_kind(),
        ..Status::unknown(&replica.server, replica.channel.as_deref())
    };
    let last_success = has_succeeded.then_some(status.written);
    let now = status.written;
    metrics::write(path, &Status { last_success, ..status }, now)
}

/// Adds to the number of items that a verifier reports as not compared. Used for items whose names
/// the caller could not find out.
#[must_use]
pub fn with_unknown(verifier: Verifier<'_>, count: u64) -> Verifier<'_> {
    Verifier { unknown: count, ..verifier }
}
