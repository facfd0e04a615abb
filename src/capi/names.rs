//! Reads userids and names of mailboxes that C passed.

use super::error::{Failure, cyrsync_result, misuse};
use super::strings::{cyrsync_str, slice};
use crate::types::{MboxName, UserId};

/// Reads an array of mailbox names that C passed.
///
/// # Safety
/// `names` must point to `count` strings whose bytes stay valid during the call.
pub(super) unsafe fn mailbox_names(
    names: *const cyrsync_str,
    count: usize,
) -> Result<Vec<MboxName>, Failure> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    let names = unsafe { slice(names, count, "names") }?;
    // SAFETY: guaranteed by the caller (see `# Safety`).
    names.iter().map(|name| unsafe { name.bytes("names") }.map(MboxName::new)).collect()
}

/// Reads a userid that C passed. Fails if it is empty.
///
/// # Safety
/// As for [`cyrsync_str::bytes`].
pub(super) unsafe fn user_id(user: cyrsync_str) -> Result<UserId, Failure> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    match unsafe { user.bytes("user") }? {
        [] => Err(misuse(cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT, "user", "is empty")),
        user => Ok(UserId::new(user)),
    }
}
