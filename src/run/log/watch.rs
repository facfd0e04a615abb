//! Waiting for something to be logged.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use inotify::{Inotify, WatchMask};

use crate::sync::Cancel;

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

    /// Waits until something happened in the directory, which is said, or as
    /// [`Cancel::wait_until`].
    pub fn wait(&mut self, time: Duration, cancel: &Cancel, is_there: &dyn Fn() -> bool) -> bool {
        let happened = cancel.wait_until(self.0.as_ref().map(AsFd::as_fd), time, is_there);
        if let (true, Some(inotify)) = (happened, &mut self.0) {
            let mut buffer = [0; EVENT_BYTES];
            while inotify.read_events(&mut buffer).is_ok_and(|mut events| events.next().is_some()) {
            }
        }
        happened
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
        assert!(!watch.wait(Duration::ZERO, &cancel, &|| false));
        fs::write(dir.path().join("log"), "x").unwrap();
        assert!(watch.wait(LONG, &cancel, &|| false));
        assert!(!watch.wait(Duration::ZERO, &cancel, &|| false), "told once");
    }

    #[test]
    fn without_the_systems_help_time_passes() {
        let mut watch = Watch::new(Path::new("/nonexistent"));
        let cancel = Cancel::default();
        assert!(!watch.wait(Duration::from_millis(1), &cancel, &|| false));
        cancel.finish();
        assert!(!watch.wait(LONG, &cancel, &|| cancel.is_finishing()));
    }
}
