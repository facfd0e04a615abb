//! Differences that replication as Cyrus does it cannot avoid. Keep these few.

use super::Difference;

/// A kind of difference that is no fault.
pub(crate) struct Exception {
    /// Why it is none.
    #[allow(dead_code, reason = "for the reader; each exception must say why it is one")]
    pub(crate) reason: &'static str,
    pub(crate) excuses: fn(&Difference) -> bool,
}

/// All of them.
pub(crate) const EXCEPTIONS: &[Exception] = &[Exception {
    reason: "the time at which an entry of mailboxes.db was written is not on the wire",
    excuses: |d| d.path.starts_with("mailboxes.db ") && d.path.ends_with(" M"),
}];

pub(crate) fn excuses(difference: &Difference) -> bool {
    EXCEPTIONS.iter().any(|e| (e.excuses)(difference))
}
