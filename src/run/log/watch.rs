//! Waits until something is logged.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use inotify::{Inotify, WatchMask};

use crate::sync::Cancel;

/// Size of the buffer for inotify events, in bytes.
const EVENT_BYTES: usize = 4096;

/// Watches the directory of a log with inotify. On a network file system, or if there are too many
/// watches, the system reports no changes. Then the caller must check the log from time to time.
#[derive(Debug)]
pub struct Watch {
    inotify: Option<Inotify>,
    /// Changes of files whose names begin with this are ignored. This client writes these files
    /// itself.
    own: OsString,
}

impl Watch {
    /// Watches an existing directory, except files whose names begin with `own`.
    pub fn new(directory: &Path, own: impl Into<OsString>) -> Watch {
        let watch = || {
            let inotify = Inotify::init()?;
            // Do not watch for single writes: a writer keeps the log locked until it closes the
            // file, so the client could not use it earlier.
            let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVED_TO | WatchMask::ONLYDIR;
            inotify.watches().add(directory, mask)?;
            std::io::Result::Ok(inotify)
        };
        Watch { inotify: watch().ok(), own: own.into() }
    }

    /// Returns whether the system does not report changes.
    pub fn is_blind(&self) -> bool {
        self.inotify.is_none()
    }

    /// Waits until a file changes in the directory, `time` is over, or [`Cancel::wait_until`]
    /// returns for another reason. Returns whether a file changed.
    pub fn wait(&mut self, time: Duration, cancel: &Cancel, is_there: &dyn Fn() -> bool) -> bool {
        let begun = Instant::now();
        loop {
            let left = time.saturating_sub(begun.elapsed());
            let fd = self.inotify.as_ref().map(AsFd::as_fd);
            if !cancel.wait_until(fd, left, is_there) {
                return false;
            }
            if self.inotify.is_none() || self.read() {
                return true;
            }
        }
    }

    /// Reads the pending events. Returns whether any of them is about a file that is not ours.
    fn read(&mut self) -> bool {
        let Some(inotify) = &mut self.inotify else { return false };
        let own = self.own.as_bytes();
        let is_own = |name: &OsStr| !own.is_empty() && name.as_bytes().starts_with(own);
        let (mut buffer, mut is_other) = ([0; EVENT_BYTES], false);
        while let Ok(events) = inotify.read_events(&mut buffer) {
            let mut events = events.peekable();
            if events.peek().is_none() {
                break;
            }
            is_other |= events.any(|event| !event.name.is_some_and(is_own));
        }
        is_other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_written_file_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(dir.path(), "");
        let cancel = Cancel::default();
        assert!(!watch.wait(Duration::ZERO, &cancel, &|| false));
        fs::write(dir.path().join("log"), "x").unwrap();
        assert!(watch.wait(LONG, &cancel, &|| false));
        assert!(!watch.wait(Duration::ZERO, &cancel, &|| false), "told once");
    }

    #[test]
    fn a_file_of_our_own_ends_no_wait() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(dir.path(), "log-status");
        let cancel = Cancel::default();
        for name in ["log-status", "log-status.new"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        assert!(!watch.wait(Duration::from_millis(1), &cancel, &|| false));
        fs::write(dir.path().join("log-status"), "y").unwrap();
        fs::write(dir.path().join("log"), "x").unwrap();
        assert!(watch.wait(LONG, &cancel, &|| false));
    }

    #[test]
    fn without_the_systems_help_time_passes() {
        let mut watch = Watch::new(Path::new("/nonexistent"), "");
        let cancel = Cancel::default();
        assert!(!watch.wait(Duration::from_millis(1), &cancel, &|| false));
        cancel.finish();
        assert!(!watch.wait(LONG, &cancel, &|| cancel.is_finishing()));
    }
}
