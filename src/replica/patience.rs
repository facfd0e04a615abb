//! Limits how long a reply, or the sending of a command, may take: the time without progress, and
//! the whole time.

use std::time::Duration;

use crate::limits::{REPLY_PROGRESS_BYTES, REPLY_RATE, REPLY_WAITS};

/// How often a wait checks whether it was cancelled.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// How long one reply has been waited for, and how many bytes were transferred meanwhile. Time in
/// which nobody waited does not count, so a busy client does not make the replica late.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patience {
    waited: Duration,
    came: u64,
    /// The part of `waited` since the last progress.
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

    /// Returns how long there has been no progress. Single bytes or lines do not count as progress.
    pub fn quiet(&self) -> Duration {
        self.quiet
    }

    /// Returns a text for the error if the reply takes longer in total than an honest replica would
    /// need.
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
    fn drops_are_silence() {
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
        let told = patience.over(TIMEOUT).unwrap();
        assert!(told.contains("bytes in"), "{told}");
    }

    #[test]
    fn a_long_reply_may_take_long() {
        let mut patience = Patience::default();
        for _ in 0..100_000 {
            // As slow as allowed, for a hundred thousand seconds.
            patience.take(Duration::from_secs(1), REPLY_RATE);
            assert_eq!(patience.over(TIMEOUT), None);
        }
    }
}
