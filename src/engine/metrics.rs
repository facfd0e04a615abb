//! Metrics about the work of a client.

use super::Client;
use crate::error::Result;
use crate::run::log::files::LogFiles;
use crate::status::{Status, metrics};

impl Client {
    /// Writes metrics about this client's work to the file that the settings name, if they name
    /// one. Rolling replication does so by itself. With `yields` nothing is written while another
    /// client rolls on the channel, because that client writes the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_metrics(&self, has_succeeded: bool, yields: bool) -> Result<()> {
        let Some(path) = &self.metrics_file else { return Ok(()) };
        if yields && LogFiles::new(&self.log).claimed_by().is_some() {
            return Ok(());
        }
        let shared = &self.runner.shared;
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
}
