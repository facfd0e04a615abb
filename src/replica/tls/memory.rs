//! What is remembered of a replica that encrypts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::verified::VerifiedServers;

/// What is remembered of a replica's encryption.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Whether the replica was ever spoken to, or meant to be, under TLS: then it is from then on.
    pub committed: Committed,
    /// Servers that were reached over TLS that verified, by whichever process; `None` remembers
    /// nothing.
    pub verified: Option<VerifiedServers>,
}

/// Remembers that TLS was begun with a replica, over all its connections.
#[derive(Debug, Clone, Default)]
pub struct Committed(Arc<AtomicBool>);

impl Committed {
    /// From now on clear text is refused.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether clear text is refused.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
