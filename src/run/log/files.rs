//! Accesses the sync log of a channel on a real disk (`imap/sync_log.c`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::backlog::{Counter, born};
use super::disk::{Found, LogDisk, LogFile, LogReader, at_log};
use crate::error::{Error, Kind, Result};
use crate::names::Namespace;
use crate::run::freeze::Freeze;
use crate::store::Wait;
use crate::sys::file::open_unchecked;
use crate::sys::lock::{self, LockGuard, Mode};
use crate::types::Backlog;

/// The file beside a log that a client locks while it works on the channel.
pub const CLAIM: &str = "sync_client.lock";
/// The permissions that Cyrus uses for its logs and their directories.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o755;

/// The files of a channel.
#[derive(Debug)]
pub struct LogFiles {
    log: PathBuf,
    work: PathBuf,
    spare: PathBuf,
    guard: PathBuf,
    /// The work file that we read or wrote. No other file at its path may be replaced. It stays
    /// open, so that no other file gets its inode.
    ours: Option<File>,
    /// Waited for before each write.
    freeze: Option<Freeze>,
    /// Counters for the log and the work file, if the caller wants counts.
    counters: Option<[Counter; 2]>,
    /// The log that we have renamed to the work file and not read yet. It stays open, because
    /// Cyrus's own client may replace or remove the file at any moment.
    unread: Option<File>,
}

impl LogFiles {
    /// Uses the channel with the log at `log`. Opens nothing.
    pub fn new(log: impl Into<PathBuf>) -> LogFiles {
        let log = log.into();
        let with = |suffix: &str| {
            let mut path = log.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        };
        let guard = log.with_file_name(CLAIM);
        LogFiles {
            work: with("-run"),
            spare: with("-run.new"),
            guard,
            log,
            ours: None,
            unread: None,
            freeze: None,
            counters: None,
        }
    }

    /// Returns the same files, with writes that wait while somebody holds the server still.
    #[must_use]
    pub fn under(self, freeze: &Freeze) -> LogFiles {
        LogFiles { freeze: Some(freeze.clone()), ..self }
    }

    /// Returns the same files, with counters of their entries.
    #[must_use]
    pub fn counting(self, names: &Namespace) -> LogFiles {
        let counters = [&self.log, &self.work].map(|path| Counter::new(path, names));
        LogFiles { counters: Some(counters), ..self }
    }

    /// Returns the directory of the channel.
    pub fn directory(&self) -> &Path {
        self.log.parent().unwrap_or(&self.log)
    }

    /// Creates the directory. Otherwise the first writer would create it.
    fn make_directory(&self) -> Result<()> {
        let directory = self.directory();
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(DIRECTORY_MODE).create(directory);
        made.map_err(|error| at_log("create directory", directory, error))
    }

    /// Claims the channel: until the guard is dropped, no other client of this library can work on
    /// it. Writes our process id into the file.
    ///
    /// # Errors
    /// [`Kind::Locked`] if another client has claimed the channel.
    pub fn claim(&self) -> Result<LockGuard> {
        self.make_directory()?;
        let mut options = OpenOptions::new();
        let created = options.write(true).create(true).truncate(false).mode(FILE_MODE);
        created.open(&self.guard).map_err(|error| at_log("create", &self.guard, error))?;
        let guard = lock::lock_existing(&self.guard, Mode::Exclusive, Wait::Fail);
        let guard = guard.map_err(|error| match error.kind() {
            Kind::Locked => claimed(&self.log, &self.guard),
            _ => error,
        })?;
        let mut file = guard.file();
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        written.map_err(|error| at_log("write", &self.guard, error))?;
        Ok(guard)
    }

    /// Returns the process id of the client that has claimed the channel, or 0 if the file does not
    /// contain it. Takes no lock.
    pub fn claimed_by(&self) -> Option<u32> {
        let file = open(&self.guard).ok()?;
        lock::holder(&file, Mode::Exclusive).ok()??;
        let pid = fs::read_to_string(&self.guard).unwrap_or_default();
        Some(pid.trim().parse().unwrap_or(0))
    }

