//! Counts the entries of a log while other programs append to it. Each count reads only the lines
//! that were appended since the last count.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::lines::{Line, Lines};
use crate::names::Namespace;
use crate::run::task::entry_owners;
use crate::sys::file::open_unchecked;
use crate::types::Backlog;

/// Counts the entries of a growing file. Each call reads only what was added since the last call.
#[derive(Debug)]
pub struct Counter {
    path: PathBuf,
    names: Namespace,
    /// Device and inode of the counted file. If another file has its path now, the count starts
    /// from 0.
    file: Option<(u64, u64)>,
    /// Offset in bytes up to which the file was counted.
    at: u64,
    entries: u64,
    /// [Marks](crate::run::task::Owner::mark) of the owners (users) of these entries.
    users: HashSet<u64>,
    since: Option<SystemTime>,
}

impl Counter {
    /// Makes a counter for the file at `path`. Reads nothing yet.
    pub fn new(path: impl Into<PathBuf>, names: &Namespace) -> Counter {
        Counter {
            path: path.into(),
            names: names.clone(),
            file: None,
            at: 0,
            entries: 0,
            users: HashSet::new(),
            since: None,
        }
    }

    /// Counts the entries in the file. An unreadable file counts as empty: the error is reported
    /// when the log is taken over.
    pub fn count(&mut self) -> Backlog {
        if self.read().is_err() {
            self.reset(None, None);
        }
        Backlog { entries: self.entries, users: self.users.len() as u64 }
    }

    /// Returns the [marks](crate::run::task::Owner::mark) of the owners of the counted entries.
    pub fn users(&self) -> &HashSet<u64> {
        &self.users
    }

    /// Returns when the oldest counted entry was written. `None` if the file has no entries.
    pub fn since(&self) -> Option<SystemTime> {
        self.since.filter(|_| self.entries > 0)
    }

    fn reset(&mut self, file: Option<(u64, u64)>, since: Option<SystemTime>) {
        (self.file, self.at, self.entries, self.since) = (file, 0, 0, since);
        self.users.clear();
    }

    fn read(&mut self) -> io::Result<()> {
        let mut file = open_unchecked(File::options().read(true), &self.path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if self.file != Some(identity(&found)) || found.len() < self.at {
            self.reset(Some(identity(&found)), Some(born(&found)));
        }
        if found.len() == self.at {
            return Ok(());
        }
        file.seek(SeekFrom::Start(self.at))?;
        let mut lines = Lines::new(BufReader::new(file.take(found.len() - self.at)));
        while let Some(line) = lines.next_line()? {
            let Line::Entry(entry) = line else { continue };
            self.entries += 1;
            let (owner, other) = entry_owners(&entry, &self.names);
            let owners = [Some(owner), other].into_iter().flatten();
            self.users.extend(owners.map(|owner| owner.mark()));
        }
        self.at = found.len();
        Ok(())
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Returns the creation time of a log, which is when its first entry was written. If the file
/// system does not store creation times, returns the time of the last change.
pub(super) fn born(file: &Metadata) -> SystemTime {
    let times = [file.created(), file.modified()];
    times.into_iter().flatten().min().unwrap_or_else(SystemTime::now)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::settings;

    fn counter() -> (tempfile::TempDir, Counter) {
        let dir = tempfile::tempdir().unwrap();
        let names = Namespace::new(&settings::tests::of("").naming);
        let counter = Counter::new(dir.path().join("log"), &names);
        (dir, counter)
    }

    fn append(dir: &tempfile::TempDir, lines: &str) {
        let path = dir.path().join("log");
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(lines.as_bytes()).unwrap();
    }

    fn backlog(entries: u64, users: u64) -> Backlog {
        Backlog { entries, users }
    }

    #[test]
    fn entries_and_their_owners_are_counted_as_they_come() {
        let (dir, mut counter) = counter();
        assert_eq!((counter.count(), counter.since()), (backlog(0, 0), None));
        append(&dir, "MAILBOX user.fred.a\nMETA fred\nMAILBOX shared.x\n");
        assert_eq!(counter.count(), backlog(3, 2));
        let since = counter.since().unwrap();
        append(&dir, "no entry\n\nRENAME user.fred.a user.anna.a\n");
        assert_eq!(counter.count(), backlog(4, 3));
        assert_eq!(counter.since(), Some(since));
    }

    #[test]
    fn another_file_of_the_name_is_counted_from_its_beginning() {
        let (dir, mut counter) = counter();
        append(&dir, "USER a\nUSER b\nUSER c\n");
        assert_eq!(counter.count(), backlog(3, 3));
        fs::rename(dir.path().join("log"), dir.path().join("log-run")).unwrap();
        assert_eq!(counter.count(), backlog(0, 0));
        append(&dir, "USER d\n");
        assert_eq!(counter.count(), backlog(1, 1));
        fs::write(dir.path().join("log"), "").unwrap();
        assert_eq!((counter.count(), counter.since()), (backlog(0, 0), None));
    }

    #[test]
    fn a_directory_in_place_of_the_log_counts_as_empty() {
        let (dir, mut counter) = counter();
        fs::create_dir(dir.path().join("log")).unwrap();
        assert_eq!(counter.count(), backlog(0, 0));
    }
}
