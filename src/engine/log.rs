//! Replicates the entries of a sync log once: from a file (`-f`), or from memory, as Cyrus's
//! `sync_checkpoint` does.

use std::io::Read;
use std::time::{Duration, Instant};

use super::Client;
use crate::error::Result;
use crate::events::{Observer, RunEvent};
use crate::run::batch::Rules;
use crate::run::log::disk::LogDisk;
use crate::run::log::entry::LogEntry;
use crate::run::log::files::LogFiles;
use crate::run::outcome::Undone;
use crate::sync::is_locked;

impl Client {
    /// Replicates the entries of a log; `name` is for messages. An entry that fails stops no other
    /// and is returned. A locked entry is appended to the log of the client's channel, if it has
    /// one, and then counts as done.
    ///
    /// # Errors
    /// If users or mailboxes are excluded, the log cannot be read, the connection cannot be made or
    /// is lost twice for the same task, or the client was asked to stop. Then it is unknown how
    /// many entries are done.
    pub fn process_log(&mut self, log: impl Read, name: &str) -> Result<Vec<Undone>> {
        let goals = self.runner.goals_of(log, name)?;
        let rules = Rules { release: true, ..self.runner.rules() };
        let left = self.runner.log(goals, rules, None)?;
        if self.runner.shared.settings.channel.is_none() {
            return Ok(left);
        }
        defer(left, LogFiles::new(&self.log).under(&self.runner.shared.freeze))
    }

    /// Replicates the entries of a log in memory, over a connection that is kept for the next call.
    /// Cyrus's `sync_checkpoint` does the same with all entries since the last checkpoint, so that
    /// a mail client gets its answer only when the replica has the change. See
    /// [`Client::disconnect_if_idle`].
    ///
    /// # Errors
    /// Like [`Client::process_log`].
    pub fn checkpoint(&mut self, log: &[u8]) -> Result<Vec<Undone>> {
        self.runner.remember(self.cache_path.as_deref());
        let result = self.process_log(log, "checkpoint");
        self.last_used = Instant::now();
        result
    }

    /// Disconnects from the replica if the last checkpoint was that long ago; Cyrus does so after
    /// 30 seconds. Returns whether there is a connection now.
    pub fn disconnect_if_idle(&mut self, after: Duration) -> bool {
        if self.last_used.elapsed() >= after {
            self.disconnect();
        }
        self.runner.is_open()
    }

    /// Reports to the observer an entry that could not be done.
    pub fn tell(&self, undone: &Undone) {
        let items = undone.items.iter().map(LogEntry::text).collect();
        let error = undone.error.clone();
        self.runner.shared.observer.event(&RunEvent::NotReplicated { items, error }.into());
    }
}

/// Appends locked entries to the channel's log. Returns the rest.
fn defer(undone: Vec<Undone>, mut log: LogFiles) -> Result<Vec<Undone>> {
    let (locked, failed): (Vec<_>, Vec<_>) =
        undone.into_iter().partition(|undone| is_locked(&undone.error));
    let mut lines = Vec::new();
    locked.iter().flat_map(|undone| &undone.items).for_each(|entry| entry.write(&mut lines));
    if !lines.is_empty() {
        let _held = log.hold()?;
        log.append(&lines)?;
    }
    Ok(failed)
}
