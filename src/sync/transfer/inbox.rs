//! Creates the INBOX of a user who is new to the replica. It must come first, because the replica
//! would not assign other mailboxes to the user without it (`mboxlist_createmailbox_full` looks for
//! it). So it is created with everything that can be sent. The user's other mailboxes wait only if
//! it cannot be created at all.

use super::damage::is_damage;
use super::pending::{Body, Pending};
use super::upload::shell;
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::sync::failures::{Failures, ends_all};
use crate::sync::pass::Pass;
use crate::types::MailboxEntry;

/// Tries to create an INBOX without messages, after it could not be sent because of `error`.
/// Returns the error if this is impossible.
pub(crate) fn create_at_least(
    pass: &Pass<'_>,
    entry: MailboxEntry,
    error: Error,
) -> Result<Pending, Box<Failed>> {
    if ends_all(&error) {
        return Err(Box::new(Failed { entry, error }));
    }
    match shell(pass, &entry) {
        Ok(Some(snapshot)) => {
            pass.report(SyncEvent::InboxWithoutMessages { mailbox: entry.name.clone() });
            let body = Body::Mailbox(Box::new(snapshot));
            let mut pending = Pending::new(entry, true, body);
            pending.damage = Some(error);
            Ok(pending)
        }
        Ok(None) | Err(_) => Err(Box::new(Failed { entry, error })),
    }
}

/// Stores the failure of a new INBOX. If the replica does not have the INBOX now, the user's other
/// mailboxes must wait.
pub(crate) fn inbox_failed(
    pass: &mut Pass<'_>,
    failed: Failed,
    failures: &mut Failures,
) -> Result<()> {
    let Failed { entry, error } = failed;
    if ends_all(&error) {
        return Err(error);
    }
    pass.forget(&entry.name);
    if is_damage(&error) || is_there(pass, &entry)? {
        return failures.keep(pass, &entry.name, error);
    }
    let Some(owner) = pass.names.owner(&entry.name) else {
        return failures.keep(pass, &entry.name, error);
    };
    let detail = format!("{}; {owner}'s other mailboxes wait for the INBOX", error.detail());
    let (op, subject) = (error.op().to_owned(), error.subject().clone());
    let told = error.retold(op, subject, detail);
    failures.wait_for_inbox(owner);
    failures.keep(pass, &entry.name, told)
}

/// Returns whether the replica has a mailbox, because a failed update may still have created it.
fn is_there(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<bool> {
    match pass.folders(std::slice::from_ref(&entry.name)) {
        Ok(found) => Ok(found.iter().any(|folder| folder.uniqueid == entry.uniqueid)),
        Err(error) if ends_all(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// A new INBOX that could not be sent.
pub(crate) struct Failed {
    /// Its entry.
    pub entry: MailboxEntry,
    /// The reason.
    pub error: Error,
}

impl Failed {
    /// Makes the failure of an INBOX that was removed.
    pub(crate) fn vanished(entry: &MailboxEntry) -> Failed {
        let detail = "the INBOX vanished meanwhile";
        let error = Error::new(Kind::Changed, "update mailbox", &entry.name, detail);
        Failed { entry: entry.clone(), error }
    }
}
