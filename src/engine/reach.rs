//! Reaching the replica: again and again, with growing pauses (`replica_connect` in Cyrus's
//! `imap/sync_client.c`).

use std::time::Duration;

use super::Client;
use crate::error::{Error, Kind, Result};
use crate::events::Level;
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
    /// Even if the password or the certificate is refused, as rolling replication does: somebody
    /// may put that right meanwhile. Else that is the end at once.
    pub even_if_refused: bool,
}

impl Client {
    /// Connects, and tries again after growing pauses as long as that may help: see
    /// [`Error::is_final`] and [`Persistence::even_if_refused`]. Every failure and pause is
    /// reported to the observer.
    ///
    /// `give_up` is asked about once a second during a pause, and after each nudge.
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
                if error.is_final() && error.is_connection() && persistence.even_if_refused {
                    let line = "trying again all the same, in case somebody puts that right";
                    self.observer.log(Level::Notice, line);
                }
            }
            if persistence.once || !error.is_connection() {
                return Err(error);
            }
            if error.is_final() && !persistence.even_if_refused {
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
                match give_up() {
                    true => break,
                    false => return Ok(()),
                }
            }
            let slice = left.min(LOOK);
            match self.cancel.wait(slice) {
                Waited::Over if give_up() => break,
                Waited::Over => left = left.saturating_sub(slice),
                Waited::Nudged if give_up() => break,
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::config::Config;
    use crate::engine::{Cancel, Options};
    use crate::events::{Event, Observer};

    /// Nudges while nothing waits, and at last has it end.
    #[derive(Default)]
    struct Impatient {
        cancel: Cancel,
        heard: AtomicU32,
    }

    impl Observer for Impatient {
        fn event(&self, event: &Event) {
            if !matches!(event, Event::Unreachable { .. }) {
                return;
            }
            match self.heard.fetch_add(1, Ordering::Relaxed) {
                0..30 => self.cancel.nudge(),
                _ => self.cancel.finish(),
            }
        }
    }

    #[test]
    fn a_nudge_that_comes_before_the_pause_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let text = format!(
            "configdirectory: {dir}\npartition-default: {dir}\ndefaultpartition: default\n\
             sync_host: 127.0.0.1\nsync_port: {port}\n",
            dir = dir.path().display(),
            port = closed.port(),
        );
        let config = Config::from_text(text.as_bytes(), "test").unwrap();
        let observer = Arc::new(Impatient::default());
        let options = Options { cancel: observer.cancel.clone(), ..Options::default() };
        let mut client = Client::new(config, options, observer.clone()).unwrap();
        // Each pause is twice as long as the one before: all of them take longer than a life.
        let error = client.reach(Persistence::default(), &mut || false).unwrap_err();
        assert_eq!(error.kind(), Kind::Cancelled);
        assert_eq!(observer.heard.load(Ordering::Relaxed), 31);
    }
}
