//! The sync log of a channel on disk (`imap/sync_log.c`).
//!
//! Cyrus's daemons append to `log`. We take it over by renaming it to `log-run`, and keep there
//! what is not on the replica yet, until there is nothing left. So `log-run` and `log` together
//! hold at every moment all that is still to do, in a form that Cyrus's own client goes on from.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::store::Wait;
use crate::sys::lock::{self, LockGuard, Mode};

const OP: &str = "take over sync log";
/// What to do about a file or directory of a sync log.
pub const HINT: &str = "Cyrus and sync_client must be able to write to the directory sync below \
                        configdirectory; what is logged there is not replicated yet: keep it";
/// What Cyrus gives its logs and their directories.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o755;

/// The log of a channel.
#[derive(Debug)]
pub struct Channel {
    log: PathBuf,
    work: PathBuf,
    spare: PathBuf,
    guard: PathBuf,
    /// The work file that we read or wrote: nothing else that is called so is ours to replace. As long
    /// as it is open no other file gets its inode.
    held: Mutex<Option<File>>,
}

/// What [`Channel::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing was logged.
    Nothing,
    /// The work file is new; where in it is what was put back.
    Work(Range<u64>),
    /// The work file is another client's.
    Others,
}

/// Where [`Channel::keep`] keeps what is not done.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the work file, as always.
    Work,
    /// In the log, for the work file is another client's.
    Log,
}

/// What is called like the work file.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Ours,
    Others,
}

impl Channel {
    /// The channel whose log is at `log`. Nothing is opened.
    pub fn new(log: impl Into<PathBuf>) -> Channel {
        let log = log.into();
        let with = |suffix: &str| {
            let mut path = log.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        };
        let guard = log.with_file_name("sync_client.lock");
        Channel { work: with("-run"), spare: with("-run.new"), guard, log, held: Mutex::default() }
    }

