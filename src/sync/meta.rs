//! Replicates a user's data besides mailboxes (`sync_do_meta`).

use super::failures::Failures;
use super::folders::identity::check_owner;
use super::mailboxes::bring_mailbox;
use super::pass::Pass;
use super::usermeta::apply::{UserSteps, apply_steps, user_steps};
use super::usermeta::inbox::check_inbox;
use crate::error::{Kind, Result};
use crate::events::{Step, SyncEvent};
use crate::protocol::{Command, RemoteUser};
use crate::types::{MailboxEntry, UserId};

/// Replicates seen state, subscriptions and sieve scripts of a user.
pub fn meta(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    meta_alone(pass, user).map_err(|error| error.over(user))
}

fn meta_alone(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    let _lock = pass.lock(Some(user), pass.settings.wait)?;
    pass.report(Step::Meta { user: user.clone() });
    check_owner(pass, user)?;
    let own = scripts_mailbox(pass, user)?;
    let name = own.as_ref().map(|entry| entry.name.clone());
    let is_there = check_inbox(pass, user, own)?;
    let ticket = pass.session.submit(Command::GetMeta(user))?;
    let remote = match pass.session.wait(ticket) {
        Ok(reply) => reply.into_user()?,
        Err(error) if error.kind() == Kind::ReplicaNoMailbox => RemoteUser::default(),
        Err(error) => return Err(error),
    };
    let mut failures = Failures::default();
    let UserSteps { steps, moved } = user_steps(pass, user, &remote, &mut failures)?;
    // A user without an INBOX can still have subscriptions.
    if steps.is_empty() && !remote.has_metadata() {
        let inbox = pass.store.lookup(&pass.names.inbox(user))?;
        if inbox.is_none_or(|inbox| inbox.mbtype.is_deleted()) {
            pass.report(SyncEvent::UnknownUser { user: user.clone() });
        }
    }
    apply_steps(pass, user, steps, &mut failures)?;
    // Scripts are moved to the mailbox only once. If an earlier run was interrupted before it sent
    // that mailbox, send it now.
    if let Some(name) = moved.or(name.filter(|_| !is_there)) {
        bring_mailbox(pass, user, &name, &mut failures)?;
    }
    failures.into_result(user)
}

/// Returns the `#sieve` mailbox with the user's scripts, if it exists and the replica supports it.
fn scripts_mailbox(pass: &Pass<'_>, user: &UserId) -> Result<Option<MailboxEntry>> {
    if !pass.session.capabilities().sieve_mailbox {
        return Ok(None);
    }
    let found = pass.store.lookup(&pass.names.sieve_mailbox(user))?;
    Ok(found.filter(|entry| entry.mbtype.is_here()))
}
