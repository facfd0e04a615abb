//! The INBOX of a user who is new to the replica comes first: without it the replica would take
//! the others for nobody's (`mboxlist_createmailbox_full` looks for it). So it is created with
//! whatever can be sent of it, and the user's other mailboxes wait only if it cannot be at all.

use super::contents::{Body, Pending, Work};
use super::damage::is_damage;
use super::{Failures, Syncer};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::types::{MailboxEntry, UserId};

impl Syncer<'_> {
    /// Whether this is an INBOX that the replica lacks.
    pub(super) fn is_new_inbox(&self, work: &Work) -> bool {
        work.remote.is_none() && self.names.is_inbox(&work.entry.name)
    }

    /// An INBOX that cannot be sent because of `error` is created all the same, empty, if that is
    /// possible. Gives the error back if not.
    pub(super) fn create_at_least(&self, work: Work, error: Error) -> Result<Pending, Box<Failed>> {
        if ends_all(&error) {
            return Err(Box::new(Failed { entry: work.entry, error }));
        }
        match self.shell(&work.entry) {
            Ok(Some(snapshot)) => {
                let line = format!("{}: creating it without its messages", work.entry.name);
                self.log(Level::Notice, line);
                let body = Body::Mailbox(Box::new(snapshot));
                let mut pending = Pending::new(work, body);
                pending.damage = Some(error);
                Ok(pending)
            }
            Ok(None) | Err(_) => Err(Box::new(Failed { entry: work.entry, error })),
        }
    }

    /// Keeps the failure of a new INBOX. Unless the replica has it all the same the user's other
    /// mailboxes wait.
    pub(super) fn inbox_failed(&mut self, failed: Failed, failures: &mut Failures) -> Result<()> {
        let Failed { entry, error } = failed;
        if ends_all(&error) {
            return Err(error);
        }
        self.forget(&entry.name);
        if is_damage(&error) || self.is_there(&entry)? {
            return failures.keep(self, &entry.name, error);
        }
        let Some(owner) = self.names.owner(&entry.name) else {
            return failures.keep(self, &entry.name, error);
        };
        let detail = format!("{}; {owner}'s other mailboxes wait for the INBOX", error.detail());
        let told = Error::new(error.kind(), error.op().to_owned(), error.subject(), detail)
            .hint(error.hint_text().to_owned())
            .with_scope(error.scope())
            .caused_by(error);
        failures.wait_for_inbox(owner);
        failures.keep(self, &entry.name, told)
    }

    /// Whether the replica has a mailbox after all: an update may fail when it has created it.
    fn is_there(&mut self, entry: &MailboxEntry) -> Result<bool> {
        match self.get_mailboxes(std::slice::from_ref(&entry.name)) {
            Ok(found) => Ok(found.iter().any(|folder| folder.uniqueid == entry.uniqueid)),
            Err(error) if ends_all(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

/// A new INBOX and why it could not be sent.
pub(super) struct Failed {
    pub entry: MailboxEntry,
    pub error: Error,
}

impl Failed {
    /// It is gone.
    pub(super) fn vanished(entry: &MailboxEntry) -> Failed {
        let detail = "the INBOX vanished meanwhile";
        let error = Error::new(Kind::Changed, "update mailbox", entry.name.to_string(), detail);
        Failed { entry: entry.clone(), error }
    }
}

impl Failures {
    /// Nothing of this user may be created: the INBOX is not there.
    fn wait_for_inbox(&mut self, user: UserId) {
        self.waiting.push(user);
    }

    /// Whether a user's mailboxes wait for the INBOX.
    pub(super) fn waits(&self, user: Option<&UserId>) -> bool {
        user.is_some_and(|user| self.waiting.contains(user))
    }
}

fn ends_all(error: &Error) -> bool {
    error.is_connection() || error.kind() == Kind::Cancelled
}
