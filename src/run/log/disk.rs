//! What the hand-over of a sync log does to the disk, one step at a time: a client may be killed
//! between any two of these.

use std::io::{self, Read, Seek};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::sys::lock::LockGuard;
use crate::types::Backlog;

/// What to do about a file or directory of a sync log.
const HINT: &str = "Cyrus and sync_client must be able to write to the directory sync below \
                    configdirectory; what is logged there is not replicated yet: keep it";

/// A file of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFile {
    /// Where Cyrus's daemons write.
    Log,
    /// What was taken over and is not done.
    Work,
    /// A new work file that is not complete yet.
    Spare,
}

/// What is called like the work file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Nothing,
    /// The file that we read or wrote last.
    Ours,
    /// Another client's.
    Others,
}

/// The content of a work file.
pub trait LogReader: Read + Seek {}

impl<R: Read + Seek> LogReader for R {}

/// The directory of a channel. Each method changes one thing, at once or not at all.
pub trait LogDisk {
    /// Where a file is, for messages.
    fn path(&self, file: LogFile) -> &Path;

    /// Keeps the server from being held still while something is changed, as long as the guard
    /// lives; waits while it is.
    fn hold(&self) -> Result<Option<LockGuard>> {
        Ok(None)
    }

    /// Whether there is a log. Fails if something else has its name.
    fn is_logged(&self) -> Result<bool>;

    /// Whose the work file is. Fails if it is a directory.
    fn work(&self) -> Result<Found>;

    /// Opens the work file to read it from its start, when nobody writes to it any more. It is
    /// [`Found::Ours`] from then on, whoever made it. Returns `None` if there is none.
    fn open_work(&mut self) -> Result<Option<Box<dyn LogReader>>>;

    /// When the first entry of the work file that was opened last was written, as far as the file
    /// system knows.
    fn work_since(&self) -> Option<SystemTime>;

    /// Appends whole entries to the log like Cyrus's daemons do: all or nothing, and on disk when
    /// it returns. Returns where they are.
    fn append(&mut self, entries: &[u8]) -> Result<Range<u64>>;

    /// Writes the spare file, and has it on disk.
    fn write_spare(&mut self, entries: &[u8]) -> Result<()>;

    /// Gives the log or the spare file the name of the work file as a second name; then the work
    /// file is [`Found::Ours`]. Fails with [`io::ErrorKind::AlreadyExists`] if there is a work
    /// file.
    fn link_to_work(&mut self, file: LogFile) -> io::Result<()>;

    /// Renames the log or the spare file to the work file, which it replaces; then that is
    /// [`Found::Ours`].
    fn rename_to_work(&mut self, file: LogFile) -> io::Result<()>;

    /// Takes away the name of a file. That there is none is no failure.
    fn remove(&mut self, file: LogFile) -> io::Result<()>;

    /// Has the names on disk.
    fn sync_names(&self) -> Result<()>;

    /// Forgets which work file is ours.
    fn disown_work(&mut self);

    /// Counts what is in the log and, with `work`, in the work file; what cannot be read counts as
    /// nothing.
    fn backlog(&mut self, work: bool) -> Backlog;
}

/// An error at a file or directory of a sync log.
pub fn at_log(op: &'static str, path: &Path, error: io::Error) -> Error {
    Error::io(op, path, error).or_hint(HINT)
}
