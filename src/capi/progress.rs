//! How far a client has got, for any thread.

use super::client::cyrsync_client;
use super::error::{cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::sized::{Place, grows};

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

/// Tells how far a client has got. May be called from any thread at any time, while another call
/// of the same client works and from its callbacks too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_client_progress(
    client: *const cyrsync_client,
    out: *mut cyrsync_progress,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for NULL or a client.
        let client = unsafe { client.as_ref() }.ok_or_else(|| null_pointer("client"))?;
        // SAFETY: the header asks for a structure whose size is set.
        let place = unsafe { Place::new(out, "out") }?;
        let reached = client.progress.reached();
        let progress = cyrsync_progress {
            size: size_of::<cyrsync_progress>(),
            users: reached.users,
            users_expected: reached.expected.users.unwrap_or_default(),
            mailboxes: reached.mailboxes,
            mailboxes_expected: reached.expected.mailboxes.unwrap_or_default(),
            messages: reached.totals.messages,
            bytes: reached.totals.bytes,
            mailboxes_there: reached.totals.mailboxes_there,
            messages_there: reached.totals.messages_there,
        };
        // SAFETY: as above.
        unsafe { place.fill(&progress) };
        Ok(())
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}
