//! Accesses the sync log of a channel on a real disk (`imap/sync_log.c`).

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
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
/// The permissions that Cyrus uses for its logs and their directories, before the umask.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o755;

/// The files of a channel.
#[derive(Debug)]
pub struct LogFiles {
    log: PathBuf,
    work: PathBuf,
    spare: PathBuf,
    guard: PathBuf,
    /// The work file that we last read or wrote. A file with another inode at this path belongs to
    /// another client and must not be replaced. The handle stays open, so that the inode is not
    /// reused.
    ours: Option<File>,
    /// The lock that an administrator uses to hold the server still. Each write waits for it.
    freeze: Option<Freeze>,
    /// Counters for the log and the work file. `None` if no counts were requested.
    counters: Option<[Counter; 2]>,
    /// The log that was renamed to the work file and not read yet. It stays open, because Cyrus's
    /// own client may replace or remove the file at any moment.
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

    /// Returns the same files, whose writes wait while an administrator holds the server still.
    #[must_use]
    pub fn under(self, freeze: &Freeze) -> LogFiles {
        LogFiles { freeze: Some(freeze.clone()), ..self }
    }

    /// Returns the same files, with counters for the entries of log and work file.
    #[must_use]
    pub fn counting(self, names: &Namespace) -> LogFiles {
        let counters = [&self.log, &self.work].map(|path| Counter::new(path, names));
        LogFiles { counters: Some(counters), ..self }
    }

    /// Returns the directory of the channel.
    pub fn directory(&self) -> &Path {
        self.log.parent().unwrap_or(&self.log)
    }

    /// Creates the channel's directory. Cyrus's daemons create it only with the first entry.
    fn make_directory(&self) -> Result<()> {
        let directory = self.directory();
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(DIRECTORY_MODE).create(directory);
        made.map_err(|error| at_log("create directory", directory, error))
    }

    /// Claims the channel with a lock, and writes our process id into the lock file. No other
    /// client of this library can work on the channel until the guard is dropped.
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
        // Users in the group of the file may ask for the status, whatever the umask is. If another
        // user owns the file, that user decides.
        let _ = file.set_permissions(Permissions::from_mode(FILE_MODE));
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        written.map_err(|error| at_log("write", &self.guard, error))?;
        Ok(guard)
    }

    /// Returns the process id of the client that has claimed the channel, or 0 if the lock file has
    /// no process id. Returns `None` if no client has claimed it. Takes no lock.
    ///
    /// # Errors
    /// [`Kind::Io`] if the lock file exists, but cannot be opened.
    pub fn claimed_by(&self) -> Result<Option<u32>> {
        let error = |error| Error::io("look for a client at", &self.guard, error);
        let file = match open(&self.guard) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(error)?,
        };
        if lock::holder(&file, Mode::Exclusive).map_err(error)?.is_none() {
            return Ok(None);
        }
        let pid = fs::read_to_string(&self.guard).unwrap_or_default();
        Ok(Some(pid.trim().parse().unwrap_or(0)))
    }

    /// Returns when the channel was last claimed, or `None` if it was never claimed.
    pub fn claimed_at(&self) -> Option<SystemTime> {
        fs::metadata(&self.guard).and_then(|guard| guard.modified()).ok()
    }

    /// Opens and locks the file that has the log's name, for appending. Repeats this if the log was
    /// renamed before it was locked.
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

    /// Gives `file` the name of the work file by calling `rename`, and remembers it as ours.
    fn place(
        &mut self,
        file: LogFile,
        rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let known = known_by(self.path(file))?;
        // Ignore errors here: reading the work file later reports them.
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
        // A writer that opened the log before the rename may still hold its lock. Wait for that
        // writer.
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
        // If the last entry in the log has no line end, start a new line.
        let torn = start > 0 && last_byte(&mut file).map_err(error)? != b'\n';
        let end_of_line: &[u8] = if torn { b"\n" } else { b"" };
        let written = (file.write_all(end_of_line))
            .and_then(|()| file.write_all(entries))
            .and_then(|()| file.sync_data());
        let written = written.map_err(error);
        let synced = written.and_then(|()| if start == 0 { self.sync_names() } else { Ok(()) });
        if let Err(error) = synced {
            // On failure the log has none of the entries.
            let _ = file.set_len(start);
            return Err(error);
        }
        lock::release(&file);
        let begin = start + end_of_line.len() as u64;
        Ok(begin..begin + entries.len() as u64)
    }

    fn write_spare(&mut self, entries: &[u8]) -> Result<()> {
        let error = |error| at_log("write", &self.spare, error);
        let mut options = OpenOptions::new();
        options.write(true).mode(FILE_MODE);
        // A client that was killed after `link_to_work` left this name to the work file itself. So
        // always write a new file. Tests put `/dev/full` here.
        if !fs::metadata(&self.spare).is_ok_and(|found| found.file_type().is_char_device()) {
            remove(&self.spare).map_err(error)?;
            options.create_new(true);
        }
        let mut file = options.open(&self.spare).map_err(error)?;
        file.write_all(entries).and_then(|()| file.sync_data()).map_err(error)
    }

    fn link_to_work(&mut self, file: LogFile) -> io::Result<()> {
        self.place(file, |from, to| fs::hard_link(from, to))
    }

    fn rename_to_work(&mut self, file: LogFile) -> io::Result<()> {
        self.place(file, |from, to| fs::rename(from, to))?;
        // If both names belong to one file, because a client was killed after `link_to_work`,
        // rename(2) does nothing.
        let from = self.path(file);
        match &self.ours {
            Some(work) if same_file(work, from)? => remove(from),
            _ => Ok(()),
        }
    }

    fn remove(&mut self, file: LogFile) -> io::Result<()> {
        remove(self.path(file))
    }

    /// Syncs the directory. Without this, a new file name may be lost in a crash.
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

