//! Requests to stop, from other threads and signal handlers.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::sys::poll;
use crate::sys::wake::{Listener, Wake};

/// Interval at which a waiting thread checks for requests if the system cannot wake it.
pub const TICK: Duration = Duration::from_millis(100);
/// Longest time that a waiting thread sleeps before it checks the clock.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A request to stop, shared between the threads that request it and the threads that work. All
/// methods except [`Cancel::wait`] may be called from a signal handler.
///
/// [`Cancel::cancel`] and [`Cancel::finish`] stay in effect until [`Cancel::reset`], for all later
/// calls. [`Cancel::wake`] normally has an effect only on the calls that run at that moment.
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
    /// The number of calls of [`Cancel::wake`] when one of them last ended
    /// [`Client::roll`](crate::Client::roll), until the next roll begins.
    handled: Arc<Mutex<Option<u32>>>,
    /// Wakes waiting threads. Change the other fields before you use it.
    wake: Arc<Wake>,
}

/// The reason why [`Cancel::wait`] ended.
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
    /// Requests a stop at the next safe point, for example between two mailboxes. The running call
    /// and all later calls that replicate fail with [`Kind::Cancelled`](crate::Kind::Cancelled),
    /// until [`Cancel::reset`] is called. Rolling replication ends with `Ended::Stopped` instead.
    pub fn cancel(&self) {
        self.soon.store(true, Ordering::SeqCst);
        self.now.store(true, Ordering::SeqCst);
        self.wake.wake();
    }

    /// Withdraws the requests of [`Cancel::cancel`] and [`Cancel::finish`]. Use it only while the
    /// client is idle: a running call may have noticed a request already.
    pub fn reset(&self) {
        self.now.store(false, Ordering::SeqCst);
        self.soon.store(false, Ordering::SeqCst);
    }

    /// Requests that rolling replication stops after the current task. The request stays in effect
    /// until [`Cancel::reset`] is called: until then, [`Client::roll`](crate::Client::roll) ends at
    /// once. It also ends the pauses between attempts to connect in all other calls: such a call
    /// fails with [`Kind::Cancelled`](crate::Kind::Cancelled). Otherwise other calls continue.
    pub fn finish(&self) {
        self.soon.store(true, Ordering::SeqCst);
        self.wake.wake();
    }

    /// Ends a running [`Client::roll`](crate::Client::roll) with
    /// [`Ended::Woken`](crate::Ended::Woken), a pause between attempts to connect, and a running
    /// [`Cancel::wait`]. Does not request a stop. If no call runs, the request has no effect on
    /// later calls, with one exception: after a roll that ended with `Ended::Woken`, the request
    /// ends the next roll at once. So no request is lost while a program reads its configuration
    /// again.
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

    /// Returns the number of calls of [`Cancel::wake`].
    pub(crate) fn wakes(&self) -> u32 {
        self.wakes.load(Ordering::SeqCst)
    }

    /// Starts a roll. Returns the number of calls of [`Cancel::wake`] that it must not respond to.
    pub(crate) fn begin_roll(&self) -> u32 {
        self.handled.lock().take().unwrap_or_else(|| self.wakes())
    }

    /// Ends a roll that has responded to all calls of [`Cancel::wake`] so far.
    pub(crate) fn end_woken_roll(&self) {
        *self.handled.lock() = Some(self.wakes());
    }

    /// Returns the flag that [`Cancel::cancel`] sets, for code that polls it.
    pub(crate) fn flag(&self) -> &Arc<AtomicBool> {
        &self.now
    }

    /// Waits until a stop is requested, [`Cancel::wake`] is called, or `time` is over.
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
    /// [`ring`](Cancel::ring) afterwards; [`Cancel::cancel`], [`Cancel::finish`] and
    /// [`Cancel::wake`] do so.
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

/// Waits until `other` is readable, the listener is woken, or `time` is over. May return earlier.
/// Returns whether `other` is readable.
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
    fn a_withdrawn_stop_ends_no_wait() {
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
