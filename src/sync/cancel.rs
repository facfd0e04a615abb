//! Requests to stop, from other threads and signal handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// How often a wait looks whether it was asked to end.
pub const TICK: Duration = Duration::from_millis(100);

/// A request to stop, shared between whoever asks and whoever works. Everything here may be
/// called from a signal handler but [`Cancel::wait`].
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    now: Arc<AtomicBool>,
    soon: Arc<AtomicBool>,
    nudges: Arc<AtomicU32>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time is over.
    Over,
    /// Somebody said not to wait for it.
    Nudged,
    /// It was asked to stop.
    Stop,
}

impl Cancel {
    /// Asks to stop at the next safe point.
    pub fn cancel(&self) {
        self.soon.store(true, Ordering::Relaxed);
        self.now.store(true, Ordering::Relaxed);
    }

    /// Asks rolling replication to stop when the part it works on is done.
    pub fn finish(&self) {
        self.soon.store(true, Ordering::Relaxed);
    }

    /// Ends a wait, and nothing else.
    pub fn nudge(&self) {
        self.nudges.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop at the next safe point.
    pub fn is_cancelled(&self) -> bool {
        self.now.load(Ordering::Relaxed)
    }

    /// Whether somebody asked to stop, at once or soon.
    pub fn is_finishing(&self) -> bool {
        self.soon.load(Ordering::Relaxed)
    }

    /// How often [`Cancel::nudge`] was called.
    pub fn nudges(&self) -> u32 {
        self.nudges.load(Ordering::Relaxed)
    }

    /// The flag of [`Cancel::cancel`], for those who poll it.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.now
    }

    /// Waits, unless asked not to.
    pub fn wait(&self, time: Duration) -> Waited {
        self.wait_with(time, |slice| {
            thread::sleep(slice);
            false
        })
        .unwrap_or(Waited::Over)
    }

    /// Waits slice by slice with `sleep`; `None` as soon as that says that there is something.
    pub fn wait_with(
        &self,
        time: Duration,
        mut sleep: impl FnMut(Duration) -> bool,
    ) -> Option<Waited> {
        let end = Instant::now().checked_add(time);
        let nudges = self.nudges();
        loop {
            if self.is_finishing() {
                return Some(Waited::Stop);
            }
            if self.nudges() != nudges {
                return Some(Waited::Nudged);
            }
            let left = end.map_or(TICK, |end| end.saturating_duration_since(Instant::now()));
            if sleep(left.min(TICK)) {
                return None;
            }
            if left.is_zero() {
                return Some(Waited::Over);
            }
        }
    }

    pub(super) fn check(&self, subject: &str) -> Result<()> {
        match self.is_cancelled() {
            true => Err(Error::new(Kind::Cancelled, "replicate", subject, "asked to stop")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_stop_ends_every_wait_from_then_on() {
        let cancel = Cancel::default();
        let other = cancel.clone();
        let waiting = thread::spawn(move || other.wait(LONG));
        cancel.finish();
        assert_eq!(waiting.join().unwrap(), Waited::Stop);
        assert_eq!(cancel.wait(LONG), Waited::Stop);
        assert!(cancel.is_finishing() && !cancel.is_cancelled());
        cancel.cancel();
        assert!(cancel.is_cancelled() && cancel.check("x").is_err());
    }

    #[test]
    fn a_wait_ends_by_itself() {
        assert_eq!(Cancel::default().wait(Duration::from_millis(1)), Waited::Over);
    }

    #[test]
    fn a_nudge_ends_a_wait_but_not_the_work() {
        let cancel = Cancel::default();
        let other = cancel.clone();
        let waiting = thread::spawn(move || other.wait(LONG));
        while !waiting.is_finished() {
            cancel.nudge();
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), Waited::Nudged);
        assert!(!cancel.is_finishing());
    }
}
