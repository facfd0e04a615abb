//! Carries out the steps of [`plan`]. Sends all commands before it waits for the first reply.

use super::missing::{self, SCRIPTS, SUBSCRIPTIONS};
use super::moving::{Moved, move_scripts};
use super::plan::{self, Step};
use super::scripts::{deletion_steps, directory_steps, to_upload};
use crate::error::{Result, Subject};
use crate::protocol::{Command, RemoteUser};
use crate::store::{Metadata, ScriptDirectory};
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{MboxName, SieveScript, UserId};

/// The steps that replicate a user's data besides mailboxes.
#[derive(Debug, Default)]
pub(crate) struct UserSteps {
    /// Steps for [`apply_steps`].
    pub steps: Vec<Step>,
    /// The mailbox to which the master has just moved the user's scripts. It must be replicated
    /// next.
    pub moved: Option<MboxName>,
}

/// Plans the steps for subscriptions, sieve scripts and seen state. A kind of data that cannot be
/// read on the master is not changed on the replica, and the failure is stored in `failures`.
pub(crate) fn user_steps(
    pass: &mut Pass<'_>,
    user: &UserId,
    theirs: &RemoteUser,
    failures: &mut Failures,
) -> Result<UserSteps> {
    let in_mailbox = pass.session.capabilities().sieve_mailbox;
    let sieve_mailbox = in_mailbox.then(|| pass.names.sieve_mailbox(user));
    let Metadata { subscriptions, scripts, seen, no_subscriptions, script_directory } =
        pass.store.metadata(user, sieve_mailbox.as_ref());
    let mut moved = None;
    let subscriptions = subscriptions.and_then(|ours| {
        let there = Some(theirs.subscriptions.len());
        missing::check(pass, user, SUBSCRIPTIONS, no_subscriptions.as_deref(), there)?;
        Ok(plan::subscriptions(&ours, &theirs.subscriptions))
    });
    let scripts = scripts.and_then(|ours| match (ours, sieve_mailbox) {
        (None, _) => Ok(Vec::new()),
        (Some(ours), None) => {
            let missing = match &script_directory {
                ScriptDirectory::Missing(path) => Some(path.as_path()),
                _ => None,
            };
            missing::check(pass, user, SCRIPTS, missing, Some(theirs.sieve.len()))?;
            Ok(to_upload(pass, &ours, &theirs.sieve))
        }
        (Some(ours), Some(name)) if ours.is_empty() => match &script_directory {
            ScriptDirectory::There => deletion_steps(pass, &name),
            // If the directory is missing or unknown, the user may never have had scripts, or the
            // file system may not be mounted. So delete nothing.
            _ => Ok(Vec::new()),
        },
        (Some(ours), Some(name)) => {
            let result = scripts_of_directory(pass, user, &name, &ours);
            result.map(|(steps, is_moved)| {
                moved = is_moved.then_some(name);
                steps
            })
        }
    });
    let seen = seen.map(|ours| plan::seen(ours, &theirs.seen));
    let read = [("SUB", subscriptions), ("SIEVE", scripts), ("SEEN", seen)];
    let mut steps = Vec::new();
    for (what, found) in read {
        match found {
            Ok(found) => steps.extend(found),
            Err(error) => failures.keep(pass, Subject::item(&*format!("{what} {user}")), error)?,
        }
    }
    Ok(UserSteps { steps, moved })
}

/// Plans the steps for scripts that the master has in a directory. Also returns whether the scripts
/// were moved to the mailbox `name`.
fn scripts_of_directory(
    pass: &mut Pass<'_>,
    user: &UserId,
    name: &MboxName,
    ours: &[SieveScript],
) -> Result<(Vec<Step>, bool)> {
    match move_scripts(pass, user, name)? {
        Moved::Yes => Ok((Vec::new(), true)),
        Moved::Planned => Ok((Vec::new(), false)),
        Moved::No => Ok((directory_steps(pass, user, name, ours)?, false)),
    }
}

/// Sends all steps, then waits for all replies. A step that fails does not stop the others.
pub(crate) fn apply_steps(
    pass: &mut Pass<'_>,
    user: &UserId,
    steps: Vec<Step>,
    failures: &mut Failures,
) -> Result<()> {
    let mut tickets = Vec::with_capacity(steps.len());
    let (mut turn, mut roots) = (None, 0);
    for step in steps {
        let reported = step.reported(user);
        let subject = Subject::item(reported.to_string().into_bytes());
        let content = match &step {
            Step::UploadSieve(script) | Step::ReplaceSieve(script) => {
                pass.store.sieve_content(user, &script.name)
            }
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
        pass.report(reported);
        if let Step::ReplaceSieve(script) = &step {
            let ticket = pass.session.submit(Command::UnSieve(user, &script.name))?;
            tickets.push(((subject.clone(), false), ticket));
        }
        let changes_roots = step.changes_roots();
        if changes_roots && turn.is_none() {
            turn = pass.quota_turn();
        }
        let ticket = pass.session.submit(step.command(user, &content))?;
        if pass.is_careful() {
            let done = pass.session.wait(ticket);
            done.map(drop).or_else(|error| failures.keep(pass, &subject, error))?;
            pass.end();
            turn = None;
            continue;
        }
        roots += usize::from(changes_roots);
        tickets.push(((subject, changes_roots), ticket));
    }
    pass.each_reply(tickets, |pass, (subject, changes_roots), done| {
        roots -= usize::from(changes_roots);
        if roots == 0 {
            turn = None;
        }
        done.map(drop).or_else(|error| failures.keep(pass, subject, error))
    })
}
