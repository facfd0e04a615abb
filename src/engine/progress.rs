//! How far a client has got, for any thread.

use std::fmt;
use std::sync::Arc;

use crate::run::tally::Tally;
use crate::status::Reached;

/// Says how far a client has got, to any thread, while it works: `Progress::from(&client)`.
#[derive(Clone)]
pub struct Progress(pub(super) Arc<Tally>);

impl Progress {
    /// How far it has got by now.
    pub fn reached(&self) -> Reached {
        self.0.reached()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.reached()).finish()
    }
}
