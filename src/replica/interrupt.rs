//! Who may end a wait for the other end before its timeout does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// How often somebody is asked during a wait.
const ASK: Duration = Duration::from_secs(1);

/// Who may have a reason to end a wait for the replica.
pub trait Interrupt: Send + Sync {
    /// Why the wait shall end now, if it shall. Called about once a second; nothing that counts as
    /// progress has come for `quiet`.
    fn asked(&self, quiet: Duration) -> Option<Error>;

    /// There is to be a wait, unless something is there already. Called often.
    fn waits(&self) {}

    /// Whether nobody needs what is waited for any more. Called often.
    fn is_unwanted(&self) -> bool {
        false
    }

    /// A command was answered: it and its reply had so many bytes.
    fn exchanged(&self, _bytes: u64) {}
}

/// Asks not too often.
pub(super) struct Asking {
    whom: Option<Arc<dyn Interrupt>>,
    last: Instant,
}

impl Asking {
    pub fn new(whom: Option<Arc<dyn Interrupt>>) -> Asking {
        Asking { whom, last: Instant::now() }
    }

    /// Fails if the wait shall end.
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

    /// Tells of a command that was answered.
    pub fn exchanged(&self, bytes: u64) {
        if let Some(whom) = &self.whom {
            whom.exchanged(bytes);
        }
    }
}
