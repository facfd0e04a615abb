//! Decides how many workers run at the same time. Pure: no I/O, no clock.
//!
//! More workers than the replica can serve use processes there without any gain. So if `sync_jobs`
//! sets no number, there is one worker at first. Another worker is added as long as the previous
//! one raised the transfer rate. If the replica refuses a connection, no worker is added for some
//! time. With a distant replica, further workers share the sessions of the first ones.

use std::time::Duration;

use super::step::Moment;
use crate::settings::Jobs;

/// The maximum number of connections if `sync_jobs` sets no number.
const MOST: usize = 4;
/// The maximum number of workers that share the session of another worker.
pub const SHARERS: usize = 28;
/// The replica is distant if connecting takes at least this long. Workers then spend most of their
/// time waiting for replies, so several workers can share a session.
const FAR: Duration = Duration::from_millis(100);
/// How long to measure the transfer rate with a new worker.
const WINDOW: Duration = Duration::from_millis(100);
/// A new worker is worth it if it raises the transfer rate by this percentage.
const RISE: u64 = 10;
/// First pause after a worker raised the rate too little or was refused. No worker is added during
/// the pause. It doubles each time.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The state of the search for the best number of workers.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Another worker may be added.
    Before,
    /// A worker was added and is connecting. The rate without it is being measured. Holds the start
    /// of this measurement, and the number of bytes transferred before.
    Adding(Moment, u64),
    /// The new worker is connected, and the rate with it is being measured. Holds the rate without
    /// it, the start of this measurement, and the number of bytes transferred before.
    After(u64, Moment, u64),
}

/// Limits for the number of workers and connections.
#[derive(Debug)]
pub struct Width {
    /// The maximum number of connections.
    most: usize,
    is_measured: bool,
    /// The number of workers that may have a connection of their own at present.
    limit: usize,
    /// Whether further workers may share the sessions of these workers.
    shares: bool,
    /// Whether a connection was lost since the workers were last idle. Sessions are not shared
    /// then.
    is_blamed: bool,
    phase: Phase,
    /// No worker is added before this time.
    not_before: Moment,
    pause: Duration,
}

impl Width {
    /// Makes the limits from the setting `sync_jobs`.
    pub fn new(jobs: Jobs) -> Width {
        let (most, is_measured) = match jobs {
            Jobs::Auto => (MOST, true),
            Jobs::Number(number) => (number.max(1), false),
        };
        Width {
            most,
            is_measured,
            limit: if is_measured { 1 } else { most },
            shares: false,
            is_blamed: false,
            phase: Phase::Before,
            not_before: Moment::ZERO,
            pause: PAUSE,
        }
    }

    /// Returns the maximum number of connections.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Returns the maximum number of workers. Those with a connection of their own come first,
    /// followed by those that share a session.
    pub fn workers(&self) -> usize {
        if self.most > 1 { self.most + SHARERS } else { 1 }
    }

    /// Returns how many workers may help with a large task. Half of the workers that share sessions
    /// stay available for other tasks.
    pub fn helpers(&self) -> usize {
        self.most + SHARERS / 2
    }

    /// Returns how many connections are allowed at present.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns whether this worker may have a session. A worker above the maximum number of
    /// connections needs a shared one.
    pub fn admits(&self, worker: usize) -> bool {
        worker < self.most || self.shares
    }

    /// Records a lost connection. Sessions are not shared afterwards, because a loss of a shared
    /// session does not show which task caused it.
    pub fn lost(&mut self) {
        self.shares = false;
        self.is_blamed = true;
    }

    /// Records that a worker was connected. `took` is how long connecting took.
    pub fn connected(&mut self, took: Duration) {
        self.shares |= took >= FAR && self.most > 1 && !self.is_blamed;
    }

    /// Records that the replica refused a connection while `open` workers were connected.
    pub fn refused(&mut self, open: usize, now: Moment) {
        self.limit = open.max(1);
        self.hold(now);
    }

    /// Records that all workers are idle. Measurements start over, and sessions may be shared
    /// again.
    pub fn rest(&mut self) {
        self.phase = Phase::Before;
        self.is_blamed = false;
        if self.is_measured {
            self.limit = 1;
        }
    }

    /// Returns when to check whether one more worker is useful, or `None` if the maximum is
    /// reached. Call this only if a task is ready for another worker and no worker is connecting.
    pub fn next_look(&self) -> Option<Moment> {
        match self.phase {
            _ if self.limit >= self.most => None,
            Phase::Before => Some(self.not_before),
            Phase::Adding(since, _) => Some(since),
            Phase::After(_, since, _) => Some(since.saturating_add(WINDOW)),
        }
    }

