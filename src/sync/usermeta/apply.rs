//! Carries out the steps of [`plan`]: all are written before the first reply is awaited.

use super::inbox::check_inbox;
use super::missing::{self, SCRIPTS, SUBSCRIPTIONS};
use super::plan::{self, Step};
use super::scripts::sieve_steps;
use crate::error::{Kind, Result, Subject};
use crate::events;
use crate::protocol::{Command, RemoteUser};
use crate::store::Metadata;
use crate::sync::failures::Failures;
use crate::sync::folders::identity::check_owner;
use crate::sync::pass::Pass;
use crate::types::UserId;

/// Replicates seen state, subscriptions and sieve scripts of a user (`sync_do_meta`).
pub fn meta(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    meta_alone(pass, user).map_err(|error| error.over(user))
}

fn meta_alone(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    let _lock = pass.lock(Some(user), pass.settings.wait)?;
    pass.report(events::Step::Meta { user: user.clone() });
    check_owner(pass, user)?;
    check_inbox(pass, user)?;
    let ticket = pass.session.submit(Command::GetMeta(user))?;
    let remote = match pass.session.wait(ticket) {
        Ok(reply) => reply.into_user()?,
        Err(error) if error.kind() == Kind::ReplicaNoMailbox => RemoteUser::default(),
        Err(error) => return Err(error),
    };
    let mut failures = Failures::default();
    let steps = user_steps(pass, user, &remote, &mut failures)?;
    // Who has no INBOX may have subscriptions all the same.
    if steps.is_empty() && !remote.has_metadata() {
        let inbox = pass.store.lookup(&pass.names.inbox(user))?;
        if inbox.is_none_or(|inbox| inbox.mbtype.is_deleted()) {
            pass.report(events::SyncEvent::UnknownUser { user: user.clone() });
        }
    }
    apply_steps(pass, user, steps, &mut failures)?;
    failures.into_result(user)
}

/// What to do about subscriptions, sieve scripts and seen state. What of it cannot be read
/// here is left as it is there, and kept in `failures`.
pub(crate) fn user_steps(
    pass: &mut Pass<'_>,
    user: &UserId,
    theirs: &RemoteUser,
    failures: &mut Failures,
) -> Result<Vec<Step>> {
    let in_mailbox = pass.session.capabilities().sieve_mailbox;
    let sieve_mailbox = in_mailbox.then(|| pass.names.sieve_mailbox(user));
    let Metadata { subscriptions, scripts, seen, no_subscriptions, no_scripts } =
        pass.store.metadata(user, sieve_mailbox.as_ref());
    let subscriptions = subscriptions.and_then(|ours| {
        let there = Some(theirs.subscriptions.len());
        missing::check(pass, user, SUBSCRIPTIONS, no_subscriptions.as_deref(), there)?;
        Ok(plan::subscriptions(&ours, &theirs.subscriptions))
    });
    let scripts = scripts.and_then(|ours| {
        missing::check(pass, user, SCRIPTS, no_scripts.as_deref(), Some(theirs.sieve.len()))?;
        sieve_steps(pass, sieve_mailbox, ours, &theirs.sieve)
    });
    let seen = seen.map(|ours| plan::seen(ours, &theirs.seen));
    let read = [("SUB", subscriptions), ("SIEVE", scripts), ("SEEN", seen)];
    let mut all = Vec::new();
    for (what, steps) in read {
        match steps {
            Ok(steps) => all.extend(steps),
            Err(error) => failures.keep(pass, Subject::item(&*format!("{what} {user}")), error)?,
        }
    }
    Ok(all)
}

/// Writes all steps, then awaits all replies. A step that fails does not stop the others.
pub(crate) fn apply_steps(
    pass: &mut Pass<'_>,
    user: &UserId,
    steps: Vec<Step>,
    failures: &mut Failures,
) -> Result<()> {
    let mut tickets = Vec::with_capacity(steps.len());
    for step in steps {
        let told = step.told(user);
        let subject = Subject::item(told.to_string().into_bytes());
        let content = match &step {
            Step::UploadSieve(script) => pass.store.sieve_content(user, &script.name),
            _ => Ok(Vec::new()),
        };
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                failures.keep(pass, &subject, error)?;
                continue;
            }
        };
        if let Err(error) = pass.begin(&subject) {
            failures.keep(pass, &subject, error)?;
            continue;
        }
        pass.report(told);
        let ticket = pass.session.submit(step.command(user, &content))?;
        if pass.is_careful() {
            let done = pass.session.wait(ticket);
            done.map(drop).or_else(|error| failures.keep(pass, &subject, error))?;
            pass.end();
            continue;
        }
        tickets.push((subject, ticket));
    }
    for (subject, ticket) in tickets {
        if let Err(error) = pass.session.wait(ticket) {
            failures.keep(pass, &subject, error)?;
        }
    }
    Ok(())
}
