//! What workers do about the tasks that they are given.

use std::sync::Arc;

use super::verify::Verification;

/// What workers do about tasks.
#[derive(Clone)]
pub enum Manner {
    /// They carry them out.
    Do,
    /// They find out what would be done.
    Plan,
    /// They compare both sides.
    Verify(Arc<Verification>),
}

impl Manner {
    /// Whether tasks may be taken apart, for others to help.
    pub fn may_be_helped(&self) -> bool {
        // What is found is reported in order.
        matches!(self, Manner::Do)
    }
}
