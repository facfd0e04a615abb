//! A user's INBOX on the replica, without which nothing of the user can be kept there.

use crate::error::{Error, Kind, Result};
use crate::protocol::RemoteFolder;
use crate::sync::pass::Pass;
use crate::types::UserId;

/// Fails with [`Kind::ReplicaNoMailbox`] if the replica does not have the INBOX of a user who has
/// one here. Cyrus finds the files of a user by the uniqueid of the INBOX: what it is sent before
/// that is there it stores where it does not look any more afterwards.
pub(crate) fn check_inbox(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    let name = pass.names.inbox(user);
    let Some(inbox) = pass.store.lookup(&name)? else { return Ok(()) };
    if inbox.mbtype.is_deleted() || inbox.mbtype.is_intermediate() || inbox.mbtype.is_elsewhere() {
        return Ok(());
    }
    let inbox = [inbox];
    let there = match pass.remembered(&inbox) {
        Some(there) => there,
        None => pass.folders(std::slice::from_ref(&name))?,
    };
    let [inbox] = inbox;
    let is_it =
        |found: &RemoteFolder| found.uniqueid == inbox.uniqueid && !found.mbtype.is_intermediate();
    if there.iter().any(is_it) {
        return Ok(());
    }
    let detail = format!("the replica does not have the user's INBOX {name} yet");
    Err(Error::new(Kind::ReplicaNoMailbox, "replicate", user, detail)
        .hint("replicate the whole user first (sync_client -u)"))
}
