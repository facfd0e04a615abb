//! Replicates one user: mailboxes, quotas, subscriptions, sieve scripts, seen state
//! (`sync_do_user`).

use super::contents::bring_contents;
use super::failures::{Failures, TRIES};
use super::folders::settle::{Settled, View, settle};
use super::folders::sides::{Folders, Refused};
use super::mailboxes::bring_mailbox;
use super::pass::Pass;
use super::transfer::damage::{check_messages, to_check};
use super::tries::{Attempted, Tries};
use super::usermeta::apply::{UserSteps, apply_steps, user_steps};
use super::usermeta::quotas::quota_steps;
use crate::error::{Kind, Mark, Result};
use crate::events::{Step, SyncEvent};
use crate::protocol::{Command, RemoteUser, Ticket};
use crate::store::UserTree;
use crate::types::{MailboxEntry, UserId};

/// Requests the replica's state of a user ahead of time. Pass the ticket to [`user`].
pub fn ask_user(pass: &mut Pass<'_>, user: &UserId) -> Result<Ticket> {
    pass.session.submit(Command::GetUser(user))
}

/// Replicates one user. `asked` is the ticket of [`ask_user`], if that was called.
///
/// If a mailbox fails, the others are still replicated. The error then describes one failure and
/// contains all of them.
pub fn user(pass: &mut Pass<'_>, user: &UserId, asked: Option<Ticket>) -> Result<()> {
    pass.begin_task();
    let result = user_locked(pass, user, asked);
    let result = result.map_err(|error| error.over(user));
    pass.staged.clear_if_failed(&result);
    result.map_err(|error| match error.kind() {
        Kind::Locked | Kind::ReplicaLocked | Kind::Cancelled => error,
        _ => {
            let user = user.clone();
            let replica = pass.settings.replica_name();
            pass.report(SyncEvent::UserFailed { user, error: error.clone(), replica });
            error.marked(Mark::Reported)
        }
    })
}

fn user_locked(pass: &mut Pass<'_>, user: &UserId, mut asked: Option<Ticket>) -> Result<()> {
    pass.check_cancel(user)?;
    let lock = pass.lock(Some(user), pass.settings.wait);
    let _lock = match lock {
        Ok(lock) => lock,
        Err(error) => {
            asked.into_iter().for_each(|ticket| pass.session.discard(ticket));
            return Err(error);
        }
    };
    pass.report(Step::User { user: user.clone() });
    let mut tries = Tries::default();
    let mut count = 0;
    while count < TRIES {
        // A reply to a request from before the lock may be outdated, so this try does not count.
        let stale = asked.is_some();
        let view = View { everywhere: count > 0, stale };
        count += u32::from(!stale);
        let ticket = match asked.take() {
            Some(ticket) => ticket,
            None => ask_user(pass, user)?,
        };
        let remote = match pass.session.wait(ticket) {
            Ok(reply) => reply.into_user()?,
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => RemoteUser::default(),
            Err(error) => return Err(error),
        };
        let attempted = user_once(pass, user, remote, view, &mut tries.refused);
        if let Some(ended) = tries.ended(pass, attempted) {
            return ended;
        }
    }
    Err(tries.used_up(pass, Some(user), user))
}

fn user_once(
    pass: &mut Pass<'_>,
    user: &UserId,
    mut remote: RemoteUser,
    view: View,
    refused: &mut Refused,
) -> Result<Attempted> {
    let mut failures = Failures::default();
    let entries = user_entries(pass, user, &mut failures)?;
    let inbox = pass.names.inbox(user);
    let has_inbox = |e: &MailboxEntry| e.name == inbox && !e.mbtype.is_intermediate();
    if !entries.iter().any(has_inbox) {
        pass.report(Step::Absent { user: user.clone() });
        failures.into_result(user)?;
        return Ok(Attempted::Done);
    }
    let mut folders = Folders { entries, remotes: std::mem::take(&mut remote.folders) };
    let owner = [Some(user.clone())];
    let settled = settle(pass, &mut folders, &mut failures, refused, &owner, view)?;
    if settled == Settled::LookAgain {
        return Ok(Attempted::Renamed);
    }
    failures.absorb(&mut refused.failures);
    let Folders { entries, remotes } = folders;
    let inbox_there = remotes.iter().find(|r| r.name == inbox && !r.mbtype.is_intermediate());
    let inbox_here = entries.iter().find(|e| e.name == inbox);
    if inbox_here.is_none() && inbox_there.is_none() {
        // No mailbox of a user may be created before the INBOX. `failures` has the reason why the
        // INBOX is missing.
        return failures.into_result(user).map(|()| Attempted::Done);
    }
    let inbox_is_there = inbox_here.map(|e| &e.uniqueid) == inbox_there.map(|r| &r.uniqueid);
    let to_check = to_check(pass, &entries);
    let quotaroots = bring_contents(pass, entries, remotes, &mut failures)?;
    if failures.waits(Some(user)) {
        // Without the INBOX the replica cannot find data of the user.
        failures.into_result(user)?;
        return Ok(Attempted::Done);
    }
    if !inbox_is_there && remote.has_metadata() {
        // The replica's reply describes data of an earlier user with this name, because Cyrus finds
        // a user's files by the uniqueid of the INBOX. So request the data again, for the new
        // INBOX.
        let ticket = pass.session.submit(Command::GetMeta(user))?;
        let found = pass.session.wait(ticket)?.into_user()?;
        remote = RemoteUser { quotas: remote.quotas, ..found };
    }
    let mut steps = quota_steps(pass, quotaroots, &remote.quotas, &mut failures)?;
    let UserSteps { steps: own, moved } = user_steps(pass, user, &remote, &mut failures)?;
    steps.extend(own);
    apply_steps(pass, user, steps, &mut failures)?;
    if let Some(scripts) = moved {
        bring_mailbox(pass, user, &scripts, &mut failures)?;
    }
    check_messages(pass, &to_check, &mut failures)?;
    failures.into_result(user)?;
    pass.release_staged()?;
    Ok(Attempted::Done)
}

/// Returns the user's mailboxes that take part in replication.
fn user_entries(
    pass: &Pass<'_>,
    user: &UserId,
    failures: &mut Failures,
) -> Result<Vec<MailboxEntry>> {
    let UserTree { mut entries, unreadable } = pass.store.user_tree(user)?;
    for error in unreadable {
        failures.keep(pass, pass.names.inbox(user), error)?;
    }
    let sieve_mailbox = pass.session.capabilities().sieve_mailbox;
    entries.retain(|e| !e.mbtype.is_elsewhere() && (sieve_mailbox || !e.mbtype.is_sieve()));
    Ok(entries)
}
