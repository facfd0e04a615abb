//! What workers do with their tasks.

use std::sync::Arc;

use super::verify::Verification;

/// What workers do with their tasks.
#[derive(Clone)]
pub enum Manner {
    /// Carry them out.
    Do,
    /// Plan them: find out what would be done.
    Plan,
    /// Verify: compare both sides.
    Verify(Arc<Verification>),
}

impl Manner {
    /// Returns whether tasks may be split, so that other workers can help.
    pub fn may_be_helped(&self) -> bool {
        // Not for plans and verifications, because their results are reported in order.
        matches!(self, Manner::Do)
    }
}
