//! The effort of compression beside a clock and a socket: gives it what it decides by.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::effort::{Effort, Packed, Sample, Written};
use crate::sys::queue;

/// Bytes that come within so much time came at once.
const MOMENT: Duration = Duration::from_millis(1);
/// How many times of arrival are kept; of what comes later only the latest known one is.
const ARRIVALS: usize = 1024;

/// The effort of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    effort: Effort,
    begun: Instant,
    /// How long the socket has taken nothing.
    blocked: Duration,
    arrivals: Arrivals,
}

impl Pace {
    /// From now on.
    pub fn new() -> Pace {
        Pace {
            effort: Effort::default(),
            begun: Instant::now(),
            blocked: Duration::ZERO,
            arrivals: Arrivals::default(),
        }
    }

    /// The level of deflate for what comes next.
    pub fn level(&self) -> u32 {
        self.effort.level()
    }

    /// A command begins to be written; `idle` if the replica has nothing else to do. The level may
    /// be another one from here on.
    pub fn begin_command(&mut self, idle: bool, done: &Packed) -> Written {
        self.effort.command(self.begun.elapsed(), idle, done)
    }

    /// A command of so many bytes was written. Returns how, if the effort was the same all the
    /// time.
    pub fn end_command(&mut self, begun: Written, bytes: u64, done: &Packed) -> Option<Written> {
        self.effort.written(begun, bytes, done)
    }

    /// Bytes have come; so many in all.
    pub fn received(&mut self, total: u64) {
        self.arrivals.add(total, self.begun.elapsed());
    }

    /// The reply to a command of so many bytes ends with the byte `end` of all that came. `written`
    /// is how the command was written, if with one effort.
    pub fn confirmed(&mut self, written: Option<Written>, bytes: u64, end: u64) {
        let came = self.arrivals.take(end).unwrap_or_else(|| self.begun.elapsed());
        self.effort.confirmed(came, written, bytes);
    }

    /// More is about to go to the socket; whether a limit of our own may hold it back.
    pub fn sample(&mut self, socket: &impl AsFd, is_held: bool, done: &Packed) {
        self.effort.sample(Sample {
            now: self.begun.elapsed(),
            done: *done,
            blocked: self.blocked,
            unsent: queue::unsent(socket).unwrap_or_default(),
            is_held,
        });
    }

    /// The socket was waited for so long.
    pub fn blocked(&mut self, time: Duration) {
        self.blocked += time;
    }

    /// Nothing more is to be sent for now.
    pub fn pause(&mut self) {
        self.effort.pause();
    }
}

/// When bytes came: replies that come while commands are written are looked at later, together.
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

    /// When the byte `end` came.
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
