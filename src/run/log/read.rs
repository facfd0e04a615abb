//! Reads logs as a whole.

use std::collections::HashSet;
use std::io::{BufReader, Read, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use super::disk::{LogDisk, LogFile};
use super::entry::LogEntry;
use super::lines::{Line, Lines};
use crate::error::{Error, Result};

/// What to do about a log that cannot be read.
const HINT: &str = "see what is at this path; what is logged there is not replicated yet: keep it";

/// What a work file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Each entry once.
    pub entries: Vec<LogEntry>,
    /// When the oldest of them was written, as far as that is known.
    pub since: Option<SystemTime>,
}

/// A line that is no entry: its number, counted from 1, and what is wrong with it.
pub type OnGarbage<'g> = dyn FnMut(u64, String) + 'g;

/// Reads a log and drops duplicate entries, for a long log says the same again and again. `path`
/// is for messages.
pub fn entries(log: impl Read, path: &Path, garbage: &mut OnGarbage<'_>) -> Result<Vec<LogEntry>> {
    let mut entries = Vec::new();
    let mut known = HashSet::new();
    let mut lines = Lines::new(BufReader::new(log));
    while let Some(line) = lines.next_line().map_err(|error| unreadable(path, error))? {
        match line {
            Line::Entry(entry) => {
                if !known.contains(&entry) {
                    known.insert(entry.clone());
                    entries.push(entry);
                }
            }
            Line::Garbage(number, what) => garbage(number, what),
        }
    }
    Ok(entries)
}

/// Reads the work file, but not `own`, which is what we put there ourselves. Returns `None` if
/// there is no work file.
pub fn work(
    disk: &mut dyn LogDisk,
    own: &Range<u64>,
    garbage: &mut OnGarbage<'_>,
) -> Result<Option<Logged>> {
    let Some(mut file) = disk.open_work()? else { return Ok(None) };
    let path = disk.path(LogFile::Work);
    let mut found = Vec::new();
    if !own.is_empty() {
        found = entries((&mut file).take(own.start), path, garbage)?;
        let skipped = file.seek(SeekFrom::Start(own.end));
        skipped.map_err(|error| unreadable(path, error))?;
    }
    found.extend(entries(file, path, garbage)?);
    Ok(Some(Logged { entries: found, since: disk.work_since() }))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::io("read sync log", path, error).or_hint(HINT)
}
