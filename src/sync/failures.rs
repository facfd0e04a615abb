//! Collects the failures of the parts of a task. The other parts continue.

use super::care::is_of_mailbox_alone;
use super::pass::Pass;
use crate::error::{Error, Kind, Mark, Result, Scope, Subject};
use crate::events::SyncEvent;
use crate::types::{MboxName, UserId};

/// Maximum number of tries of a task that meets renames or concurrent changes, as in Cyrus.
pub(crate) const TRIES: u32 = 3;

/// The failures of the parts of a task, and the users whose mailboxes cannot be created because
/// their INBOX could not be created.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    kept: Vec<(Subject, Error)>,
    waiting: Vec<UserId>,
}

impl Failures {
    /// Reports and stores the failure of one part. Returns `error` if it ends the whole task.
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

    /// Stores a failure without reporting it, because the caller does.
    pub fn keep_reported(&mut self, subject: impl Into<Subject>, error: Error) {
        self.kept.push((subject.into(), error));
    }

    /// Stores the failure of an update. The replica may have applied the update or not, so the
    /// mailbox is removed from the cache.
    pub fn keep_update(
        &mut self,
        pass: &mut Pass<'_>,
        name: &MboxName,
        error: Error,
    ) -> Result<()> {
        pass.forget(name);
        self.keep(pass, name, error)
    }

    /// Returns the mailboxes that failed.
    pub fn mailboxes(&self) -> impl Iterator<Item = &MboxName> {
        self.kept.iter().filter_map(|(subject, _)| subject.mailbox())
    }

    /// Returns the failures of a mailbox.
    pub fn of<'f>(&'f self, name: &'f MboxName) -> impl Iterator<Item = &'f Error> {
        let own = self.kept.iter().filter(move |(subject, _)| subject.mailbox() == Some(name));
        own.map(|(_, error)| error)
    }

    /// Moves all failures of `others` into this list.
    pub fn absorb(&mut self, others: &mut Failures) {
        self.kept.append(&mut others.kept);
        self.waiting.append(&mut others.waiting);
    }

    /// Returns whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Blocks a user's mailboxes: none of them may be created before the INBOX.
    pub fn wait_for_inbox(&mut self, user: UserId) {
        self.waiting.push(user);
    }

    /// Returns whether mailboxes of any user are blocked.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns whether mailboxes of this user are blocked.
    pub fn waits(&self, user: Option<&UserId>) -> bool {
        user.is_some_and(|user| self.waiting.contains(user))
    }

    /// Returns the result of the task. If several parts failed, the error describes the first one
    /// that another try can fix. If there is none, it describes one that is neither a lock nor
    /// limited to its mailbox; then one that is not a lock; then any.
    pub fn into_result(self, subject: impl Into<Subject>) -> Result<()> {
        let first = |matches: fn(&Error) -> bool| self.kept.iter().position(|(_, e)| matches(e));
        let chosen = first(wants_another_try)
            .or_else(|| first(|error| !is_locked(error) && !is_of_mailbox_alone(error)))
            .or_else(|| first(|error| !is_locked(error)));
        let Some((part, error)) = self.kept.get(chosen.unwrap_or(0)) else { return Ok(()) };
        let names_it = error.subject() == part
            || (error.subject().mailbox().is_some() && error.subject().mailbox() == part.mailbox());
        let reported = format!("{} {}: {}", error.op(), error.subject(), error.detail());
        let why =
            if names_it && !error.is_refusal() { reported } else { format!("{part}: {reported}") };
        let detail = match self.kept.len() {
            1 => why,
            count => format!("{count} parts failed, among them: {why}"),
        };
        let error = error.clone().reworded("replicate", subject, detail);
        let parts = self.kept.into_iter().map(|(part, error)| error.over(part));
        Err(error.with_parts(parts.collect()))
    }
}

/// Returns whether an error ends the whole task: the session is lost, a stop was requested, or the
/// task must wait.
pub(crate) fn ends_all(error: &Error) -> bool {
    error.is_connection() || error.kind() == Kind::Cancelled || is_put_off(error)
}

/// Returns whether the task must be run later because another worker holds its owner. This is no
/// failure.
pub fn is_put_off(error: &Error) -> bool {
    error.scope() == Scope::PutOff
}

/// Returns whether an error was caused by a concurrent change, on the master or on the replica, so
/// that another try may succeed.
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

/// Returns whether the user must be deferred because another program holds a lock, on the master or
/// on the replica.
pub fn is_locked(error: &Error) -> bool {
    matches!(error.kind(), Kind::Locked | Kind::ReplicaLocked)
}
