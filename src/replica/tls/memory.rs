//! Remembers that a replica uses TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::verified::VerifiedServers;

/// What is known about a replica's use of TLS.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Set when this process has started TLS with the replica. From then on clear text is refused.
    pub committed: Committed,
    /// Servers that were connected to over TLS with a verified certificate, also by other
    /// processes. `None` disables this memory.
    pub verified: Option<VerifiedServers>,
}

/// Tells whether TLS was started with a replica. All connections to that replica share it.
#[derive(Debug, Clone, Default)]
pub struct Committed(Arc<AtomicBool>);

impl Committed {
    /// Refuses clear text from now on.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether clear text is refused.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