    /// Handles a measurement. `done` is the number of bytes that all workers have transferred so
    /// far.
    pub fn measured(&mut self, done: u64, now: Moment) {
        if self.next_look().is_none_or(|look| look > now) {
            return;
        }
        if !self.is_measured {
            self.limit = self.most;
            return;
        }
        let rate = |since: Moment, before: u64| {
            let millis = now.saturating_sub(since).as_millis().max(1);
            let rate = u128::from(done.saturating_sub(before)) * 1000 / millis;
            u64::try_from(rate).unwrap_or(u64::MAX)
        };
        match self.phase {
            Phase::Before => self.add(done, now),
            Phase::Adding(since, before) => {
                self.phase = Phase::After(rate(since, before), now, done)
            }
            Phase::After(without, since, before) => {
                if rate(since, before) / (100 + RISE) >= without / 100 {
                    self.add(done, now);
                } else {
                    self.hold(now);
                }
            }
        }
    }

    fn add(&mut self, done: u64, now: Moment) {
        self.limit += 1;
        self.phase = Phase::Adding(now, done);
    }

    fn hold(&mut self, now: Moment) {
        self.phase = Phase::Before;
        self.not_before = now.saturating_add(self.pause);
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: Duration = Duration::from_millis(8);

    /// Simulates workers that take 20 ms to connect. `rates` are the bytes per second that 1, 2, 3
    /// and 4 workers transfer together. Returns the limit after each second.
    fn play(width: &mut Width, seconds: u64, rates: [u64; 4]) -> Vec<usize> {
        let (mut done, mut open, mut coming, mut limits) = (0, 1, None, Vec::new());
        for step in 0..seconds * 100 {
            let now = Duration::from_millis(step * 10);
            done += rates[open - 1] / 100;
            if coming.take_if(|at| *at <= now).is_some() {
                open += 1;
                width.connected(NEAR);
            }
            if coming.is_none() && width.next_look().is_some_and(|look| look <= now) {
                width.measured(done, now);
            }
            if coming.is_none() && width.limit() > open {
                coming = Some(now + Duration::from_millis(20));
            }
            if step % 100 == 99 {
                limits.push(width.limit());
            }
        }
        limits
    }

    #[test]
    fn connections_are_added_while_the_throughput_grows() {
        let mut width = Width::new(Jobs::Auto);
        assert_eq!(width.limit(), 1);
        width.connected(NEAR);
        assert_eq!(play(&mut width, 2, [100, 200, 300, 400].map(|r| r * 1_000_000)), [4, 4]);
    }

    #[test]
    fn a_connection_without_gain_is_the_last_for_some_time() {
        let mut width = Width::new(Jobs::Auto);
        width.connected(NEAR);
        let limits = play(&mut width, 20, [100, 190, 195, 195].map(|r| r * 1_000_000));
        assert_eq!(limits[..5], [3; 5]);
        assert_eq!(*limits.last().unwrap(), 4, "it was tried again");
    }

    #[test]
    fn sessions_with_a_far_replica_are_shared_until_one_is_lost() {
        for jobs in [Jobs::Auto, Jobs::Number(3)] {
            let mut width = Width::new(jobs);
            let sharer = width.most();
            width.connected(NEAR);
            assert!(width.admits(0) && !width.admits(sharer));
            width.connected(Duration::from_millis(300));
            assert!(width.admits(sharer) && width.workers() > sharer);
            width.lost();
            assert!(width.admits(0) && !width.admits(sharer));
            width.connected(Duration::from_millis(300));
            assert!(!width.admits(sharer), "whose fault it was is not known yet");
        }
        let mut one = Width::new(Jobs::Number(1));
        one.connected(Duration::from_millis(300));
        assert!(one.workers() == 1 && !one.admits(1));
    }

    #[test]
    fn a_number_is_that_number() {
        for number in [1, 2, 7] {
            let mut width = Width::new(Jobs::Number(number));
            width.connected(Duration::from_secs(1));
            assert_eq!((width.limit(), width.most(), width.next_look()), (number, number, None));
        }
    }

    #[test]
    fn a_refusal_leaves_those_that_are_there_and_is_tried_after_growing_pauses() {
        for jobs in [Jobs::Number(4), Jobs::Auto] {
            let mut width = Width::new(jobs);
            width.connected(Duration::from_millis(300));
            width.refused(2, Duration::from_secs(1));
            assert_eq!((width.limit(), width.next_look()), (2, Some(Duration::from_secs(6))));
            width.measured(0, Duration::from_secs(5));
            assert_eq!(width.limit(), 2);
            width.measured(0, Duration::from_secs(6));
            assert!(width.limit() > 2, "{width:?}");
            width.refused(2, Duration::from_secs(7));
            assert_eq!(width.next_look(), Some(Duration::from_secs(17)));
        }
    }
}
