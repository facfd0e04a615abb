//! Collects the measurements for the choice of the compression level: times, and the unsent bytes
//! of the socket.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::effort::{Effort, Packed, Sample, Written};
use crate::sys::queue;

/// Bytes that arrive within this time count as one arrival.
const MOMENT: Duration = Duration::from_millis(1);
/// Maximum number of arrivals that are stored. More arrivals extend the last one.
const ARRIVALS: usize = 1024;

/// The choice of the compression level for one connection.
#[derive(Debug)]
pub(super) struct Pace {
    effort: Effort,
    begun: Instant,
    /// Total time in which the socket has accepted no bytes.
    blocked: Duration,
    arrivals: Arrivals,
}

impl Pace {
    /// Starts the clock of a connection.
    pub fn new() -> Pace {
        Pace {
            effort: Effort::default(),
            begun: Instant::now(),
            blocked: Duration::ZERO,
            arrivals: Arrivals::default(),
        }
    }

    /// Returns the deflate level for the next bytes.
    pub fn level(&self) -> u32 {
        self.effort.level()
    }

    /// Marks the start of a command. `idle` tells whether the replica has no other command to work
    /// on. The level may change here.
    pub fn begin_command(&mut self, idle: bool, done: &Packed) -> Written {
        self.effort.command(self.begun.elapsed(), idle, done)
    }

    /// Marks the end of a command of `bytes` bytes. Returns how the command was compressed, or
    /// `None` if the level has changed since its start.
    pub fn end_command(&mut self, begun: Written, bytes: u64, done: &Packed) -> Option<Written> {
        self.effort.written(begun, bytes, done)
    }

    /// Records that bytes have arrived; `total` is the number of all bytes so far.
    pub fn received(&mut self, total: u64) {
        self.arrivals.add(total, self.begun.elapsed());
    }

    /// Records the reply to a command of `bytes` bytes. `end` is the position of the reply's last
    /// byte among all received bytes. `written` is the value that [`Pace::end_command`] returned.
    pub fn confirmed(&mut self, written: Option<Written>, bytes: u64, end: u64) {
        let came = self.arrivals.take(end).unwrap_or_else(|| self.begun.elapsed());
        self.effort.confirmed(came, written, bytes);
    }

    /// Takes a sample before more bytes are passed to the socket. `is_held` tells whether our own
    /// bandwidth limit may delay them.
    pub fn sample(&mut self, socket: &impl AsFd, is_held: bool, done: &Packed) {
        self.effort.sample(Sample {
            now: self.begun.elapsed(),
            done: *done,
            blocked: self.blocked,
            unsent: queue::unsent(socket).unwrap_or_default(),
            is_held,
        });
    }

    /// Adds time for which the socket accepted no bytes.
    pub fn blocked(&mut self, time: Duration) {
        self.blocked += time;
    }

    /// Pauses sampling, because there is nothing to send for some time.
    pub fn pause(&mut self) {
        self.effort.pause();
    }
}

/// The times at which bytes arrived. They are recorded because replies that arrive while commands
/// are being written are parsed only later, several at once.
#[derive(Debug, Default)]
struct Arrivals(VecDeque<(u64, Duration)>);

impl Arrivals {
    fn add(&mut self, total: u64, now: Duration) {
        let full = self.0.len() >= ARRIVALS;
        match self.0.back_mut() {
            Some((end, when)) if full || now.saturating_sub(*when) < MOMENT => *end = total,
            _ => self.0.push_back((total, now)),
        }
    }

    /// Returns when the byte at position `end` arrived.
    fn take(&mut self, end: u64) -> Option<Duration> {
        while self.0.front().is_some_and(|(last, _)| *last < end) {
            self.0.pop_front();
        }
        self.0.front().map(|(_, when)| *when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_are_looked_at_together_came_when_they_came() {
        let ms = Duration::from_millis;
        let mut arrivals = Arrivals::default();
        for (total, now) in [(100, ms(10)), (120, ms(10)), (200, ms(30)), (300, ms(70))] {
            arrivals.add(total, now);
        }
        let took: Vec<_> = [50, 110, 120, 121, 200, 300].map(|end| arrivals.take(end)).into();
        assert_eq!(took, [10, 10, 10, 30, 30, 70].map(|n| Some(ms(n))));
        assert_eq!(arrivals.take(301), None);
    }

    #[test]
    fn no_more_than_so_many_times_are_kept() {
        let mut arrivals = Arrivals::default();
        for n in 0..10_000 {
            arrivals.add(n, Duration::from_millis(n * 2));
        }
        assert_eq!(arrivals.0.len(), ARRIVALS);
        assert!(arrivals.take(9_999).is_some());
    }
}
