//! Waiting for something to be logged.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use inotify::{Inotify, WatchMask};

use crate::sync::{Cancel, Waited};

/// Enough for many events: what they say does not matter.
const EVENT_BYTES: usize = 4096;

/// Watches the directory of a log. Where the system does not tell of changes (network file
/// systems, too many watches) it does not, and whoever waits has to look now and then.
#[derive(Debug)]
pub struct Watch(Option<Inotify>);

impl Watch {
    /// Watches a directory that exists.
    pub fn new(directory: &Path) -> Watch {
        let watch = || {
            let inotify = Inotify::init()?;
            // A writer has the log locked until it closes it, so that earlier would not be sooner.
            let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVED_TO | WatchMask::ONLYDIR;
            inotify.watches().add(directory, mask)?;
            std::io::Result::Ok(inotify)
        };
        Watch(watch().ok())
    }

    /// Whether it will never tell of anything.
    pub fn is_blind(&self) -> bool {
        self.0.is_none()
    }

    /// Waits until something happened in the directory, or as [`Cancel::wait_for`].
    pub fn wait(&mut self, time: Duration, cancel: &Cancel, nudges: u32) -> Option<Waited> {
        let waited = cancel.wait_for(self.0.as_ref().map(AsFd::as_fd), time, nudges);
        if let (None, Some(inotify)) = (waited, &mut self.0) {
            let mut buffer = [0; EVENT_BYTES];
            while inotify.read_events(&mut buffer).is_ok_and(|mut events| events.next().is_some()) {
            }
        }
        waited
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
        let mut watch = Watch::new(dir.path());
        let cancel = Cancel::default();
        assert_eq!(watch.wait(Duration::ZERO, &cancel, 0), Some(Waited::Over));
        fs::write(dir.path().join("log"), "x").unwrap();
        assert_eq!(watch.wait(LONG, &cancel, 0), None);
        assert_eq!(watch.wait(Duration::ZERO, &cancel, 0), Some(Waited::Over), "told once");
    }

    #[test]
    fn without_the_systems_help_time_passes() {
        let mut watch = Watch::new(Path::new("/nonexistent"));
        let cancel = Cancel::default();
        assert_eq!(watch.wait(Duration::from_millis(1), &cancel, 0), Some(Waited::Over));
        cancel.finish();
        assert_eq!(watch.wait(LONG, &cancel, 0), Some(Waited::Stop));
    }
}
