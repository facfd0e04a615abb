//! The directory of a channel's sync log, in memory: names of files, and what is in them. A client
//! that is killed leaves it as it is.

use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind};
use std::ops::Range;
use std::path::Path;

use super::plant::Plant;
use super::world::Shared;
use crate::error::{Error, Kind, Result};
use crate::run::log::disk::{Found, LogDisk, LogFile, LogReader, at_log};
use crate::run::log::entry::LogEntry;

/// What is on disk.
#[derive(Debug, Default)]
pub(super) struct Files {
    names: BTreeMap<&'static str, u64>,
    contents: BTreeMap<u64, Vec<u8>>,
    next: u64,
}

fn name(file: LogFile) -> &'static str {
    match file {
        LogFile::Log => "log",
        LogFile::Work => "log-run",
        LogFile::Spare => "log-run.new",
    }
}

impl Files {
    fn number(&self, file: LogFile) -> Option<u64> {
        self.names.get(name(file)).copied()
    }

    /// What a file holds.
    pub fn read(&self, file: LogFile) -> Option<&[u8]> {
        self.contents.get(&self.number(file)?).map(Vec::as_slice)
    }

    /// Appends to a file, which is made if there is none.
    pub fn append(&mut self, file: LogFile, bytes: &[u8]) -> Range<u64> {
        let number = self.number(file).unwrap_or_else(|| {
            self.next += 1;
            self.names.insert(name(file), self.next);
            self.next
        });
        let content = self.contents.entry(number).or_default();
        let start = content.len() as u64;
        content.extend_from_slice(bytes);
        start..content.len() as u64
    }

    fn unlink(&mut self, file: LogFile) {
        self.names.remove(name(file));
        let used: Vec<u64> = self.names.values().copied().collect();
        self.contents.retain(|number, _| used.contains(number));
    }

    /// The entries of log and work file together.
    pub fn entries(&self) -> Vec<LogEntry> {
        let mut all = Vec::new();
        for file in [LogFile::Work, LogFile::Log] {
            let lines = self.read(file).unwrap_or_default().split(|byte| *byte == b'\n');
            all.extend(lines.filter_map(|line| LogEntry::parse(line).ok().flatten()));
        }
        all
    }

    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.entries().is_empty()
    }
}

fn without_last_line(mut content: Vec<u8>) -> Vec<u8> {
    content.pop();
    let start = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    content.truncate(start);
    content
}

/// The directory as a client sees it.
#[derive(Debug)]
pub(super) struct Disk {
    world: Shared,
    /// The work file that we read or wrote last.
    ours: Option<u64>,
}

impl Disk {
    pub fn new(world: &Shared) -> Disk {
        Disk { world: world.clone(), ours: None }
    }

    fn full() -> io::Error {
        io::Error::from(ErrorKind::StorageFull)
    }

    /// Does something to the disk, unless the client is killed before or the disk is full.
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
            world.tell(|| format!("client: cannot {what}: the disk is full"));
            return Err(Self::full());
        }
        let done = act(&mut world.files);
        let failed = done.as_ref().err().map(|error| format!(" ({})", error.kind()));
        world.tell(|| format!("client: {what}{}", failed.unwrap_or_default()));
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
        let done = self.write(true, "write a new work file", |files| {
            files.unlink(LogFile::Spare);
            files.append(LogFile::Spare, entries);
            Ok(())
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
            files.unlink(LogFile::Work);
            files.names.insert(name(LogFile::Work), number);
            files.names.remove(name(file));
            Ok(number)
        });
        self.ours = Some(renamed?);
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
}
