//! Defines the structure for the progress of a client.

use super::sized::grows;
use crate::status::ProgressSnapshot;

/// The progress of a client. Four numbers count since the last reset; the comment of each says so.
/// These functions reset them when they begin: cyrsync_client_sync_all(),
/// cyrsync_client_sync_mailboxes(), cyrsync_client_plan_all(), and cyrsync_client_verify_user(),
/// _verify_meta() and _verify_all(). Other functions do not reset them, but add to users and
/// mailboxes. The other numbers count since the client was made.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_progress {
    /// The size of this structure, sizeof(cyrsync_progress). CYRSYNC_PROGRESS_INIT sets it.
    pub size: usize,
    /// Users whose replication ended, with or without success. Since the last reset.
    pub users: u64,
    /// The number of all users of the call that made the last reset; 0 if it is not known.
    pub users_expected: u64,
    /// Mailboxes that were already equal on both sides, or that replication made equal. Since the
    /// last reset.
    pub mailboxes: u64,
    /// The number of all mailboxes of the call that made the last reset; 0 if it is not known.
    pub mailboxes_expected: u64,
    /// Messages that the client sent and the replica confirmed. Since the client was made.
    pub messages: u64,
    /// The size of these messages together, in bytes. Since the client was made.
    pub bytes: u64,
    /// Mailboxes that were already equal on both sides when the client compared them. A mailbox
    /// counts each time that it is compared. Since the client was made.
    pub mailboxes_equal: u64,
    /// Messages that the replica already had when the client compared their mailboxes. With a host
    /// store they are not counted. Since the client was made.
    pub messages_present: u64,
}

grows! {
    cyrsync_progress may end before users_expected, unknown members are Ignored;
}

impl From<&ProgressSnapshot> for cyrsync_progress {
    fn from(reached: &ProgressSnapshot) -> Self {
        cyrsync_progress {
            size: size_of::<cyrsync_progress>(),
            users: reached.users,
            users_expected: reached.expected.users.unwrap_or_default(),
            mailboxes: reached.mailboxes,
            mailboxes_expected: reached.expected.mailboxes.unwrap_or_default(),
            messages: reached.totals.messages,
            bytes: reached.totals.bytes,
            mailboxes_equal: reached.totals.mailboxes_equal,
            messages_present: reached.totals.messages_present,
        }
    }
}