    /// Returns when the channel was last claimed, or `None` if it never was.
    pub fn claimed_at(&self) -> Option<SystemTime> {
        fs::metadata(&self.guard).and_then(|guard| guard.modified()).ok()
    }

    /// Opens and locks the file that currently has the log's name, for appending.
    fn open_log_locked(&self) -> Result<File> {
        let error = |error| at_log("append to sync log", &self.log, error);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(FILE_MODE);
        loop {
            let file = options.open(&self.log).map_err(error)?;
            lock::acquire(&file, &self.log, Mode::Exclusive, Wait::Block)?;
            if same_file(&file, &self.log).map_err(error)? {
                return Ok(file);
            }
        }
    }

    /// Gives `file` the name of the work file by `rename`, and remembers it as ours.
    fn place(
        &mut self,
        file: LogFile,
        rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let known = known_by(self.path(file))?;
        // If the file cannot be opened, reading it later will report the error.
        let unread = open(self.path(file)).ok();
        rename(self.path(file), &self.work)?;
        self.ours = Some(known);
        self.unread = unread.filter(|_| file == LogFile::Log);
        Ok(())
    }
}

impl LogDisk for LogFiles {
    fn path(&self, file: LogFile) -> &Path {
        match file {
            LogFile::Log => &self.log,
            LogFile::Work => &self.work,
            LogFile::Spare => &self.spare,
        }
    }

    fn hold(&self) -> Result<Option<LockGuard>> {
        self.freeze.as_ref().map_or(Ok(None), Freeze::over)
    }

