//! The interface through which a verification asks about the sync log.

use crate::types::UserId;

/// Knows which changes are logged and on their way to the replica.
pub trait Log: Send + Sync {
    /// Returns whether changes of an owner are logged. `None` stands for shared mailboxes.
    fn has(&self, owner: Option<&UserId>) -> bool;
}
