//! Finds out whether changes of a user are listed in a channel's log. If they are, and a client
//! works on the channel, these changes will reach the replica.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::log::files::CLAIM;
use super::log::lines::{Line, Lines};
use super::task::{Owner, entry_owners};
use crate::names::Namespace;
use crate::sync::verify::Log;
use crate::sys::file::open_unchecked;
use crate::sys::lock::{Mode, holder};
use crate::types::UserId;

/// Inode, length and time of the last change of a file. A different value means that the file has
/// changed.
type Stamp = (u64, u64, i64, i64);

/// The path of a file, and the owners (users) found in it at the last read.
type Known = (PathBuf, Mutex<Option<(Stamp, HashSet<Owner>)>>);

/// The log of a channel and its work file, opened for reading only.
#[derive(Debug)]
pub struct Logged {
    names: Namespace,
    log: Known,
    work: Known,
    /// The file that a client locks while it works on the channel.
    claim: PathBuf,
}

impl Logged {
    /// Makes a reader for the channel with the log at `log`. Opens nothing.
    pub fn new(log: &Path, names: Namespace) -> Logged {
        let mut work = log.as_os_str().to_owned();
        work.push("-run");
        let file = |path: PathBuf| (path, Mutex::default());
        let claim = log.with_file_name(CLAIM);
        Logged { names, log: file(log.to_owned()), work: file(work.into()), claim }
    }

    /// Returns whether a file has entries of an owner. Fails if the file is missing or unreadable.
    fn has_owner(&self, (path, known): &Known, owner: &Owner) -> io::Result<bool> {
        let file = open_unchecked(File::options().read(true), path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Ok(false);
        }
        let stamp = (found.ino(), found.len(), found.mtime(), found.mtime_nsec());
        let mut known = known.lock();
        if let Some((_, owners)) = known.as_ref().filter(|(when, _)| *when == stamp) {
            return Ok(owners.contains(owner));
        }
        let owners = self.owners(file)?;
        let has = owners.contains(owner);
        *known = Some((stamp, owners));
        Ok(has)
    }

    /// Returns whether a client of this library works on the channel. If no client does, entries of
    /// the log will not reach the replica.
    fn is_claimed(&self) -> bool {
        let claim = open_unchecked(File::options().read(true), &self.claim);
        claim.and_then(|file| holder(&file, Mode::Exclusive)).is_ok_and(|holder| holder.is_some())
    }

    fn owners(&self, file: File) -> io::Result<HashSet<Owner>> {
        let mut owners = HashSet::new();
        let mut lines = Lines::new(BufReader::new(file));
        while let Some(line) = lines.next_line()? {
            if let Line::Entry(entry) = line {
                let (owner, other) = entry_owners(&entry, &self.names);
                owners.insert(owner);
                owners.extend(other);
            }
        }
        Ok(owners)
    }
}

impl Log for Logged {
    fn has(&self, owner: Option<&UserId>) -> bool {
        let owner = owner.map_or(Owner::Shared, |user| Owner::User(user.clone()));
        let has = |file| self.has_owner(file, &owner).unwrap_or(false);
        // Read the log first and the work file last. If a client renames the log to the work file
        // meanwhile, its entries are still found.
        (self.is_claimed() && has(&self.log)) || has(&self.work)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::log::files::LogFiles;
    use super::*;
    use crate::settings;

    #[test]
    fn users_in_the_log_or_the_work_file_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let naming = settings::tests::of("").naming;
        let logged = Logged::new(&log, Namespace::new(&naming));
        let has = |user: &str| logged.has(Some(&user.into()));
        assert!(!has("fred") && !logged.has(None));
        fs::write(&log, "MAILBOX user.fred.x\nSEEN anna 6a5b\nMAILBOX lists\nnonsense\n").unwrap();
        assert!(!has("fred") && !logged.has(None), "nobody works on it");
        let claim = LogFiles::new(&log).claim().unwrap();
        assert!(has("fred") && has("anna") && logged.has(None) && !has("zoe"));
        fs::rename(&log, dir.path().join("log-run")).unwrap();
        fs::write(&log, "RENAME user.zoe.a user.joe.a\nMAILBOX user.cut").unwrap();
        assert!(has("fred") && has("zoe") && has("joe"));
        fs::remove_file(dir.path().join("log-run")).unwrap();
        assert!(!has("fred") && has("zoe"));
        drop(claim);
        assert!(!has("zoe"));
    }
}
