//! Does what a sync log says, once: from a file (`-f`), or from memory, as Cyrus's
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
    /// Does what a log says; `name` is for messages. What fails stops nothing else and is given
    /// back. What is locked is put into the log of the client's channel, if it has one, and
    /// counts as done.
    ///
    /// # Errors
    /// If something is to be left out, the log cannot be read, the connection cannot be made or is lost twice for the same
    /// task, or it was asked to stop. How far it came is not known then.
    pub fn process_log(&mut self, log: impl Read, name: &str) -> Result<Vec<Undone>> {
        let goals = self.runner.goals_of(log, name)?;
        let rules = Rules { release: true, ..self.runner.rules() };
        let left = self.runner.log(goals, rules, None)?;
        if self.runner.shared.settings.channel.is_none() {
            return Ok(left);
        }
        defer(left, LogFiles::new(&self.log).under(&self.runner.shared.freeze))
    }

    /// Does what a log in memory says, over a connection that is kept for the next time: what
    /// Cyrus's `sync_checkpoint` does with what was logged since the last one, so that a client is
    /// told of a change when the replica has it. See [`Client::disconnect_if_idle`].
    ///
    /// # Errors
    /// As [`Client::process_log`].
    pub fn checkpoint(&mut self, log: &[u8]) -> Result<Vec<Undone>> {
        self.runner.remember(self.cache_path.as_deref());
        let result = self.process_log(log, "checkpoint");
        self.last_used = Instant::now();
        result
    }

    /// Says goodbye to the replica if the last checkpoint is as long ago; Cyrus does so after 30
    /// seconds. Returns whether there is a connection now.
    pub fn disconnect_if_idle(&mut self, after: Duration) -> bool {
        if self.last_used.elapsed() >= after {
            self.disconnect();
        }
        self.runner.is_open()
    }

    /// Tells the observer what could not be done.
    pub fn tell(&self, undone: &Undone) {
        let items = undone.items.iter().map(LogEntry::text).collect();
        let error = undone.error.clone();
        self.runner.shared.observer.event(&RunEvent::NotReplicated { items, error }.into());
    }
}

/// Puts what is locked into the channel's log. Returns the rest.
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
