//! A user's INBOX on the replica, without which nothing of the user can be kept there.

use crate::error::{Error, Kind, Result};
use crate::protocol::RemoteFolder;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, UserId};

/// Fails with [`Kind::ReplicaNoMailbox`] if the replica does not have the INBOX of a user who has
/// one here. Cyrus finds the files of a user by the uniqueid of the INBOX: what it is sent before
/// that is there it stores where it does not look any more afterwards.
///
/// Asks for another mailbox of the user in the same breath, and returns whether it is there; true
/// if there is none, or no INBOX here.
pub(crate) fn check_inbox(
    pass: &mut Pass<'_>,
    user: &UserId,
    other: Option<MailboxEntry>,
) -> Result<bool> {
    let name = pass.names.inbox(user);
    let Some(inbox) = pass.store.lookup(&name)? else { return Ok(true) };
    if inbox.mbtype.is_deleted() || inbox.mbtype.is_intermediate() || inbox.mbtype.is_elsewhere() {
        return Ok(true);
    }
    let wanted: Vec<MailboxEntry> = std::iter::once(inbox).chain(other).collect();
    let found = match pass.remembered(&wanted) {
        Some(found) => found,
        None => {
            let names: Vec<_> = wanted.iter().map(|entry| entry.name.clone()).collect();
            pass.folders(&names)?
        }
    };
    let is_there = |entry: &MailboxEntry| {
        let is_it = |found: &RemoteFolder| {
            found.name == entry.name
                && found.uniqueid == entry.uniqueid
                && !found.mbtype.is_intermediate()
        };
        found.iter().any(is_it)
    };
    let mut wanted = wanted.iter();
    if wanted.next().is_some_and(is_there) {
        return Ok(wanted.all(is_there));
    }
    let detail = format!("the replica does not have the user's INBOX {name} yet");
    Err(Error::new(Kind::ReplicaNoMailbox, "replicate", user, detail)
        .hint("replicate the whole user first (sync_client -u)"))
}

/// Whether a mailbox of the master could not be opened because there is none.
pub(crate) fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), Kind::NotFound | Kind::Moved)
}
