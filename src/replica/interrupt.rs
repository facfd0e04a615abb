//! Lets a caller end a wait for the other end before its timeout.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// Interval between two calls of [`Interrupt::asked`] during a wait.
const ASK: Duration = Duration::from_secs(1);

/// Callbacks during waits for the replica.
pub trait Interrupt: Send + Sync {
    /// Returns an error if the wait must end now. Called about once a second. `quiet` is how long
    /// there has been no progress.
    fn asked(&self, quiet: Duration) -> Option<Error>;

    /// Called often, before waiting when nothing has arrived yet.
    fn waits(&self) {}

    /// Returns whether the result of the wait is not needed any more. Called often.
    fn is_unwanted(&self) -> bool {
        false
    }

    /// Called after a command was answered, with the bytes of the command and its reply.
    fn exchanged(&self, _bytes: u64) {}
}

/// Calls an [`Interrupt`]. It calls [`Interrupt::asked`] at most once in [`ASK`].
pub(super) struct Asking {
    whom: Option<Arc<dyn Interrupt>>,
    last: Instant,
}

impl Asking {
    pub fn new(whom: Option<Arc<dyn Interrupt>>) -> Asking {
        Asking { whom, last: Instant::now() }
    }

    /// Fails if the wait must end.
    pub fn ask(&mut self, quiet: Duration) -> Result<()> {
        let Some(whom) = &self.whom else { return Ok(()) };
        whom.waits();
        if whom.is_unwanted() {
            let detail = "it is not needed any more";
            return Err(Error::new(Kind::Cancelled, "wait for", "the replica", detail));
        }
        if self.last.elapsed() < ASK {
            return Ok(());
        }
        self.last = Instant::now();
        whom.asked(quiet).map_or(Ok(()), Err)
    }

    /// Reports a command that was answered.
    pub fn exchanged(&self, bytes: u64) {
        if let Some(whom) = &self.whom {
            whom.exchanged(bytes);
        }
    }
}
