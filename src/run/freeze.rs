//! Waits while an administrator holds the server still. This means that `cyr_withlock_run` of Cyrus
//! 3.12 or later holds the lock `$GLOBAL` exclusively, for example for a consistent backup.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::events::{Observer, StoreEvent};
use crate::store::Wait;
use crate::sync::Cancel;
use crate::sys::lock::{LockGuard, Mode, lock_name};

/// A wait that takes longer is reported.
const LONG_WAIT: Duration = Duration::from_secs(5);
/// The interval at which a wait checks for a request to stop.
const TICK: Duration = Duration::from_millis(200);

/// The lock `$GLOBAL`. It is taken for writes without a user's lock: logs and the replication
/// cache.
#[derive(Clone)]
pub struct Freeze {
    path: Option<PathBuf>,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
}

impl std::fmt::Debug for Freeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Freeze").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Freeze {
    /// Uses the lock file at `path`; `None` for no lock. A long wait is reported to `observer`, and
    /// `cancel` ends it.
    pub fn new(path: Option<PathBuf>, cancel: Cancel, observer: Arc<dyn Observer>) -> Freeze {
        Freeze { path, cancel, observer }
    }

    /// Waits until the server is not held still. Until the returned guard is dropped, no program
    /// can hold the server still. Returns `None` if there is no lock file.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] if a stop is requested; [`Kind::Io`].
    pub fn over(&self) -> Result<Option<LockGuard>> {
        let Some(path) = &self.path else { return Ok(None) };
        let started = Instant::now();
        let mut reported = false;
        loop {
            match lock_name(path, Mode::Shared, Wait::For(TICK)) {
                Err(error) if error.kind() == Kind::Locked => {
                    if self.cancel.is_finishing() {
                        let detail = "an administrator holds the server still, and this client was \
                                      asked to stop";
                        return Err(Error::new(Kind::Cancelled, "lock", path.as_path(), detail));
                    }
                    if !reported && started.elapsed() >= LONG_WAIT {
                        reported = true;
                        self.observer.event(&StoreEvent::LockWait { error }.into());
                    }
                }
                locked => return locked.map(Some),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::events::Silent;

    #[test]
    fn a_server_that_is_held_still_is_waited_for_until_asked_to_stop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock/$GLOBAL.lock");
        let cancel = Cancel::default();
        let freeze = Freeze::new(Some(path.clone()), cancel.clone(), Arc::new(Silent));
        let held = freeze.over().unwrap();
        assert!(lock_name(&path, Mode::Exclusive, Wait::Fail).is_err());
        assert!(freeze.over().unwrap().is_some(), "others may write too");
        drop(held);
        // A process that another test is starting may have a copy of the descriptor for a moment.
        let wait = Wait::For(Duration::from_secs(60));
        let holder = lock_name(&path, Mode::Exclusive, wait).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| freeze.over().map(drop));
            thread::sleep(TICK * 2);
            assert!(!waiting.is_finished());
            drop(holder);
            waiting.join().unwrap().unwrap();
            let _holder = lock_name(&path, Mode::Exclusive, wait).unwrap();
            let waiting = scope.spawn(|| freeze.over().map(drop));
            cancel.finish();
            assert_eq!(waiting.join().unwrap().unwrap_err().kind(), Kind::Cancelled);
        });
        let none = Freeze::new(None, cancel, Arc::new(Silent));
        assert!(none.over().unwrap().is_none());
    }
}
