//! Limits the rate of a line, and the amount of data in transit on it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far a line may be ahead of its rate after a pause, which allows a burst. This compensates
/// for threads that wake a little late.
const BURST: Duration = Duration::from_millis(5);

/// Sends bytes one after the other at a fixed rate. All users of a line share it.
#[derive(Debug)]
pub(super) struct Bucket {
    nanoseconds_per_byte: f64,
    /// Time at which the last of the accepted bytes will have passed.
    free: Mutex<Instant>,
}

impl Bucket {
    /// Creates a line with a rate in bits a second that is idle since `now`.
    pub(super) fn new(bits_per_second: u64, now: Instant) -> Bucket {
        let nanoseconds_per_byte = 8e9 / bits_per_second.max(1) as f64;
        Bucket { nanoseconds_per_byte, free: Mutex::new(now) }
    }

    /// Puts bytes on the line. Returns the time at which the last of them will have passed.
    pub(super) fn take(&self, bytes: usize, now: Instant) -> Instant {
        let takes = Duration::from_nanos((bytes as f64 * self.nanoseconds_per_byte) as u64);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        *free = (*free).max(earliest) + takes;
        *free
    }
}

/// Limits the bytes in transit, like the window of a TCP connection.
#[derive(Debug)]
pub(super) struct Window {
    most: usize,
    used: Mutex<usize>,
    left: Condvar,
}

impl Window {
    /// Allows `most` bytes in transit. A single larger piece is also allowed.
    pub(super) fn new(most: usize) -> Window {
        Window { most, used: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits until there is room for the bytes, and reserves it.
    pub(super) fn enter(&self, bytes: usize) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && used.saturating_add(bytes) > self.most {
            used = self.left.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used = used.saturating_add(bytes);
    }

    /// Frees the room of bytes that have left.
    pub(super) fn leave(&self, bytes: usize) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(bytes);
        self.left.notify_all();
    }

    /// Frees all room, so that a waiting thread continues.
    pub(super) fn open(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        self.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_one_after_the_other_at_the_rate() {
        let start = Instant::now();
        let bucket = Bucket::new(8_000_000, start);
        // The rate is a million bytes a second.
        assert_eq!(bucket.take(250_000, start), start + Duration::from_millis(250));
        assert_eq!(bucket.take(250_000, start), start + Duration::from_millis(500));
        let later = start + Duration::from_millis(400);
        assert_eq!(bucket.take(100_000, later), start + Duration::from_millis(600));
    }

    #[test]
    fn an_idle_line_is_ahead_by_no_more_than_a_burst() {
        let start = Instant::now();
        let bucket = Bucket::new(8_000_000, start);
        let later = start + Duration::from_secs(10);
        assert_eq!(bucket.take(5_000, later), later);
        assert_eq!(bucket.take(5_000, later), later + Duration::from_millis(5));
    }

    #[test]
    fn a_window_waits_for_room_and_lets_a_large_piece_pass_by_itself() {
        let window = Window::new(10);
        window.enter(4);
        window.enter(6);
        std::thread::scope(|scope| {
            let third = scope.spawn(|| window.enter(100));
            window.leave(4);
            assert!(!third.is_finished(), "six bytes are under way still");
            window.leave(6);
            third.join().expect("there is room now");
        });
        assert_eq!(*window.used.lock().expect("no panic"), 100);
        window.open();
        window.enter(10);
    }
}
