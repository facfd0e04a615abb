//! The sync log of a channel on a real disk (`imap/sync_log.c`).

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

/// The file beside a log that a client has locked as long as it works on the channel.
pub const CLAIM: &str = "sync_client.lock";
/// What Cyrus gives its logs and their directories.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o755;

/// The files of a channel.
#[derive(Debug)]
pub struct LogFiles {
    log: PathBuf,
    work: PathBuf,
    spare: PathBuf,
    guard: PathBuf,
    /// The work file that we read or wrote: nothing else that is called so is ours to replace. As
    /// long as it is open no other file gets its inode.
    ours: Option<File>,
    /// What is waited for before anything is written.
    freeze: Option<Freeze>,
    /// Count the log and the work file, where that is wanted.
    counters: Option<[Counter; 2]>,
    /// The log that became the work file and was not read yet. Cyrus's own client may give its name
    /// to another file, or take it away, at any moment.
    unread: Option<File>,
}

impl LogFiles {
    /// The channel whose log is at `log`. Nothing is opened.
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

    /// The same where nothing is written while the server is held still.
    #[must_use]
    pub fn under(self, freeze: &Freeze) -> LogFiles {
        LogFiles { freeze: Some(freeze.clone()), ..self }
    }

    /// The same where it can be told how much waits.
    #[must_use]
    pub fn counting(self, names: &Namespace) -> LogFiles {
        let counters = [&self.log, &self.work].map(|path| Counter::new(path, names));
        LogFiles { counters: Some(counters), ..self }
    }

    /// The directory of the channel.
    pub fn directory(&self) -> &Path {
        self.log.parent().unwrap_or(&self.log)
    }

    /// Makes the directory, which the first writer would make otherwise.
    fn make_directory(&self) -> Result<()> {
        let directory = self.directory();
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(DIRECTORY_MODE).create(directory);
        made.map_err(|error| at_log("create directory", directory, error))
    }

    /// Keeps every other client of this library from the channel, as long as the guard lives.
    /// The file holds our process id.
    ///
    /// # Errors
    /// [`Kind::Locked`] if another one has it.
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

    /// The process that has claimed the channel, if there is one; 0 if it does not say which one it
    /// is. Nothing is locked.
    pub fn claimed_by(&self) -> Option<u32> {
        let file = open(&self.guard).ok()?;
        lock::holder(&file, Mode::Exclusive).ok()??;
        let pid = fs::read_to_string(&self.guard).unwrap_or_default();
        Some(pid.trim().parse().unwrap_or(0))
    }

    /// When the channel was last claimed; `None` if it never was.
    pub fn claimed_at(&self) -> Option<SystemTime> {
        fs::metadata(&self.guard).and_then(|guard| guard.modified()).ok()
    }

    /// Opens the log to append to it, locked, as it is called now.
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

    /// Gives `file` the name of the work file by `rename`, and keeps it.
    fn place(
        &mut self,
        file: LogFile,
        rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let known = known_by(self.path(file))?;
        // One that we must not read says so when it is to be read.
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
        // Whoever still wrote to it when it was renamed has it locked.
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
        // After an entry that a writer could not finish, ours begin on a line of their own.
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

    /// A new name is on disk only when its directory is.
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

/// A handle only to know a file by: it may be one that we must not read.
fn known_by(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)
}

/// The error of a log that another client has claimed.
fn claimed(log: &Path, guard: &Path) -> Error {
    let pid = fs::read_to_string(guard).unwrap_or_default();
    let detail = format!("process {} works on it already", pid.trim());
    Error::new(Kind::Locked, "claim sync log", log.display().to_string(), detail)
        .hint("stop it, or use another channel")
}

/// Opens a file to read it, without waiting if it is none.
fn open(path: &Path) -> io::Result<File> {
    open_unchecked(OpenOptions::new().read(true), path)
}

fn must_be_file(found: &io::Result<fs::Metadata>, path: &Path) -> Result<()> {
    match found {
        // A device never keeps anybody waiting.
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

/// Device and inode.
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
