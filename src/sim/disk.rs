//! The channel's directory with the sync log, as a client uses it. The files stay when the client
//! is killed.

use std::io::{self, Cursor, ErrorKind};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use super::files::{Files, name};
use super::plant::Plant;
use super::world::Shared;
use crate::error::{Error, Kind, Result};
use crate::run::log::disk::{Found, LogDisk, LogFile, LogReader, at_log};
use crate::types::Backlog;

fn without_last_line(mut content: Vec<u8>) -> Vec<u8> {
    content.pop();
    let start = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    content.truncate(start);
    content
}

/// The directory, as one client uses it.
#[derive(Debug)]
pub(super) struct Disk {
    world: Shared,
    /// The number of the work file that this client last read or wrote.
    ours: Option<u64>,
}

impl Disk {
    pub fn new(world: &Shared) -> Disk {
        Disk { world: world.clone(), ours: None }
    }

    fn full() -> io::Error {
        io::Error::from(ErrorKind::StorageFull)
    }

    /// Carries out a disk operation. Fails if the client is killed before it, or if it needs space
    /// and the disk is full.
    fn write<T>(
        &self,
        needs_room: bool,
        what: &str,
        act: impl FnOnce(&mut Files) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = self.world.enter();
        if world.is_killed_before(|| format!("it could {what}")) {
            return Err(io::Error::from(ErrorKind::Interrupted));
        }
        let one_in = world.faults.disk_full;
        if needs_room && world.chance.strikes(one_in) {
            world.trace(|| format!("client: cannot {what}: the disk is full"));
            return Err(Self::full());
        }
        let done = act(&mut world.files);
        let failed = done.as_ref().err().map(|error| format!(" ({})", error.kind()));
        world.trace(|| format!("client: {what}{}", failed.unwrap_or_default()));
        done
    }
}

impl LogDisk for Disk {
    fn path(&self, file: LogFile) -> &Path {
        Path::new(name(file))
    }

    fn is_logged(&self) -> Result<bool> {
        Ok(self.world.enter().files.number(LogFile::Log).is_some())
    }

    fn work(&self) -> Result<Found> {
        let work = self.world.enter().files.number(LogFile::Work);
        Ok(match work {
            None => Found::Nothing,
            Some(_) if work == self.ours => Found::Ours,
            Some(_) => Found::Others,
        })
    }

    fn open_work(&mut self) -> Result<Option<Box<dyn LogReader>>> {
        let mut world = self.world.enter();
        if world.is_dead {
            return Err(Error::new(Kind::Cancelled, "read", "work file", "killed"));
        }
        self.ours = world.files.number(LogFile::Work);
        let mut content = world.files.read(LogFile::Work).map(<[u8]>::to_vec);
        let plant = world.plant;
        match plant {
            Some(Plant::RemovesWorkEarly) => world.files.unlink(LogFile::Work),
            Some(Plant::DropsLogLine) if world.chance.one_in(8) => {
                content = content.map(without_last_line);
            }
            _ => {}
        }
        Ok(content.map(|content| Box::new(Cursor::new(content)) as Box<dyn LogReader>))
    }

    fn append(&mut self, entries: &[u8]) -> Result<Range<u64>> {
        let done =
            self.write(true, "append to the log", |files| Ok(files.append(LogFile::Log, entries)));
        done.map_err(|error| at_log("append to sync log", self.path(LogFile::Log), error))
    }

    fn write_spare(&mut self, entries: &[u8]) -> Result<()> {
        // Opening a file that exists would change the work file, if a client was killed before it
        // removed the other name of that file.
        let removed = self.remove(LogFile::Spare);
        let done = removed.and_then(|()| {
            self.write(true, "write a new work file", |files| {
                files.overwrite(LogFile::Spare, entries);
                Ok(())
            })
        });
        done.map_err(|error| at_log("write", self.path(LogFile::Spare), error))
    }

    fn link_to_work(&mut self, file: LogFile) -> io::Result<()> {
        let linked = self.write(false, "link a file to the work file", |files| {
            if files.number(LogFile::Work).is_some() {
                return Err(io::Error::from(ErrorKind::AlreadyExists));
            }
            let number = files.number(file).ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
            files.names.insert(name(LogFile::Work), number);
            Ok(number)
        });
        self.ours = Some(linked?);
        Ok(())
    }

    fn rename_to_work(&mut self, file: LogFile) -> io::Result<()> {
        let renamed = self.write(false, "rename a file to the work file", |files| {
            let number = files.number(file).ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
            // Like rename(2), do nothing if both names belong to one file.
            if files.number(LogFile::Work) != Some(number) {
                files.unlink(LogFile::Work);
                files.names.insert(name(LogFile::Work), number);
                files.names.remove(name(file));
            }
            Ok(number)
        });
        let renamed = renamed?;
        self.ours = Some(renamed);
        if self.world.enter().files.number(file) == Some(renamed) {
            return self.remove(file);
        }
        Ok(())
    }

    fn remove(&mut self, file: LogFile) -> io::Result<()> {
        self.write(false, &format!("remove {}", name(file)), |files| {
            files.unlink(file);
            Ok(())
        })
    }

    fn sync_names(&self) -> Result<()> {
        Ok(())
    }

    fn disown_work(&mut self) {
        self.ours = None;
    }

    fn work_since(&self) -> Option<SystemTime> {
        None
    }

    /// Returns no backlog, because the backlog is only used for reports.
    fn backlog(&mut self, _: bool) -> Backlog {
        Backlog::default()
    }
}
