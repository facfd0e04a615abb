//! The interface to the sync log for a verification.

use crate::types::UserId;

/// Looks up changes in the sync log that replication has not sent yet.
pub trait Log: Send + Sync {
    /// Returns whether the log has changes of an owner: of a user, or of shared mailboxes (`None`).
    fn has(&self, owner: Option<&UserId>) -> bool;
}