    /// Where Cyrus's daemons write.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What was taken over and is not done.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Makes the directory, which the first writer would make otherwise.
    pub fn make_directory(&self) -> Result<()> {
        let Some(directory) = self.log.parent() else { return Ok(()) };
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
            Kind::Locked => {
                let pid = fs::read_to_string(&self.guard).unwrap_or_default();
                let detail = format!("process {} works on it already", pid.trim());
                let subject = self.log.display().to_string();
                Error::new(Kind::Locked, "claim sync log", subject, detail)
                    .hint("stop it, or use another channel")
            }
            _ => error,
        })?;
        let mut file = guard.file();
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        written.map_err(|error| at_log("write", &self.guard, error))?;
        Ok(guard)
    }

    /// The work file, to be read from its start; `None` if there is none. Whoever still wrote to
    /// it when it was renamed is waited for. It is ours from then on, whoever made it.
    pub fn open_work(&self) -> Result<Option<File>> {
        let file = match File::open(&self.work) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at_log("open", &self.work, error)),
        };
        must_be_file(&file.metadata(), &self.work)?;
        lock::acquire(&file, &self.work, Mode::Shared, Wait::Block)?;
        lock::release(&file);
        let held = file.try_clone().map_err(|error| at_log("open", &self.work, error))?;
        self.hold(Some(held));
        Ok(Some(file))
    }

    fn hold(&self, file: Option<File>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = file;
    }

    /// Whose the work file is.
    fn found(&self) -> Result<Found> {
        let found = match fs::symlink_metadata(&self.work) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            found => found.map_err(|error| at_log("look for", &self.work, error))?,
        };
        if found.is_dir() {
            return Err(no_file(&self.work));
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_ref().map(File::metadata).transpose();
        let held = held.map_err(|error| at_log("look for", &self.work, error))?;
        let is_ours = held.is_some_and(|held| identity(&held) == identity(&found));
        Ok(if is_ours { Found::Ours } else { Found::Others })
    }

    /// Calls `file` the work file, unless another client has one by now. Returns whether it does.
    fn place(&self, file: &Path, found: &Found) -> io::Result<bool> {
        // Only to know it by: it may be one that we must not read.
        let held = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(file)?;
        if *found == Found::Nothing {
            match fs::hard_link(file, &self.work) {
                Ok(()) => fs::remove_file(file)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                // A file system without links: then between looking and renaming there is a moment.
                Err(_) => fs::rename(file, &self.work)?,
            }
        } else {
            fs::rename(file, &self.work)?;
        }
        self.hold(Some(held));
        Ok(true)
    }

    /// Makes what was logged since the work file. `undone` is what the work file holds: it is put
    /// back to the log first, so that the new work file has both.
    ///
    /// Cyrus's own client knows no claim: it may work on the channel beside this one, and removes the
    /// work file by its name. So a work file that is not ours stays where it is.
    pub fn take(&self, undone: &[u8]) -> Result<Taken> {
        match fs::metadata(&self.log) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Taken::Nothing),
            found => must_be_file(&found, &self.log)?,
        }
        // Renaming is the last step, so that what fails leaves things as they are.
        if self.found()? == Found::Others {
            return Ok(Taken::Others);
        }
        let put_back = match undone {
            [] => 0..0,
            undone => self.append(undone)?,
        };
        let found = self.found()?;
        if found == Found::Others {
            return Ok(Taken::Others);
        }
        match self.place(&self.log, &found) {
            Ok(true) => Ok(Taken::Work(put_back)),
            Ok(false) => Ok(Taken::Others),
            // Another client was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Taken::Nothing),
            Err(error) => Err(at_log(OP, &self.log, error)),
        }
    }

    /// Appends entries as Cyrus's daemons do (`sync_log_base`): all or nothing, and on disk when
    /// it returns. Returns where they are.
    pub fn append(&self, lines: &[u8]) -> Result<Range<u64>> {
        self.make_directory()?;
        let error = |error| at_log("append to sync log", &self.log, error);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(FILE_MODE);
        loop {
            let mut file = options.open(&self.log).map_err(error)?;
            lock::acquire(&file, &self.log, Mode::Exclusive, Wait::Block)?;
            if !same_file(&file, &self.log).map_err(error)? {
                continue;
            }
            let start = file.seek(SeekFrom::End(0)).map_err(error)?;
            // After a line that a writer could not finish, ours begin on one of their own.
            let torn = start > 0 && last_byte(&mut file).map_err(error)? != b'\n';
            let end_of_line: &[u8] = if torn { b"\n" } else { b"" };
            let written = (file.write_all(end_of_line))
                .and_then(|()| file.write_all(lines))
                .and_then(|()| file.sync_data());
            if let Err(why) = written {
                let _ = file.set_len(start);
                return Err(error(why));
            }
            if start == 0 {
                sync_directory(&self.log)?;
            }
            let end = file.metadata().map_err(error)?.len();
            lock::release(&file);
            return Ok(end.saturating_sub(lines.len() as u64)..end);
        }
    }

    /// Replaces what is not done; removes the work file if that is nothing. Where the work file is
    /// another client's, that stays, and the log gets what is not done.
    pub fn keep(&self, undone: &[u8]) -> Result<Kept> {
        let found = self.found()?;
        if undone.is_empty() {
            if found == Found::Ours {
                self.remove()?;
            }
            self.hold(None);
            return Ok(Kept::Work);
        }
        if found == Found::Others {
            self.append(undone)?;
            return Ok(Kept::Log);
        }
        let error = |error| at_log("write", &self.spare, error);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&self.spare)
            .map_err(error)?;
        file.write_all(undone).and_then(|()| file.sync_data()).map_err(error)?;
        let found = self.found()?;
        let placed = found != Found::Others
            && self
                .place(&self.spare, &found)
                .map_err(|error| at_log("replace", &self.work, error))?;
        if !placed {
            self.append(undone)?;
            return Ok(Kept::Log);
        }
        sync_directory(&self.work)?;
        Ok(Kept::Work)
    }

    fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.work) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(at_log("remove", &self.work, error))
            }
            _ => Ok(()),
        }
    }
}

