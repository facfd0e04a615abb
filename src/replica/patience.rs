//! Limits the time for a reply, and the time for sending commands. There are two limits: one for
//! the time without progress, one for the total time.

use std::time::Duration;

use crate::limits::{REPLY_PROGRESS_BYTES, REPLY_RATE, REPLY_WAITS};

/// Interval at which a wait checks whether it was cancelled.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// The time spent waiting for one reply, and the bytes transferred during that time. Time in which
/// this client did other work does not count, so a busy client does not cause a timeout.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patience {
    waited: Duration,
    came: u64,
    /// The part of `waited` since the last progress. `fresh` is the number of bytes since then.
    quiet: Duration,
    fresh: u64,
}

impl Patience {
    /// Records that `came` bytes were transferred after waiting for `waited`.
    pub fn take(&mut self, waited: Duration, came: u64) {
        self.waited = self.waited.saturating_add(waited);
        self.came = self.came.saturating_add(came);
        self.quiet = self.quiet.saturating_add(waited);
        self.fresh = self.fresh.saturating_add(came);
        if self.fresh >= REPLY_PROGRESS_BYTES {
            (self.quiet, self.fresh) = (Duration::ZERO, 0);
        }
    }

    /// Returns how long there has been no progress. Fewer than [`REPLY_PROGRESS_BYTES`] bytes do
    /// not count as progress.
    pub fn quiet(&self) -> Duration {
        self.quiet
    }

    /// Returns a text for the error if the total time is over its limit. The limit is a few
    /// timeouts, plus the time for the transferred bytes at the lowest allowed rate.
    pub fn over(&self, timeout: Duration) -> Option<String> {
        let free = timeout.saturating_mul(REPLY_WAITS);
        let most = free.saturating_add(Duration::from_secs(self.came / REPLY_RATE));
        let Patience { waited, came, .. } = self;
        let seconds = waited.as_secs();
        (*waited > most).then(|| format!("{came} bytes in {seconds} seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);
    const MOMENT: Duration = Duration::from_millis(9_900);

    #[test]
    fn few_bytes_in_each_read_count_as_no_progress() {
        let mut patience = Patience::default();
        for _ in 0..3 {
            patience.take(Duration::from_secs(3), 100);
        }
        assert_eq!(patience.quiet(), Duration::from_secs(9));
        patience.take(MOMENT, REPLY_PROGRESS_BYTES);
        assert_eq!(patience.quiet(), Duration::ZERO);
    }

    #[test]
    fn progress_just_before_each_timeout_is_not_enough_for_ever() {
        let mut patience = Patience::default();
        let mut rounds = 0;
        while patience.over(TIMEOUT).is_none() {
            patience.take(MOMENT, REPLY_PROGRESS_BYTES);
            assert_eq!(patience.quiet(), Duration::ZERO);
            rounds += 1;
            assert!(rounds <= 2 * REPLY_WAITS, "{patience:?}");
        }
        assert!(rounds >= REPLY_WAITS, "{rounds}");
        let reported = patience.over(TIMEOUT).unwrap();
        assert!(reported.contains("bytes in"), "{reported}");
    }

    #[test]
    fn a_long_reply_may_take_long() {
        let mut patience = Patience::default();
        for _ in 0..100_000 {
            // The lowest allowed rate, for a hundred thousand seconds.
            patience.take(Duration::from_secs(1), REPLY_RATE);
            assert_eq!(patience.over(TIMEOUT), None);
        }
    }
}
