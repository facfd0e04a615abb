//! Does what a sync log says, once: from a file (`-f`), or from memory, as Cyrus's
//! `sync_checkpoint` does.

use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Client;
use crate::error::{Error, Result};
use crate::events::{Level, RunEvent};
use crate::rolling::channel::Channel;
use crate::rolling::item::Item;
use crate::rolling::lines::{Line, Lines};
use crate::rolling::run::{Run, Undone};
use crate::rolling::work;
use crate::sync::is_locked;

/// What to do about a log that cannot be read.
pub(super) const LOG: &str = "see what is at this path; what is logged there is not replicated yet: \
                              keep it";

impl Client {
    /// Does what a log says; `name` is for messages. What fails stops nothing else and is given
    /// back. What is locked is put into the log of the client's channel, if it has one, and
    /// counts as done.
    ///
    /// # Errors
    /// If the log cannot be read, the connection cannot be made or is lost twice for the same
    /// part, or it was asked to stop. How far it came is not known then.
    pub fn process_log(&mut self, log: impl Read, name: &str) -> Result<Vec<Undone>> {
        let items = self.read_log(log, Path::new(name))?;
        let mut undone = Vec::new();
        for part in work::parts(items, &self.namespace) {
            undone.extend(self.persistently(|pass, context| {
                Run::part(pass, context.names, context.observer, &part)
            })?);
        }
        if self.staged.files() > 0 {
            self.with_syncer(|pass, _| pass.restart())?;
        }
        if self.settings.channel.is_some() {
            undone = self.defer(undone)?;
        }
        Ok(undone)
    }

    /// Does what a log in memory says, over a connection that is kept for the next time: what
    /// Cyrus's `sync_checkpoint` does with what was logged since the last one, so that a client is
    /// told of a change when the replica has it. See [`Client::disconnect_if_idle`].
    ///
    /// # Errors
    /// As [`Client::process_log`].
    pub fn checkpoint(&mut self, log: &[u8]) -> Result<Vec<Undone>> {
        self.open_cache();
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
        self.session.is_some()
    }

    /// Tells the observer what could not be done.
    pub fn tell(&self, undone: &Undone) {
        let items = undone.items.iter().map(Item::text).collect();
        let error = undone.error.clone();
        self.observer.event(&RunEvent::NotReplicated { items, error }.into());
    }

    /// Puts what is locked into the channel's log.
    fn defer(&self, undone: Vec<Undone>) -> Result<Vec<Undone>> {
        let (locked, failed): (Vec<_>, Vec<_>) =
            undone.into_iter().partition(|undone| is_locked(&undone.error));
        let mut lines = Vec::new();
        locked.iter().flat_map(|undone| &undone.items).for_each(|item| item.write(&mut lines));
        if !lines.is_empty() {
            Channel::new(&self.log).append(&lines)?;
        }
        Ok(failed)
    }

    /// The entries of a log, each once, for a long log says the same again and again; what is none
    /// is told.
    pub(super) fn read_log(&self, log: impl Read, path: &Path) -> Result<Vec<Item>> {
        let error = |error| Error::io("read sync log", path, error).or_hint(LOG);
        let mut items = Vec::new();
        let mut known = HashSet::new();
        let mut lines = Lines::new(BufReader::new(log));
        while let Some(line) = lines.next_line().map_err(error)? {
            match line {
                Line::Item(item) => {
                    if !known.contains(&item) {
                        known.insert(item.clone());
                        items.push(item);
                    }
                }
                Line::Garbage(number, what) => {
                    let line = format!("SYNCERROR: {}:{number}: {what}", path.display());
                    self.observer.log(Level::Error, &line);
                }
            }
        }
        Ok(items)
    }
}