/// A new name is on disk only when its directory is.
fn sync_directory(file: &Path) -> Result<()> {
    let Some(directory) = file.parent() else { return Ok(()) };
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| at_log("write directory", directory, error))
}

fn must_be_file(found: &io::Result<fs::Metadata>, path: &Path) -> Result<()> {
    match found {
        Ok(found) if found.is_dir() => Err(no_file(path)),
        Ok(_) => Ok(()),
        Err(error) => Err(at_log("look for", path, io::Error::from(error.kind()))),
    }
}

fn at_log(op: &'static str, path: &Path, error: io::Error) -> Error {
    Error::io(op, path, error).or_hint(HINT)
}

fn no_file(path: &Path) -> Error {
    Error::new(Kind::Io, OP, path.display().to_string(), "it is a directory")
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

    fn channel() -> (tempfile::TempDir, Channel) {
        let dir = tempfile::tempdir().unwrap();
        let channel = Channel::new(dir.path().join("sync/second/log"));
        (dir, channel)
    }

    /// What the work file holds.
    fn work(channel: &Channel) -> Option<String> {
        let mut text = String::new();
        channel.open_work().unwrap()?.read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn what_is_appended_is_taken_over_once() {
        let (_dir, channel) = channel();
        assert_eq!(channel.take(b"").unwrap(), Taken::Nothing);
        channel.append(b"USER fred\n").unwrap();
        channel.append(b"USER anna\n").unwrap();
        assert_eq!(channel.take(b"").unwrap(), Taken::Work(0..0));
        assert_eq!(work(&channel).unwrap(), "USER fred\nUSER anna\n");
        assert_eq!(channel.take(b"").unwrap(), Taken::Nothing);
        assert_eq!(work(&channel).unwrap(), "USER fred\nUSER anna\n");
        channel.keep(b"").unwrap();
        assert_eq!(work(&channel), None);
        channel.keep(b"").unwrap();
    }

    #[test]
    fn what_is_not_done_is_never_gone_from_both_files() {
        let (_dir, channel) = channel();
        channel.append(b"USER fred\nUSER anna\n").unwrap();
        assert_eq!(channel.take(b"").unwrap(), Taken::Work(0..0));
        channel.keep(b"USER anna\n").unwrap();
        assert_eq!(work(&channel).unwrap(), "USER anna\n");
        channel.append(b"USER zoe\n").unwrap();
        assert_eq!(channel.take(b"USER anna\n").unwrap(), Taken::Work(9..19));
        assert_eq!(work(&channel).unwrap(), "USER zoe\nUSER anna\n");
    }

    #[test]
    fn a_torn_line_does_not_swallow_the_next() {
        let (_dir, channel) = channel();
        channel.append(b"USER fred\n").unwrap();
        OpenOptions::new().append(true).open(channel.log()).unwrap().write_all(b"MAILB").unwrap();
        assert_eq!(channel.append(b"USER anna\n").unwrap(), 16..26);
        assert_eq!(channel.take(b"").unwrap(), Taken::Work(0..0));
        assert_eq!(work(&channel).unwrap(), "USER fred\nMAILB\nUSER anna\n");
    }

    #[test]
    fn a_full_disk_leaves_both_files_as_they_were() {
        let (_dir, channel) = channel();
        channel.append(b"USER fred\nUSER anna\n").unwrap();
        assert_eq!(channel.take(b"").unwrap(), Taken::Work(0..0));
        std::os::unix::fs::symlink("/dev/full", &channel.spare).unwrap();
        assert_eq!(channel.keep(b"USER anna\n").unwrap_err().io_kind(), Some(FULL));
        assert_eq!(work(&channel).unwrap(), "USER fred\nUSER anna\n");
        std::os::unix::fs::symlink("/dev/full", channel.log()).unwrap();
        assert_eq!(channel.take(b"USER anna\n").unwrap_err().io_kind(), Some(FULL));
        assert_eq!(work(&channel).unwrap(), "USER fred\nUSER anna\n");
    }

    const FULL: io::ErrorKind = io::ErrorKind::StorageFull;

    #[test]
    fn a_directory_in_the_place_of_a_log_is_left_alone() {
        let (_dir, channel) = channel();
        fs::create_dir_all(channel.log()).unwrap();
        let told = |error: Error| assert!(error.to_string().contains("is a directory"), "{error}");
        told(channel.take(b"").unwrap_err());
        fs::remove_dir(channel.log()).unwrap();
        channel.append(b"USER fred\n").unwrap();
        fs::create_dir(channel.work()).unwrap();
        for _ in 0..3 {
            told(channel.take(b"USER anna\n").unwrap_err());
        }
        told(channel.open_work().unwrap_err());
        assert_eq!(fs::read_to_string(channel.log()).unwrap(), "USER fred\n");
    }

    #[test]
    fn the_work_file_of_another_client_is_left_alone() {
        let (_dir, channel) = channel();
        channel.append(b"USER fred\n").unwrap();
        channel.take(b"").unwrap();
        // Cyrus's client did ours and removed it, and took over what was logged since.
        fs::remove_file(channel.work()).unwrap();
        fs::write(channel.work(), "USER zoe\n").unwrap();
        assert_eq!(channel.keep(b"USER fred\n").unwrap(), Kept::Log);
        let left = || fs::read_to_string(channel.work()).unwrap();
        assert_eq!(left(), "USER zoe\n");
        assert_eq!(fs::read_to_string(channel.log()).unwrap(), "USER fred\n");
        assert_eq!(channel.take(b"USER fred\n").unwrap(), Taken::Others);
        assert_eq!(channel.keep(b"").unwrap(), Kept::Work);
        assert_eq!(left(), "USER zoe\n", "nothing of ours is in it");
        fs::remove_file(channel.work()).unwrap();
        assert_eq!(channel.take(b"").unwrap(), Taken::Work(0..0));
        assert_eq!(left(), "USER fred\n");
        assert_eq!(channel.keep(b"USER fred\n").unwrap(), Kept::Work);
        assert_eq!(channel.keep(b"").unwrap(), Kept::Work);
        assert!(!channel.work().exists());
        // What was left there by somebody is ours once it was read.
        fs::write(channel.work(), "USER anna\n").unwrap();
        assert_eq!(work(&channel).unwrap(), "USER anna\n");
        channel.keep(b"").unwrap();
        assert!(!channel.work().exists());
    }

    #[test]
    fn a_channel_has_one_client() {
        let (_dir, channel) = channel();
        let guard = channel.claim().unwrap();
        let error = Channel::new(channel.log()).claim().unwrap_err();
        assert_eq!(error.kind(), Kind::Locked);
        let pid = std::process::id();
        assert!(error.to_string().contains(&format!("process {pid} works")), "{error}");
        drop(guard);
        channel.claim().unwrap();
    }

    #[test]
    fn writers_and_a_reader_lose_nothing() {
        const WRITERS: u32 = 4;
        const EACH: u32 = 100;
        let (_dir, channel) = channel();
        let mut found = String::new();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let channel = &channel;
                    scope.spawn(move || {
                        for number in 0..EACH {
                            let line = format!("USER {writer}-{number}\n");
                            channel.append(line.as_bytes()).unwrap();
                        }
                    })
                })
                .collect();
            loop {
                let ended = writers.iter().all(|writer| writer.is_finished());
                match channel.take(b"").unwrap() {
                    Taken::Work(_) => found += &work(&channel).unwrap(),
                    _ if ended => break,
                    _ => std::thread::yield_now(),
                }
            }
        });
        let mut lines: Vec<_> = found.lines().collect();
        assert_eq!(lines.len() as u32, WRITERS * EACH);
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len() as u32, WRITERS * EACH);
    }
}
