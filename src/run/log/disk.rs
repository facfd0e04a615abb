//! The file operations of the take-over of a sync log, as single steps. The log stays complete if
//! the client is killed between any two steps.

use std::io::{self, Read, Seek};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::sys::lock::LockGuard;
use crate::types::Backlog;

/// Hint for errors of a sync log's file or directory.
const HINT: &str = "Cyrus and sync_client must be able to write to the directory sync below \
                    configdirectory; keep the file, because its changes are not replicated yet";

/// A file of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFile {
    /// The log, to which Cyrus's daemons append.
    Log,
    /// The work file, with entries that were taken over and are not done.
    Work,
    /// A temporary file that becomes the work file when it is complete.
    Spare,
}

/// Owner of the file that has the name of the work file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There is no work file.
    Nothing,
    /// The work file that this client last read or wrote.
    Ours,
    /// A file of another client.
    Others,
}

/// A reader for a work file that can also seek.
pub trait LogReader: Read + Seek {}

impl<R: Read + Seek> LogReader for R {}

/// The directory of a channel. Each method makes a single change completely, or makes no change.
pub trait LogDisk {
    /// Returns the path of a file, for messages.
    fn path(&self, file: LogFile) -> &Path;

    /// Waits while an administrator holds the server still (`cyr_withlock_run`). The server cannot
    /// be held still until the returned guard is dropped.
    fn hold(&self) -> Result<Option<LockGuard>> {
        Ok(None)
    }

    /// Returns whether there is a log. Fails if its path is not a regular file.
    fn is_logged(&self) -> Result<bool>;

    /// Returns whether the work file exists, and whether it is ours. Fails if it is a directory.
    fn work(&self) -> Result<Found>;

    /// Opens the work file for reading from its start. Waits until no writer has it locked. The
    /// work file is then [`Found::Ours`], even if another client made it. Returns `None` if there
    /// is no work file.
    fn open_work(&mut self) -> Result<Option<Box<dyn LogReader>>>;

    /// Returns when the first entry of the work file was written, or `None` if this is unknown.
    fn work_since(&self) -> Option<SystemTime>;

    /// Appends whole entries to the log, like Cyrus's daemons do, and syncs them to disk. On
    /// failure no entry is appended. Returns the byte range of the entries in the log.
    fn append(&mut self, entries: &[u8]) -> Result<Range<u64>>;

    /// Writes the entries to the spare file and syncs it to disk.
    fn write_spare(&mut self, entries: &[u8]) -> Result<()>;

    /// Makes the name of the work file a hard link to the log or the spare file. The work file is
    /// then [`Found::Ours`]. Fails with [`io::ErrorKind::AlreadyExists`] if there is a work file.
    fn link_to_work(&mut self, file: LogFile) -> io::Result<()>;

    /// Renames the log or the spare file to the work file, and replaces an existing one. The work
    /// file is then [`Found::Ours`].
    fn rename_to_work(&mut self, file: LogFile) -> io::Result<()>;

    /// Removes a file. A missing file is no error.
    fn remove(&mut self, file: LogFile) -> io::Result<()>;

    /// Syncs the directory to disk, so that new and renamed files survive a crash of the system.
    fn sync_names(&self) -> Result<()>;

    /// Forgets our work file. Any later work file is then [`Found::Others`] until it is read or
    /// written.
    fn disown_work(&mut self);

    /// Counts the entries in the log and, with `work`, in the work file. An unreadable file counts
    /// as empty.
    fn backlog(&mut self, work: bool) -> Backlog;
}

/// Makes an error for a file or directory of a sync log.
pub fn at_log(op: &'static str, path: &Path, error: io::Error) -> Error {
    Error::io(op, path, error).or_hint(HINT)
}
