//! Reaching the replica: again and again, with growing pauses (`replica_connect` in Cyrus's
//! `imap/sync_client.c`).

use std::time::Duration;

use super::Client;
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::sync::Waited;

/// The pause after the first attempt; it doubles after each.
const FIRST_PAUSE: Duration = Duration::from_secs(15);

/// How persistently to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Persistence {
    /// Only once (`-o`).
    pub once: bool,
    /// Longest pause between two attempts (`sync_reconnect_maxwait`); none for pauses that grow
    /// without limit.
    pub longest_pause: Option<Duration>,
}

impl Client {
    /// Connects, and tries again after growing pauses as long as that may help: whatever stands
    /// in the way may pass, a wrong password too, but not what no replica would accept.
    /// The observer hears of every failure and pause.
    ///
    /// `give_up` is asked about once a second during a pause.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] if asked to stop meanwhile or `give_up` said so; else why there is no
    /// connection, if it was to be tried once or will not get better.
    pub fn reach(
        &mut self,
        persistence: Persistence,
        give_up: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        let mut told = String::new();
        let mut pause = FIRST_PAUSE;
        loop {
            // One that comes during the attempt ends the pause after it.
            let nudges = self.cancel.nudges();
            let error = match self.connect() {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                Err(error) => error,
            };
            // The reason once, not at every attempt.
            if told != error.to_string() {
                told = error.to_string();
                self.observer.log(Level::Error, &told);
            }
            if persistence.once || !error.is_connection() {
                return Err(error);
            }
            pause = persistence.longest_pause.map_or(pause, |longest| pause.min(longest));
            self.observer.unreachable(&error, self.server(), pause);
            self.pause(pause, nudges, give_up)?;
            pause = pause.saturating_mul(2);
        }
    }

    fn pause(&self, time: Duration, nudges: u32, give_up: &mut dyn FnMut() -> bool) -> Result<()> {
        const LOOK: Duration = Duration::from_secs(1);
        let mut left = time;
        while !left.is_zero() {
            if self.cancel.nudges() != nudges {
                return Ok(());
            }
            let slice = left.min(LOOK);
            match self.cancel.wait(slice) {
                Waited::Over if give_up() => break,
                Waited::Over => left = left.saturating_sub(slice),
                Waited::Nudged => return Ok(()),
                Waited::Stop => break,
            }
        }
        match left.is_zero() {
            true => Ok(()),
            false => Err(Error::new(Kind::Cancelled, "connect", self.server(), "asked to stop")),
        }
    }
}
