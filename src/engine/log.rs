//! Does what a sync log says, once: from a file (`-f`), or from memory, as Cyrus's
//! `sync_checkpoint` does.

use std::io::{BufReader, Read};
use std::path::Path;

use super::Client;
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::rolling::channel::Channel;
use crate::rolling::item::Item;
use crate::rolling::lines::{Line, Lines};
use crate::rolling::run::{Run, Undone};
use crate::rolling::work;
use crate::sync::is_locked;

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
            let mut lost = false;
            undone.extend(loop {
                let result = self.with_syncer(|syncer, context| {
                    Run::part(syncer, context.names, context.observer, &part)
                });
                match result {
                    Err(error) if error.kind() != Kind::Cancelled && !lost => {
                        self.observer.log(Level::Notice, &format!("trying again: {error}"));
                        lost = true;
                    }
                    other => break other?,
                }
            });
        }
        if self.staged.files() > 0 {
            self.with_syncer(|syncer, _| syncer.restart())?;
        }
        if self.settings.channel.is_some() {
            undone = self.defer(undone)?;
        }
        Ok(undone)
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

    /// The entries of a log; what is none is told.
    pub(super) fn read_log(&self, log: impl Read, path: &Path) -> Result<Vec<Item>> {
        let error = |error| Error::io("read sync log", path, error);
        let mut items = Vec::new();
        let mut lines = Lines::new(BufReader::new(log));
        while let Some(line) = lines.next_line().map_err(error)? {
            match line {
                Line::Item(item) => items.push(item),
                Line::Garbage(number, what) => {
                    let line = format!("SYNCERROR: {}:{number}: {what}", path.display());
                    self.observer.log(Level::Error, &line);
                }
            }
        }
        Ok(items)
    }
}
