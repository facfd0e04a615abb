//! The progress of a client.

use super::sized::grows;
use crate::status::Reached;

/// The progress of a client. users, users_expected, mailboxes and mailboxes_expected belong to the
/// last call for several users or mailboxes, such as cyrsync_client_sync_all().
/// cyrsync_client_sync_user() and the calls for a sync log do not reset them, but add to users and
/// mailboxes. The other members count since the client was made.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_progress {
    /// sizeof(cyrsync_progress): CYRSYNC_PROGRESS_INIT sets it.
    pub size: usize,
    /// Users whose replication ended, with or without success, since that call began. If there was
    /// no such call, since the client was made.
    pub users: u64,
    /// The number of users of that call; 0 if it is not known.
    pub users_expected: u64,
    /// Mailboxes that became or were equal on both sides since that call began.
    pub mailboxes: u64,
    /// The number of mailboxes of that call; 0 if it is not known.
    pub mailboxes_expected: u64,
    /// Messages sent and confirmed by the replica since the client was made.
    pub messages: u64,
    /// The size of these messages in bytes.
    pub bytes: u64,
    /// Mailboxes that were already equal when the client compared them, since the client was made.
    pub mailboxes_there: u64,
    /// Messages that the replica already had when the client compared their mailboxes, since the
    /// client was made. Not counted with a host store.
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
