//! Creates the INBOX of a user who is new to the replica. The INBOX must come first, because
//! without it the replica would not assign other mailboxes to the user
//! (`mboxlist_createmailbox_full` looks for the INBOX). So the INBOX is created even if not all of
//! its messages can be sent. The user's other mailboxes wait only if the INBOX cannot be created at
//! all.

use super::damage::is_damage;
use super::pending::{Body, Pending};
use super::upload::shell;
use crate::error::{Error, Kind, Result};
use crate::events::SyncEvent;
use crate::sync::failures::{Failures, ends_all};
use crate::sync::pass::Pass;
use crate::types::MailboxEntry;

/// Makes an update that creates an INBOX without messages, after `error` has prevented the full
/// update. Fails with `error` if the INBOX cannot be opened.
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

/// Stores the failure of a new INBOX. If the replica does not have the INBOX, the user's other
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
    let detail = format!(
        "{}; the other mailboxes of {owner} wait until the INBOX is on the replica",
        error.detail()
    );
    let (op, subject) = (error.op().to_owned(), error.subject().clone());
    let reported = error.reworded(op, subject, detail);
    failures.wait_for_inbox(owner);
    failures.keep(pass, &entry.name, reported)
}

/// Asks the replica whether it has a mailbox. A failed update may have created the mailbox
/// nevertheless.
fn is_there(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<bool> {
    match pass.folders(std::slice::from_ref(&entry.name)) {
        Ok(found) => Ok(found.iter().any(|folder| folder.uniqueid == entry.uniqueid)),
        Err(error) if ends_all(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// A new INBOX that could not be sent.
pub(crate) struct Failed {
    /// The INBOX's entry in the master's mailboxes.db.
    pub entry: MailboxEntry,
    /// The reason why the INBOX could not be sent.
    pub error: Error,
}

impl Failed {
    /// Makes the failure of an INBOX that was removed.
    pub(crate) fn vanished(entry: &MailboxEntry) -> Failed {
        let detail = "the INBOX was removed during the run";
        let error = Error::new(Kind::Changed, "update mailbox", &entry.name, detail);
        Failed { entry: entry.clone(), error }
    }
}
