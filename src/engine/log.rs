//! Replicates the entries of a sync log once: from a file (`-f`), or from memory, like Cyrus's
//! `sync_checkpoint`.

use std::io::Read;
use std::time::{Duration, Instant};

use super::Client;
use crate::error::Result;
use crate::run::batch::Rules;
use crate::run::log::disk::LogDisk;
use crate::run::log::files::LogFiles;
use crate::run::outcome::Pending;
use crate::sync::is_locked;

impl Client {
    /// Replicates the entries of a log. `name` is for messages. An entry that fails does not stop
    /// the others: the call succeeds, and returns the entries that failed. The library does not
    /// keep them: they are lost unless the caller keeps them, for example with
    /// [`log_append`](crate::log_append). Locked entries: if the client has a channel, they are
    /// appended to the channel's log, so [`Client::roll`] will replicate them, and they are not
    /// returned. If the client has no channel, they are returned like failed entries.
    ///
    /// # Errors
    /// Fails if users or mailboxes are excluded, the log cannot be read, the connection cannot be
    /// made, the connection is lost twice during the same task, or a stop is requested. It is
    /// unknown then how many entries are done, and locked entries are not appended to the log: keep
    /// the whole log.
    pub fn process_log(&mut self, log: impl Read, name: &str) -> Result<Vec<Pending>> {
        let goals = self.runner.goals_of(log, name)?;
        let rules = Rules { release: true, ..self.runner.rules() };
        let left = self.runner.log(goals, rules, None)?;
        if self.runner.shared.settings.channel.is_none() {
            return Ok(left);
        }
        defer(left, LogFiles::new(&self.log).under(&self.runner.shared.freeze))
    }

    /// Replicates the entries of a log in memory, and keeps the connection for the next call.
    /// Cyrus's `sync_checkpoint` does this with all entries since the last checkpoint. So a mail
    /// client receives its reply only after the replica has the change. Treats failed and locked
    /// entries like [`Client::process_log`]. See [`Client::disconnect_if_idle`].
    ///
    /// # Errors
    /// Like [`Client::process_log`].
    pub fn checkpoint(&mut self, log: &[u8]) -> Result<Vec<Pending>> {
        self.runner.remember(self.cache_path.as_deref());
        let result = self.process_log(log, "checkpoint");
        self.last_used = Instant::now();
        result
    }

    /// Disconnects from the replica if the last checkpoint was at least this long ago. Cyrus does
    /// this after 30 seconds. Returns whether the client is still connected.
    pub fn disconnect_if_idle(&mut self, after: Duration) -> bool {
        if self.last_used.elapsed() >= after {
            self.disconnect();
        }
        self.runner.is_open()
    }

    /// Reports an entry that could not be replicated to the observer.
    #[cfg(feature = "capi")]
    pub(crate) fn report_pending(&self, pending: &Pending) {
        use crate::events::{Observer, RunEvent};

        let items = pending.items.iter().map(|entry| entry.text()).collect();
        let error = pending.error.clone();
        self.runner.shared.observer.event(&RunEvent::NotReplicated { items, error }.into());
    }
}

/// Appends locked entries to the channel's log. Returns the other entries.
fn defer(pending: Vec<Pending>, mut log: LogFiles) -> Result<Vec<Pending>> {
    let (locked, failed): (Vec<_>, Vec<_>) =
        pending.into_iter().partition(|pending| is_locked(&pending.error));
    let mut lines = Vec::new();
    locked.iter().flat_map(|pending| &pending.items).for_each(|entry| entry.write(&mut lines));
    if !lines.is_empty() {
        let _held = log.hold()?;
        log.append(&lines)?;
    }
    Ok(failed)
}
