//! What a worker does with its tasks: replicate, plan or verify.

use std::sync::Arc;

use super::verify::Verification;

/// What a worker does with its tasks.
#[derive(Clone)]
pub enum Manner {
    /// Replicates.
    Do,
    /// Finds out what would be replicated, without changes.
    Plan,
    /// Compares both sides, without changes.
    Verify(Arc<Verification>),
}

impl Manner {
    /// Returns whether tasks may be split, so that other workers can help.
    pub fn may_be_helped(&self) -> bool {
        // Plans and verifications report their results in order, so these tasks are not split.
        matches!(self, Manner::Do)
    }
}
