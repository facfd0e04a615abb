//! How long a reply may take, or a command until the replica has taken it: silence, drops, and the
//! whole.

use std::time::Duration;

use crate::limits::{REPLY_PROGRESS_BYTES, REPLY_RATE, REPLY_WAITS};

/// How often a wait looks whether it was cancelled.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// The time that one reply has been waited for, and the bytes that moved meanwhile. Time in which
/// nobody waited does not count: a client that works on something else does not hurry the replica.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patience {
    waited: Duration,
    came: u64,
    /// The part of it since there was progress last.
    quiet: Duration,
    fresh: u64,
}

impl Patience {
    /// So many bytes moved after it was waited for so long.
    pub fn take(&mut self, waited: Duration, came: u64) {
        self.waited = self.waited.saturating_add(waited);
        self.came = self.came.saturating_add(came);
        self.quiet = self.quiet.saturating_add(waited);
        self.fresh = self.fresh.saturating_add(came);
        if self.fresh >= REPLY_PROGRESS_BYTES {
            (self.quiet, self.fresh) = (Duration::ZERO, 0);
        }
    }

    /// For how long there was no progress: whoever sends a byte, or a line, now and then is as
    /// good as silent.
    pub fn quiet(&self) -> Duration {
        self.quiet
    }

    /// Whether the whole takes longer than with any honest replica, and what to say of it then.
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
            // As slow as allowed: five thousand seconds and more in all.
            patience.take(Duration::from_secs(1), REPLY_RATE);
            assert_eq!(patience.over(TIMEOUT), None);
        }
    }
}
