//! The failures of the parts of a task: parts that did not fail go on.

use super::care::is_of_mailbox_alone;
use super::pass::Pass;
use crate::error::{Error, Kind, Mark, Result, Scope, Subject};
use crate::events::SyncEvent;
use crate::types::{MboxName, UserId};

/// How often renames and changes under way are tried to settle, as with Cyrus.
pub(crate) const TRIES: u32 = 3;

/// The failures of the parts of a task, and the users whose mailboxes wait for an INBOX that could
/// not be created.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    kept: Vec<(Subject, Error)>,
    waiting: Vec<UserId>,
}

impl Failures {
    /// Keeps the failure of one part; returns what ends the whole task.
    pub fn keep(
        &mut self,
        pass: &Pass<'_>,
        subject: impl Into<Subject>,
        error: Error,
    ) -> Result<()> {
        if ends_all(&error) {
            return Err(error);
        }
        let subject = subject.into();
        let event = SyncEvent::PartFailed { subject: subject.clone(), error: error.clone() };
        pass.report_once(&subject, &error, event);
        self.keep_reported(subject, error.marked(Mark::Reported));
        Ok(())
    }

    /// Keeps a failure of which the caller reports what is to be reported.
    pub fn keep_reported(&mut self, subject: impl Into<Subject>, error: Error) {
        self.kept.push((subject.into(), error));
    }

    /// Keeps the failure of an update, of which the outcome is not known.
    pub fn keep_update(
        &mut self,
        pass: &mut Pass<'_>,
        name: &MboxName,
        error: Error,
    ) -> Result<()> {
        pass.forget(name);
        self.keep(pass, name, error)
    }

    /// The mailboxes that failed.
    pub fn mailboxes(&self) -> impl Iterator<Item = &MboxName> {
        self.kept.iter().filter_map(|(subject, _)| subject.mailbox())
    }

    /// The failures of a mailbox.
    pub fn of<'f>(&'f self, name: &'f MboxName) -> impl Iterator<Item = &'f Error> {
        let own = self.kept.iter().filter(move |(subject, _)| subject.mailbox() == Some(name));
        own.map(|(_, error)| error)
    }

    /// Takes over the failures of another look.
    pub fn absorb(&mut self, others: &mut Failures) {
        self.kept.append(&mut others.kept);
        self.waiting.append(&mut others.waiting);
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Lets a user's mailboxes wait: nothing of this user may be created before the INBOX is.
    pub fn wait_for_inbox(&mut self, user: UserId) {
        self.waiting.push(user);
    }

    /// Whether anybody's mailboxes wait for an INBOX.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a user's mailboxes wait for the INBOX.
    pub fn waits(&self, user: Option<&UserId>) -> bool {
        user.is_some_and(|user| self.waiting.contains(user))
    }

    /// The task's result: the failure that asks for another try if there is one, else the first
    /// that is more than a lock held by somebody else and no matter of its mailbox alone, else the
    /// first that is more than a lock, else the first.
    pub fn into_result(self, subject: impl Into<Subject>) -> Result<()> {
        let first = |matches: fn(&Error) -> bool| self.kept.iter().position(|(_, e)| matches(e));
        let chosen = first(wants_another_try)
            .or_else(|| first(|error| !is_locked(error) && !is_of_mailbox_alone(error)))
            .or_else(|| first(|error| !is_locked(error)));
        let Some((part, error)) = self.kept.get(chosen.unwrap_or(0)) else { return Ok(()) };
        let names_it = error.subject() == part
            || (error.subject().mailbox().is_some() && error.subject().mailbox() == part.mailbox());
        let told = format!("{} {}: {}", error.op(), error.subject(), error.detail());
        let why = if names_it && !error.is_refusal() { told } else { format!("{part}: {told}") };
        let detail = match self.kept.len() {
            1 => why,
            count => format!("{count} parts failed, among them: {why}"),
        };
        let error = error.clone().retold("replicate", subject, detail);
        let parts = self.kept.into_iter().map(|(part, error)| error.over(part));
        Err(error.with_parts(parts.collect()))
    }
}

/// Whether an error ends the whole task: the session is lost, or the client was asked to stop.
pub(crate) fn ends_all(error: &Error) -> bool {
    error.is_connection() || error.kind() == Kind::Cancelled || is_put_off(error)
}

/// Whether nothing is wrong, but the task must wait for another worker.
pub fn is_put_off(error: &Error) -> bool {
    error.scope() == Scope::PutOff
}

/// Whether the cause is a change that happened meanwhile, here or there.
pub(crate) fn wants_another_try(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Moved
            | Kind::Changed
            | Kind::ReplicaChanged
            | Kind::ReplicaMoved
            | Kind::ReplicaNoMailbox
    )
}

/// Whether the user must be left for later: somebody else is at work.
pub fn is_locked(error: &Error) -> bool {
    matches!(error.kind(), Kind::Locked | Kind::ReplicaLocked)
}
