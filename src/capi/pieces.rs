//! Replicates single parts of a user or server, and returns the counters of connections.

use super::error::{cyrsync_error, cyrsync_result};
use super::handle::{cyrsync_client, with_client};
use super::names::user_id;
use super::sized::{Place, grows};
use super::strings::cyrsync_str;
use crate::engine::{Client, Goal};
use crate::types::{MboxName, Text, UniqueId};

/// Replicates which messages of a mailbox a user has seen.
///
/// @param client    The client.
/// @param user      The userid.
/// @param uniqueid  The uniqueid of the mailbox.
/// @param err       Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_seen(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    uniqueid: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let (user, id) = unsafe { (user_id(user)?, uniqueid.bytes("uniqueid")?) };
        Ok(client.sync_goal(Goal::Seen(user, UniqueId::new(id)))?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Replicates whether a user is subscribed to a mailbox.
///
/// @param client   The client.
/// @param user     The userid.
/// @param mailbox  The internal name of the mailbox.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_subscription(
    client: *mut cyrsync_client,
    user: cyrsync_str,
    mailbox: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let (user, name) = unsafe { (user_id(user)?, mailbox.bytes("mailbox")?) };
        Ok(client.sync_goal(Goal::Subscription(user, MboxName::new(name)))?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Replicates the limits of a quota root. If the quota root no longer exists here, removes it on
/// the replica.
///
/// @param client  The client.
/// @param root    The quota root, as an internal mailbox name.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_quota(
    client: *mut cyrsync_client,
    root: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let root = unsafe { root.bytes("root") }?;
        Ok(client.sync_goal(Goal::Quota(Text::new(root)))?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Replicates the annotations of a mailbox, without those of its messages, or the annotations of
/// the server.
///
/// @param client   The client.
/// @param mailbox  The internal name of the mailbox. Empty for the annotations of the server.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_sync_annotations(
    client: *mut cyrsync_client,
    mailbox: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let name = unsafe { mailbox.bytes("mailbox") }?;
        let name = (!name.is_empty()).then(|| MboxName::new(name));
        Ok(client.sync_goal(Goal::Annotations(name))?)
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}

/// Tells the replica to release the message files that it has staged for this client.
///
/// @param client  The client.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_release_staged(
    client: *mut cyrsync_client,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, |client| Ok(client.restart()?)) }
}

/// Counters of a client. Each number is the sum over the client's current connections since these
/// were made: a new connection begins at 0. For numbers since the client was made, see
/// cyrsync_progress.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct cyrsync_counters {
    /// The size of this structure, sizeof(cyrsync_counters). CYRSYNC_COUNTERS_INIT sets it.
    pub size: usize,
    /// Not 0 if the client is connected. If it is not, all other members are 0.
    pub connected: u8,
    /// Bytes of commands sent, before compression.
    pub sent: u64,
    /// Bytes of replies received, after decompression.
    pub received: u64,
    /// Bytes written to the socket.
    pub sent_raw: u64,
    /// Bytes read from the socket.
    pub received_raw: u64,
    /// Message files that the replica has staged and keeps until cyrsync_client_release_staged().
    pub staged_files: u64,
}

grows! {
    cyrsync_counters may end before received, unknown members are Ignored;
}

/// Returns the counters of a client.
///
/// @param client  The client.
/// @param out     Filled with the counters. Its size must be set.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_client_counters(
    client: *mut cyrsync_client,
    out: *mut cyrsync_counters,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let work = |client: &mut Client| {
        // SAFETY: cyrsync.h requires `out` to point to a structure whose size is set.
        let place = unsafe { Place::new(out, "out") }?;
        let found = client.counters();
        let counters = match found.traffic {
            None => cyrsync_counters::default(),
            Some(traffic) => cyrsync_counters {
                size: size_of::<cyrsync_counters>(),
                connected: 1,
                sent: traffic.sent,
                received: traffic.received,
                sent_raw: traffic.sent_raw,
                received_raw: traffic.received_raw,
                staged_files: found.staged_files,
            },
        };
        // SAFETY: as above.
        unsafe { place.fill(&counters) };
        Ok(())
    };
    // SAFETY: cyrsync.h demands of the caller what `with_client` needs.
    unsafe { with_client(client, err, work) }
}
