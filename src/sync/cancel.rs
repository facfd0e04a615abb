//! Requests to stop, from other threads and signal handlers.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::poll;
use crate::sys::wake::{Listener, Wake};

/// How often a wait checks for requests if the system cannot wake it.
pub const TICK: Duration = Duration::from_millis(100);
/// The longest wait without checking the clock.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A request to stop, shared between the threads that ask and those that work. All methods except
/// [`Cancel::wait`] may be called from a signal handler.
///
/// ```
/// use std::time::Duration;
/// use cyrsync::{Cancel, Waited};
///
/// let cancel = Cancel::default();
/// let other = cancel.clone();
/// std::thread::spawn(move || other.cancel());
/// assert_eq!(cancel.wait(Duration::from_secs(600)), Waited::Stop);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    now: Arc<AtomicBool>,
    soon: Arc<AtomicBool>,
    wakes: Arc<AtomicU32>,
    /// Wakes waiting threads. The other fields are set before it is used.
    wake: Arc<Wake>,
}

/// How a wait ended.
///
/// ```
/// use std::time::Duration;
/// use cyrsync::{Cancel, Waited};
///
/// assert_eq!(Cancel::default().wait(Duration::from_millis(1)), Waited::Over);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time is over.
    Over,
    /// [`Cancel::wake`] was called.
    Woken,
    /// A stop was requested.
    Stop,
}

impl Cancel {
    /// Asks to stop at the next safe point.
    pub fn cancel(&self) {
        self.soon.store(true, Ordering::SeqCst);
        self.now.store(true, Ordering::SeqCst);
        self.wake.wake();
    }

    /// Revokes [`Cancel::cancel`] and [`Cancel::finish`]. Call it only while no call runs: a running
    /// call may have noticed the request already.
    pub fn reset(&self) {
        self.now.store(false, Ordering::SeqCst);
        self.soon.store(false, Ordering::SeqCst);
    }

    /// Asks rolling replication to stop after the current task.
    pub fn finish(&self) {
        self.soon.store(true, Ordering::SeqCst);
        self.wake.wake();
    }

    /// Ends a wait, and nothing else.
    pub fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.wake.wake();
    }

    /// Returns whether a stop at the next safe point was requested.
    pub fn is_cancelled(&self) -> bool {
        self.now.load(Ordering::SeqCst)
    }

    /// Returns whether a stop was requested, at the next safe point or after the current task.
    pub fn is_finishing(&self) -> bool {
        self.soon.load(Ordering::SeqCst)
    }

    /// Returns how often [`Cancel::wake`] was called.
    pub fn wakes(&self) -> u32 {
        self.wakes.load(Ordering::SeqCst)
    }

    /// Returns the flag that [`Cancel::cancel`] sets, for code that polls it.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.now
    }

    /// Waits for this time, or until a request comes.
    pub fn wait(&self, time: Duration) -> Waited {
        let known = self.wakes();
        self.wait_until(None, time, &|| self.is_finishing() || self.wakes() != known);
        if self.is_finishing() {
            Waited::Stop
        } else if self.wakes() != known {
            Waited::Woken
        } else {
            Waited::Over
        }
    }

    /// Makes waiting threads check their condition again.
    pub(crate) fn ring(&self) {
        self.wake.wake();
    }

    /// Waits until `other` is readable, `is_there` returns true, or the time is over. Returns
    /// whether `other` is readable. Code that makes `is_there` true must call
    /// [`ring`](Cancel::ring) afterwards; all requests do so.
    pub(crate) fn wait_until(
        &self,
        other: Option<BorrowedFd<'_>>,
        time: Duration,
        is_there: &dyn Fn() -> bool,
    ) -> bool {
        let end = Instant::now().checked_add(time);
        let listener = self.wake.listen();
        let mut is_over = false;
        while !is_there() && !is_over {
            let left = || end.map_or(LONGEST, |end| end.saturating_duration_since(Instant::now()));
            if wait_once(listener.as_ref(), other, left()) {
                return true;
            }
            is_over = left().is_zero();
        }
        false
    }
}

/// Waits once. Returns whether `other` is readable.
fn wait_once(
    listener: Option<&Listener<'_>>,
    other: Option<BorrowedFd<'_>>,
    time: Duration,
) -> bool {
    let readable = match (listener, other) {
        (Some(listener), other) => listener.wait(other, time),
        (None, Some(other)) => poll::wait(&other, false, time.min(TICK)).map(|ready| ready.read),
        (None, None) => {
            thread::sleep(time.min(TICK));
            return false;
        }
    };
    // If waiting fails, sleep: otherwise the caller would loop without a pause.
    readable.unwrap_or_else(|_| {
        thread::sleep(time.min(TICK));
        false
    })
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
        assert!(cancel.is_cancelled());
    }

    #[test]
    fn a_stop_that_is_taken_back_ends_no_wait() {
        let cancel = Cancel::default();
        cancel.cancel();
        cancel.reset();
        assert!(!cancel.is_cancelled() && !cancel.is_finishing());
        assert_eq!(cancel.wait(Duration::from_millis(1)), Waited::Over);
    }

    #[test]
    fn a_wait_ends_by_itself() {
        assert_eq!(Cancel::default().wait(Duration::from_millis(1)), Waited::Over);
    }

    #[test]
    fn a_wake_up_ends_a_wait_but_not_the_work() {
        let cancel = Cancel::default();
        let other = cancel.clone();
        let waiting = thread::spawn(move || other.wait(LONG));
        while !waiting.is_finished() {
            cancel.wake();
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), Waited::Woken);
        assert!(!cancel.is_finishing());
    }
}
