//! Lets a caller end a wait for the replica before its timeout.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// Interval between two calls of [`Interrupt::asked`] during a wait.
const ASK: Duration = Duration::from_secs(1);

/// Callbacks during waits for the replica.
pub trait Interrupt: Send + Sync {
    /// Returns an error if the wait must end now. Called about once a second during a wait. `quiet`
    /// is how long there has been no progress.
    fn asked(&self, quiet: Duration) -> Option<Error>;

    /// Called often during a wait.
    fn waits(&self) {}

    /// Returns whether the result of the wait is no longer needed, so that the wait must end.
    /// Called often.
    fn is_unwanted(&self) -> bool {
        false
    }

    /// Called after the reply to a command, with the number of bytes of the command and its reply.
    fn exchanged(&self, _bytes: u64) {}
}

/// Calls an [`Interrupt`], but its [`Interrupt::asked`] at most once per [`ASK`].
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
            let detail = "the connection is not needed any more";
            return Err(Error::new(Kind::Cancelled, "wait for", "the replica", detail));
        }
        if self.last.elapsed() < ASK {
            return Ok(());
        }
        self.last = Instant::now();
        whom.asked(quiet).map_or(Ok(()), Err)
    }

    /// Reports the reply to a command.
    pub fn exchanged(&self, bytes: u64) {
        if let Some(whom) = &self.whom {
            whom.exchanged(bytes);
        }
    }
}
