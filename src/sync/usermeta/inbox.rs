//! Checks that the replica has a user's INBOX. Other data of the user cannot be stored without the
//! INBOX.

use crate::error::{Error, Kind, Result};
use crate::protocol::RemoteFolder;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, UserId};

/// Fails with [`Kind::ReplicaNoMailbox`] if the user has an INBOX on the master but not on the
/// replica. Cyrus finds a user's files by the uniqueid of the INBOX. Data that arrives before the
/// INBOX would be stored in a place where Cyrus does not look later.
///
/// Returns whether the replica also has the mailbox `other`. Returns `true` if `other` is `None` or
/// the user has no INBOX on the master.
pub(crate) fn check_inbox(
    pass: &mut Pass<'_>,
    user: &UserId,
    other: Option<MailboxEntry>,
) -> Result<bool> {
    let name = pass.names.inbox(user);
    let Some(inbox) = pass.store.lookup(&name)? else { return Ok(true) };
    if !inbox.mbtype.is_here() {
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
        .with_hint("replicate the whole user first (sync_client -u)"))
}

/// Returns whether a mailbox of the master could not be opened because it does not exist.
pub(crate) fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), Kind::NotFound | Kind::Moved)
}
