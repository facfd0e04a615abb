//! Reads whole logs.

use std::collections::HashSet;
use std::io::{BufReader, Read, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use super::disk::{LogDisk, LogFile};
use super::entry::LogEntry;
use super::lines::{Line, Lines};
use crate::error::{Error, Result};

/// Hint for a log that cannot be read.
const HINT: &str = "check what is at this path; keep it, because its changes are not replicated \
                    yet";

/// The contents of a work file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// The entries, without duplicates.
    pub entries: Vec<LogEntry>,
    /// When the oldest entry was written, if known.
    pub since: Option<SystemTime>,
}

/// A callback for invalid lines. Its arguments are the line number, counted from 1, and what is
/// wrong with the line.
pub type OnGarbage<'g> = dyn FnMut(u64, String) + 'g;

/// Reads a log and drops duplicate entries, which are frequent in long logs. `path` is for
/// messages.
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

/// Reads the work file, except the byte range `own`, whose entries are queued already. Returns
/// `None` if there is no work file.
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
