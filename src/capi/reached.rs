//! How far a client has got.

use super::sized::grows;
use crate::status::Reached;

/// How far a client has got.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_progress {
    /// sizeof(cyrsync_progress): CYRSYNC_PROGRESS_INIT sets it.
    pub size: usize,
    /// Users whose replication ended, in whichever way, since the last call over several users or
    /// mailboxes began.
    pub users: u64,
    /// Users that this call is about; 0 if that is not known.
    pub users_expected: u64,
    /// Mailboxes that are equal on both sides by now, since that call began.
    pub mailboxes: u64,
    /// Mailboxes that this call is about; 0 if that is not known.
    pub mailboxes_expected: u64,
    /// Messages that were sent and that the replica has confirmed, since the client was made.
    pub messages: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// Mailboxes that were equal when they were looked at, since the client was made.
    pub mailboxes_there: u64,
    /// Messages that the replica had when their mailboxes were looked at, since the client was made;
    /// not counted with a host store.
    pub messages_there: u64,
}

grows! {
    cyrsync_progress may end before users_expected, unknown members are Ignored;
}

impl From<&Reached> for cyrsync_progress {
    fn from(reached: &Reached) -> Self {
        cyrsync_progress {
            size: size_of::<cyrsync_progress>(),
            users: reached.users,
            users_expected: reached.expected.users.unwrap_or_default(),
            mailboxes: reached.mailboxes,
            mailboxes_expected: reached.expected.mailboxes.unwrap_or_default(),
            messages: reached.totals.messages,
            bytes: reached.totals.bytes,
            mailboxes_there: reached.totals.mailboxes_there,
            messages_there: reached.totals.messages_there,
        }
    }
}
