//! Limits the bandwidth (`sync_bwlimit`): decides when a connection may write, and how many bytes.
//!
//! All connections of a client share one [`Bucket`]. A connection that has bytes to write reserves
//! some of them first. Then it waits until a network with the configured rate would have carried
//! all bytes reserved so far. So connections write in the order of their reservations, and each
//! gets its turn. Up to [`BURST`] of unused time is carried over, so a wait that ends late costs no
//! speed.
//!
//! A login does not wait for its turn, because its time is limited. Its bytes are counted, and
//! later writes wait for them.
//!
//! No function here sleeps: a connection waits for its turn while it waits for its socket.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::settings::{Bandwidth, Rate};
use crate::sys::local_time::minute_of_day;

/// Maximum of unused time that is carried over. A reservation is also valid for this long.
const BURST: Duration = Duration::from_millis(100);
/// Time that a network with the configured rate needs for the bytes of one reservation.
const TURN: Duration = Duration::from_millis(20);
/// Minimum size of a reservation: the bytes of a packet, unless they take longer than [`BURST`].
const PACKET: u64 = 1448;
/// Interval at which to check whether another rate applies at this time of day.
const LOOK: Duration = Duration::from_secs(1);

/// A function that returns the minute of the day.
type Clock = fn() -> u16;

/// The reservations of all connections. Times are passed as arguments and count from the start of
/// the limiter. Only the time of day is read, from `clock`.
struct Bucket {
    limits: Bandwidth,
    clock: Clock,
    rate: Rate,
    /// When to look up the rate again; `None` if the rate never changes.
    look: Option<Duration>,
    /// When a network with this rate would have carried all reserved bytes.
    free: Duration,
}

/// A reservation: this many bytes may be written from this time on.
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

    /// Reserves bytes: all `wanted` bytes, but at most as many as one reservation may have.
    fn book(&mut self, wanted: u64, now: Duration) -> Booking {
        let Some(rate) = self.rate(now) else { return Booking { bytes: wanted, from: now } };
        let turn = carried(rate, TURN).max(PACKET.min(carried(rate, BURST))).max(1);
        let bytes = wanted.min(turn);
        self.spend(bytes, now);
        Booking { bytes, from: self.free }
    }

    /// Counts bytes that were written without a reservation.
    fn spend(&mut self, bytes: u64, now: Duration) {
        if let Some(rate) = self.rate(now) {
            let begin = self.free.max(now.saturating_sub(BURST));
            self.free = begin.saturating_add(time(bytes, rate));
        }
    }

    /// Gives reserved bytes back that were not written.
    fn give_back(&mut self, bytes: u64, now: Duration) {
        if let Some(rate) = self.rate(now) {
            self.free = self.free.saturating_sub(time(bytes, rate));
        }
    }

    /// Returns whether the connections have used the whole rate in the last moment, so that the
    /// limit may be delaying them.
    fn is_pressed(&mut self, now: Duration) -> bool {
        self.rate(now).is_some() && self.free.saturating_add(BURST) > now
    }
}

/// Returns how many bytes a network with this rate carries in this time.
fn carried(rate: NonZeroU64, time: Duration) -> u64 {
    let bytes = u128::from(rate.get()) * time.as_nanos() / NANOS;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Returns how long a network with this rate needs for these bytes.
fn time(bytes: u64, rate: NonZeroU64) -> Duration {
    let nanos = u128::from(bytes) * NANOS / u128::from(rate.get());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

const NANOS: u128 = 1_000_000_000;

/// The limit that all connections of a client share.
#[derive(Clone)]
pub struct Limiter(Arc<Shared>);

struct Shared {
    /// Returns the time since the start of the limiter.
    now: Box<dyn Fn() -> Duration + Send + Sync>,
    bucket: Mutex<Bucket>,
}

impl Limiter {
    /// Makes a limiter. Returns `None` if no limit is set.
    pub fn new(limits: &Bandwidth) -> Option<Limiter> {
        limits.is_limited().then(|| {
            let bucket = Mutex::new(Bucket::new(limits.clone(), minute_of_day));
            let begun = Instant::now();
            Limiter(Arc::new(Shared { now: Box::new(move || begun.elapsed()), bucket }))
        })
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = self.0.bucket.lock().limits.to_string();
        f.debug_tuple("Limiter").field(&limits).finish()
    }
}

/// The state of the limit for one connection.
pub(super) struct Throttle {
    limiter: Limiter,
    /// Whether the connection waits for its turn. Otherwise its bytes are only counted.
    waits: bool,
    booking: Booking,
    /// How long the connection has waited for its turn since the last [`Throttle::take_waited`].
    waited: Duration,
    /// When the limit began to delay the connection; `None` if it does not delay it.
    since: Option<Instant>,
}

impl Throttle {
    /// Makes the throttle of a connection that is not logged in yet.
    pub fn new(limiter: Limiter) -> Throttle {
        Throttle {
            limiter,
            waits: false,
            booking: Booking::default(),
            waited: Duration::ZERO,
            since: None,
        }
    }

    /// Limits the connection from now on. Call this after the login.
    pub fn begin(&mut self) {
        self.waits = true;
    }

    /// Returns how long to wait until some of these bytes may be written.
    pub fn turn(&mut self, wanted: usize) -> Duration {
        if !self.waits {
            return Duration::ZERO;
        }
        let now = (self.limiter.0.now)();
        // If the network prevented writing, give the old reservation back, so that unused
        // reservations do not add up.
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

    /// Returns how many of these bytes may be written now, after [`Throttle::turn`].
    pub fn most(&self, wanted: usize) -> usize {
        if self.waits {
            wanted.min(usize::try_from(self.booking.bytes).unwrap_or(wanted))
        } else {
            wanted
        }
    }

    /// Records that bytes were written.
    pub fn wrote(&mut self, bytes: usize) {
        let booked = self.booking.bytes.min(bytes as u64);
        self.booking.bytes -= booked;
        let more = bytes as u64 - booked;
        if more > 0 {
            let now = (self.limiter.0.now)();
            self.limiter.0.bucket.lock().spend(more, now);
        }
    }

    /// Records that the connection waited for its turn.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    /// Returns how long the connection has waited for its turn since the last call. The replica is
    /// not responsible for this time.
    pub fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    /// Returns how long the limit has been delaying the connection.
    pub fn held_up(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns whether the limit may be slowing the connection down.
    pub fn is_pressed(&self) -> bool {
        let now = (self.limiter.0.now)();
        self.limiter.0.bucket.lock().is_pressed(now)
    }
}

#[cfg(test)]
#[path = "bandwidth_tests.rs"]
mod tests;