    fn is_logged(&self) -> Result<bool> {
        match fs::metadata(&self.log) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            found => must_be_file(&found, &self.log).map(|()| true),
        }
    }

    fn work(&self) -> Result<Found> {
        let found = match fs::symlink_metadata(&self.work) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            found => found.map_err(|error| at_log("look for", &self.work, error))?,
        };
        if found.is_dir() {
            return Err(no_file(&self.work, "it is a directory"));
        }
        let ours = self.ours.as_ref().map(File::metadata).transpose();
        let ours = ours.map_err(|error| at_log("look for", &self.work, error))?;
        let is_ours = ours.is_some_and(|ours| identity(&ours) == identity(&found));
        Ok(if is_ours { Found::Ours } else { Found::Others })
    }

    fn open_work(&mut self) -> Result<Option<Box<dyn LogReader>>> {
        let file = match self.unread.take().map_or_else(|| open(&self.work), Ok) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at_log("open", &self.work, error)),
        };
        must_be_file(&file.metadata(), &self.work)?;
        // A writer may still have it locked from before the rename: wait for that writer.
        lock::acquire(&file, &self.work, Mode::Shared, Wait::Block)?;
        lock::release(&file);
        let ours = file.try_clone().map_err(|error| at_log("open", &self.work, error))?;
        self.ours = Some(ours);
        Ok(Some(Box::new(file)))
    }

    fn work_since(&self) -> Option<SystemTime> {
        self.ours.as_ref()?.metadata().ok().map(|file| born(&file))
    }

    fn append(&mut self, entries: &[u8]) -> Result<Range<u64>> {
        self.make_directory()?;
        let error = |error| at_log("append to sync log", &self.log, error);
        let mut file = self.open_log_locked()?;
        let start = file.seek(SeekFrom::End(0)).map_err(error)?;
        // If a writer's last entry is incomplete, start on a new line.
        let torn = start > 0 && last_byte(&mut file).map_err(error)? != b'\n';
        let end_of_line: &[u8] = if torn { b"\n" } else { b"" };
        let written = (file.write_all(end_of_line))
            .and_then(|()| file.write_all(entries))
            .and_then(|()| file.sync_data());
        if let Err(why) = written {
            let _ = file.set_len(start);
            return Err(error(why));
        }
        if start == 0 {
            self.sync_names()?;
        }
        let end = file.metadata().map_err(error)?.len();
        lock::release(&file);
        Ok(end.saturating_sub(entries.len() as u64)..end)
    }

    fn write_spare(&mut self, entries: &[u8]) -> Result<()> {
        let error = |error| at_log("write", &self.spare, error);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let mut file = options.open(&self.spare).map_err(error)?;
        file.write_all(entries).and_then(|()| file.sync_data()).map_err(error)
    }

    fn link_to_work(&mut self, file: LogFile) -> io::Result<()> {
        self.place(file, |from, to| fs::hard_link(from, to))
    }

    fn rename_to_work(&mut self, file: LogFile) -> io::Result<()> {
        self.place(file, |from, to| fs::rename(from, to))
    }

    fn remove(&mut self, file: LogFile) -> io::Result<()> {
        match fs::remove_file(self.path(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Syncs the directory, because only this makes a new name permanent.
    fn sync_names(&self) -> Result<()> {
        let directory = self.directory();
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(|error| at_log("write directory", directory, error))
    }

    fn backlog(&mut self, work: bool) -> Backlog {
        let Some([log, taken]) = &mut self.counters else { return Backlog::default() };
        let logged = log.count();
        let taken = if work { taken.count() } else { Backlog::default() };
        Backlog {
            entries: logged.entries.saturating_add(taken.entries),
            users: logged.users.max(taken.users),
        }
    }

    fn disown_work(&mut self) {
        self.ours = None;
    }
}

/// Opens a handle only to identify a file. The file itself may be unreadable.
fn known_by(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)
}

/// Makes the error for a log that another client has claimed.
fn claimed(log: &Path, guard: &Path) -> Error {
    let pid = fs::read_to_string(guard).unwrap_or_default();
    let detail = format!("process {} works on it already", pid.trim());
    Error::new(Kind::Locked, "claim sync log", log.display().to_string(), detail)
        .hint("stop it, or use another channel")
}

/// Opens a file for reading. Does not block if it is not a regular file.
fn open(path: &Path) -> io::Result<File> {
    open_unchecked(OpenOptions::new().read(true), path)
}

fn must_be_file(found: &io::Result<fs::Metadata>, path: &Path) -> Result<()> {
    match found {
        // A character device never blocks.
        Ok(found) if found.is_file() || found.file_type().is_char_device() => Ok(()),
        Ok(found) if found.is_dir() => Err(no_file(path, "it is a directory")),
        Ok(_) => Err(no_file(path, "it is no regular file")),
        Err(error) => Err(at_log("look for", path, io::Error::from(error.kind()))),
    }
}

fn no_file(path: &Path, what: &str) -> Error {
    let subject = path.display().to_string();
    Error::new(Kind::Io, "take over sync log", subject, what)
        .hint("move it away; Cyrus's daemons log nothing as long as it is in the place of the log")
}

/// Returns device and inode.
fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok(identity(&held) == identity(&named)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_one_client() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("sync/second/log");
        let files = LogFiles::new(&log);
        let guard = files.claim().unwrap();
        let error = LogFiles::new(&log).claim().unwrap_err();
        assert_eq!(error.kind(), Kind::Locked);
        let pid = std::process::id();
        assert!(error.to_string().contains(&format!("process {pid} works")), "{error}");
        drop(guard);
        files.claim().unwrap();
    }

    #[test]
    fn a_torn_line_does_not_swallow_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = LogFiles::new(dir.path().join("log"));
        files.append(b"USER fred\n").unwrap();
        let mut log = OpenOptions::new().append(true).open(&files.log).unwrap();
        log.write_all(b"MAILB").unwrap();
        assert_eq!(files.append(b"USER anna\n").unwrap(), 16..26);
        assert_eq!(fs::read(&files.log).unwrap(), b"USER fred\nMAILB\nUSER anna\n");
    }
}