/// Removes a file if it exists.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens a handle with which a file can be identified. This also works for an unreadable file.
fn known_by(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)
}

/// Makes the error for a channel that another client has claimed.
fn claimed(log: &Path, guard: &Path) -> Error {
    let pid = fs::read_to_string(guard).unwrap_or_default();
    let detail = format!("process {} already works on it", pid.trim());
    Error::new(Kind::Locked, "claim sync log", log.display().to_string(), detail)
        .with_hint("stop that process, or use another channel")
}

/// Opens a file for reading. Does not block if it is not a regular file.
fn open(path: &Path) -> io::Result<File> {
    open_unchecked(OpenOptions::new().read(true), path)
}

fn must_be_file(found: &io::Result<fs::Metadata>, path: &Path) -> Result<()> {
    match found {
        // A character device (`/dev/full` in tests) never blocks, so it is allowed.
        Ok(found) if found.is_file() || found.file_type().is_char_device() => Ok(()),
        Ok(found) if found.is_dir() => Err(no_file(path, "it is a directory")),
        Ok(_) => Err(no_file(path, "it is not a regular file")),
        Err(error) => Err(at_log("look for", path, io::Error::from(error.kind()))),
    }
}

fn no_file(path: &Path, what: &str) -> Error {
    let subject = path.display().to_string();
    Error::new(Kind::Io, "take over sync log", subject, what)
        .with_hint("move it away; Cyrus's daemons log no changes while it has the name of the log")
}

/// Returns device and inode of a file.
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
        assert!(error.to_string().contains(&format!("process {pid} already works")), "{error}");
        drop(guard);
        files.claim().unwrap();
    }

    #[test]
    fn a_lock_file_that_cannot_be_opened_is_not_a_channel_without_a_client() {
        let dir = tempfile::tempdir().unwrap();
        let files = LogFiles::new(dir.path().join("log"));
        assert_eq!(files.claimed_by().unwrap(), None, "there is no lock file");
        let guard = files.claim().unwrap();
        assert_eq!(files.claimed_by().unwrap(), Some(std::process::id()));
        drop(guard);
        assert_eq!(files.claimed_by().unwrap(), None, "the client has ended");
        // Permissions do not stop root, so make a file that nobody can open.
        fs::remove_file(&files.guard).unwrap();
        std::os::unix::fs::symlink(&files.guard, &files.guard).unwrap();
        let error = files.claimed_by().unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert!(error.to_string().contains(CLAIM), "{error}");
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
