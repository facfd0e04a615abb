//! The file operations of the take-over of a sync log, as single steps. The client may be killed
//! between any two of them.

use std::io::{self, Read, Seek};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::sys::lock::LockGuard;
use crate::types::Backlog;

/// Hint for errors of a sync log's file or directory.
const HINT: &str = "Cyrus and sync_client must be able to write to the directory sync below \
                    configdirectory; what is logged there is not replicated yet: keep it";

/// A file of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFile {
    /// The log, to which Cyrus's daemons append.
    Log,
    /// The work file, with entries that were taken over and are not done.
    Work,
    /// A new work file that is not complete yet.
    Spare,
}

/// Which file has the name of the work file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There is no file.
    Nothing,
    /// The file that we last read or wrote.
    Ours,
    /// A file of another client.
    Others,
}

/// A reader for a work file.
pub trait LogReader: Read + Seek {}

impl<R: Read + Seek> LogReader for R {}

/// The directory of a channel. Each method makes a single change completely, or makes no change.
pub trait LogDisk {
    /// Returns the path of a file, for messages.
    fn path(&self, file: LogFile) -> &Path;

    /// Waits while somebody holds the server still. Until the guard is dropped, nobody can.
    fn hold(&self) -> Result<Option<LockGuard>> {
        Ok(None)
    }

    /// Returns whether there is a log. Fails if something else has its name.
    fn is_logged(&self) -> Result<bool>;

    /// Returns whose work file this is. Fails if it is a directory.
    fn work(&self) -> Result<Found>;

    /// Opens the work file for reading from its start, once nobody writes to it any more. From then
    /// on it is [`Found::Ours`], even if somebody else made it. Returns `None` if there is none.
    fn open_work(&mut self) -> Result<Option<Box<dyn LogReader>>>;

    /// Returns when the first entry of the last opened work file was written, as far as the file
    /// system knows.
    fn work_since(&self) -> Option<SystemTime>;

    /// Appends whole entries to the log like Cyrus's daemons do: either all or none, and synced to
    /// disk. Returns the range of the entries.
    fn append(&mut self, entries: &[u8]) -> Result<Range<u64>>;

    /// Writes the spare file and syncs it to disk.
    fn write_spare(&mut self, entries: &[u8]) -> Result<()>;

    /// Makes the name of the work file a hard link to the log or the spare file. The work file is
    /// then [`Found::Ours`]. Fails with [`io::ErrorKind::AlreadyExists`] if there is a work file.
    fn link_to_work(&mut self, file: LogFile) -> io::Result<()>;

    /// Renames the log or the spare file to the work file, replacing any old one. The work file is
    /// then [`Found::Ours`].
    fn rename_to_work(&mut self, file: LogFile) -> io::Result<()>;

    /// Removes a file. A missing file is no error.
    fn remove(&mut self, file: LogFile) -> io::Result<()>;

    /// Syncs the directory to disk.
    fn sync_names(&self) -> Result<()>;

    /// Forgets which work file is ours.
    fn disown_work(&mut self);

    /// Counts the entries in the log and, with `work`, in the work file. An unreadable file counts
    /// as empty.
    fn backlog(&mut self, work: bool) -> Backlog;
}

/// Makes an error for a file or directory of a sync log.
pub fn at_log(op: &'static str, path: &Path, error: io::Error) -> Error {
    Error::io(op, path, error).or_hint(HINT)
}
