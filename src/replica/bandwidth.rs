//! A limit of bandwidth (`sync_bwlimit`): when a connection may write, and how much.
//!
//! All connections of a client share a [`Bucket`]. One that wants to write books some bytes first,
//! and waits until the line would have carried all that was booked up to there. So turns come in the
//! order in which they were asked for, and no connection waits for ever beside others. Time in which
//! nobody wrote counts for a moment, so that the loss by a wait that ended late is made up for.
//!
//! Logging in does not wait, for its time is limited; its bytes are counted, and who writes
//! afterwards waits for them.
//!
//! Nobody sleeps here: who has to wait does so in its wait for the socket.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::settings::{Bandwidth, Rate};
use crate::sys::local_time::minute_of_day;

/// How long unused time counts, and a booking may be used.
const BURST: Duration = Duration::from_millis(100);
/// Bytes are booked for so long at once.
const TURN: Duration = Duration::from_millis(20);
/// But not fewer than a packet holds, where these take no longer than [`BURST`].
const PACKET: u64 = 1448;
/// How often it is looked whether the time of day has another rate.
const LOOK: Duration = Duration::from_secs(1);

/// Tells the minute of the day.
type Clock = fn() -> u16;

/// What was booked of a line of some rate. Pure: times are given, from some beginning.
struct Bucket {
    limits: Bandwidth,
    clock: Clock,
    rate: Rate,
    /// When the rate is looked up again; `None` if it stays.
    look: Option<Duration>,
    /// When the line has carried all that was booked.
    free: Duration,
}

/// Bytes that may be written from a time on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Booking {
    bytes: u64,
    from: Duration,
}

impl Bucket {
    fn new(limits: Bandwidth, clock: Clock) -> Bucket {
        let rate = limits.at(if limits.changes() { clock() } else { 0 });
        let look = limits.changes().then_some(LOOK);
        Bucket { limits, clock, rate, look, free: Duration::ZERO }
    }

    fn rate(&mut self, now: Duration) -> Rate {
        if self.look.is_some_and(|look| now >= look) {
            self.look = Some(now + LOOK);
            self.rate = self.limits.at((self.clock)());
        }
        self.rate
    }

    /// Books bytes, as many as are wanted if they are few.
    fn book(&mut self, wanted: u64, now: Duration) -> Booking {
        let Some(rate) = self.rate(now) else { return Booking { bytes: wanted, from: now } };
        let turn = carried(rate, TURN).max(PACKET.min(carried(rate, BURST))).max(1);
        let bytes = wanted.min(turn);
        self.spend(bytes, now);
        Booking { bytes, from: self.free }
    }

    /// Counts bytes that are written without a booking.
    fn spend(&mut self, bytes: u64, now: Duration) {
        if let Some(rate) = self.rate(now) {
            let begin = self.free.max(now.saturating_sub(BURST));
            self.free = begin.saturating_add(time(bytes, rate));
        }
    }

    /// Takes bytes back that were booked and not written.
    fn give_back(&mut self, bytes: u64, now: Duration) {
        if let Some(rate) = self.rate(now) {
            self.free = self.free.saturating_sub(time(bytes, rate));
        }
    }

    /// Whether so much was written lately that the limit, and nothing else, may hold us back.
    fn is_pressed(&mut self, now: Duration) -> bool {
        self.rate(now).is_some() && self.free.saturating_add(BURST) > now
    }
}

/// Bytes that a line carries in so much time.
fn carried(rate: NonZeroU64, time: Duration) -> u64 {
    let bytes = u128::from(rate.get()) * time.as_nanos() / NANOS;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// How long it takes to carry them.
fn time(bytes: u64, rate: NonZeroU64) -> Duration {
    let nanos = u128::from(bytes) * NANOS / u128::from(rate.get());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

const NANOS: u128 = 1_000_000_000;

/// The limit of all connections of a client together.
#[derive(Clone)]
pub struct Limiter(Arc<Shared>);

struct Shared {
    begun: Instant,
    bucket: Mutex<Bucket>,
}

impl Limiter {
    /// What keeps a limit, if there is one.
    pub fn new(limits: &Bandwidth) -> Option<Limiter> {
        limits.is_limited().then(|| {
            let bucket = Mutex::new(Bucket::new(limits.clone(), minute_of_day));
            Limiter(Arc::new(Shared { begun: Instant::now(), bucket }))
        })
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = self.0.bucket.lock().limits.to_string();
        f.debug_tuple("Limiter").field(&limits).finish()
    }
}

/// One connection under a limit.
pub(super) struct Throttle {
    limiter: Limiter,
    /// Whether it waits for its turn; else its bytes are only counted.
    waits: bool,
    booking: Booking,
    /// How long it waited since this was last taken.
    waited: Duration,
    /// Since when the limit holds it up.
    since: Option<Instant>,
}

impl Throttle {
    /// A connection that is not logged in yet.
    pub fn new(limiter: Limiter) -> Throttle {
        Throttle {
            limiter,
            waits: false,
            booking: Booking::default(),
            waited: Duration::ZERO,
            since: None,
        }
    }

    /// The connection is logged in.
    pub fn begin(&mut self) {
        self.waits = true;
    }

    /// How long to wait until some of these bytes may be written.
    pub fn turn(&mut self, wanted: usize) -> Duration {
        if !self.waits {
            return Duration::ZERO;
        }
        let now = self.limiter.0.begun.elapsed();
        // Bookings that the network kept from being used must not add up.
        let is_late = now > self.booking.from.saturating_add(BURST);
        if self.booking.bytes == 0 || is_late {
            let mut bucket = self.limiter.0.bucket.lock();
            bucket.give_back(self.booking.bytes, now);
            if !bucket.is_pressed(now) {
                self.since = None;
            }
            self.booking = bucket.book(wanted as u64, now);
        }
        let left = self.booking.from.saturating_sub(now);
        if !left.is_zero() {
            self.since.get_or_insert_with(Instant::now);
        }
        left
    }

    /// How many of these bytes may be written now, after [`Throttle::turn`].
    pub fn most(&self, wanted: usize) -> usize {
        if self.waits {
            wanted.min(usize::try_from(self.booking.bytes).unwrap_or(wanted))
        } else {
            wanted
        }
    }

    /// So many were written.
    pub fn wrote(&mut self, bytes: usize) {
        let booked = self.booking.bytes.min(bytes as u64);
        self.booking.bytes -= booked;
        let more = bytes as u64 - booked;
        if more > 0 {
            let now = self.limiter.0.begun.elapsed();
            self.limiter.0.bucket.lock().spend(more, now);
        }
    }

    /// It waited for its turn.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    /// How long it waited for its turn since this was last asked: not the replica's time.
    pub fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    /// For how long the limit has held it up by now.
    pub fn held_up(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether the limit may be what holds us back, and not what we do.
    pub fn is_pressed(&self) -> bool {
        let now = self.limiter.0.begun.elapsed();
        self.limiter.0.bucket.lock().is_pressed(now)
    }
}

#[cfg(test)]
#[path = "bandwidth_tests.rs"]
mod tests;
