//! What a verification asks about the sync log.

use crate::types::UserId;

/// What is logged, and on its way to the replica.
pub trait Log: Send + Sync {
    /// Whether anything of an owner (`None`: shared mailboxes) is.
    fn has(&self, owner: Option<&UserId>) -> bool;
}
