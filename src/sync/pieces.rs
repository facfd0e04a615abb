//! Replicates single pieces of a user's data: one function for each kind of sync log entry.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::failures::Failures;
use super::folders::identity::{check_owner, is_alive_as};
use super::pass::Pass;
use super::usermeta::apply::apply_steps;
use super::usermeta::inbox::check_inbox;
use super::usermeta::missing::{self, SUBSCRIPTIONS};
use super::usermeta::plan::Step;
use super::usermeta::quotas::check_deleted;
use super::usermeta::turns::QuotaTurn;
use crate::error::{Kind, Result};
use crate::events::{self, SyncEvent};
use crate::protocol::Command;
use crate::types::{MailboxEntry, MboxName, Text, UniqueId, UserId};

/// Sends a user's seen state of these mailboxes, and whether the user is subscribed to those in
/// `subs` (`sync_do_seen`, `user_sub`). If the user has no seen state of a mailbox, the replica's
/// seen state is not changed.
pub fn pieces(
    pass: &mut Pass<'_>,
    user: &UserId,
    seen: &[UniqueId],
    subs: &[MboxName],
) -> Result<()> {
    let _lock = pass.lock(Some(user), pass.settings.wait)?;
    check_owner(pass, user)?;
    check_inbox(pass, user, None)?;
    let mut steps = Vec::new();
    if !seen.is_empty() {
        let all = pass.store.seen(user)?;
        let wanted = all.into_iter().filter(|entry| seen.contains(&entry.uniqueid));
        steps.extend(wanted.map(Step::Seen));
    }
    if !subs.is_empty() {
        let here = pass.store.subscriptions(user)?;
        if here.is_empty() {
            let file = pass.store.metadata(user, None).no_subscriptions;
            missing::check(pass, user, SUBSCRIPTIONS, file.as_deref(), None)?;
        }
        steps.extend(subs.iter().map(|name| {
            if here.contains(name) {
                Step::Subscribe(name.clone())
            } else {
                Step::Unsubscribe(name.clone())
            }
        }));
    }
    let mut failures = Failures::default();
    apply_steps(pass, user, steps, &mut failures)?;
    failures.into_result(user)
}

/// Sends the limits of a quota root, or deletes the root on the replica if the master does not have
/// it (`sync_do_quota`). Deletes nothing if a mailbox of the master still has this root.
pub fn quota(pass: &mut Pass<'_>, root: &Text) -> Result<()> {
    let owner = pass.names.owner(&MboxName::new(root.as_bytes()));
    let _lock = pass.lock(owner.as_ref(), pass.settings.wait)?;
    let step = match pass.store.quota(root)? {
        Some(quota) => Step::SetQuota(quota),
        None => {
            check_deleted(pass, root)?;
            Step::DeleteQuota(root.clone())
        }
    };
    let user = owner.unwrap_or_default();
    pass.report(step.reported(&user));
    let _turn = turn_for(pass, &step)?;
    let ticket = pass.session.submit(step.command(&user, &[]))?;
    match pass.session.wait(ticket) {
        Err(error) if error.kind() == Kind::ReplicaNoMailbox => Ok(()),
        other => other.map(drop),
    }
}

/// Waits until no other session creates or deletes quota roots, if the step may do so. That can take
/// long, so a change of limits does not wait for it.
fn turn_for<'p>(pass: &mut Pass<'p>, step: &Step) -> Result<Option<QuotaTurn<'p>>> {
    let Some((turns, session)) = pass.quota_turns else { return Ok(None) };
    if let Some(turn) = turns.try_take(session) {
        return Ok(Some(turn));
    }
    if let Step::SetQuota(quota) = step {
        let ticket = pass.session.submit(Command::GetQuota(&quota.root))?;
        if pass.session.wait(ticket)?.into_quota()?.is_some() {
            return Ok(None);
        }
    }
    Ok(Some(turns.take(session)))
}

/// Deletes a user on the replica who was deleted on the master (`do_unuser`). Does nothing if the
/// user exists. If the user was renamed, only sends the quota, because the mailboxes were renamed
/// on the replica too. Does the same if a folder of the user was restored without the INBOX,
/// because the replica would delete it.
pub fn unuser(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    let lock = pass.lock(Some(user), pass.settings.wait)?;
    let name = pass.names.inbox(user);
    if let Some(inbox) = pass.store.lookup(&name)? {
        if !inbox.mbtype.is_deleted() {
            pass.report(SyncEvent::UserNotGone { user: user.clone() });
            return Ok(());
        }
        // After a rename the INBOX with the tombstone's uniqueid belongs to another user. The
        // replica would delete that user's subscriptions (`sync_apply_unuser`). So send only the
        // quota root, which still has the old name.
        let now = pass.store.lookup_by_id(&inbox.uniqueid)?;
        let is_renamed = now.map(|now| is_of_another(pass, user, &now)).transpose()?;
        if is_renamed == Some(true) || has_folders(pass, &name)? {
            drop(lock);
            return quota(pass, &Text::new(name.as_bytes()));
        }
    }
    pass.report(events::Step::DeleteUser { user: user.clone() });
    let ticket = pass.session.submit(Command::UnUser(user))?;
    match pass.session.wait(ticket) {
        Err(error) if error.kind() == Kind::ReplicaNoMailbox => Ok(()),
        other => other.map(drop),
    }
}

/// Returns whether a mailbox that was a deleted user's INBOX is now another user's. With
/// `delete_mode: delayed` the INBOX of a deleted user lives on under a deleted name of the same
/// user. A record by uniqueid may also be outdated.
fn is_of_another(pass: &Pass<'_>, user: &UserId, now: &MailboxEntry) -> Result<bool> {
    let is_users_own = pass.names.owner(&now.name).as_ref() == Some(user);
    if is_users_own && pass.names.is_deleted(&now.name) {
        return Ok(false);
    }
    is_alive_as(pass, &now.name, &now.uniqueid)
}

/// Returns whether there is a mailbox below this INBOX, which itself does not exist.
fn has_folders(pass: &Pass<'_>, inbox: &MboxName) -> Result<bool> {
    let prefix = [inbox.as_bytes(), b"."].concat();
    let mut found = false;
    let listed = pass.store.each_mailbox(&prefix, &mut |entry| {
        let mbtype = entry.mbtype;
        let is_mailbox = !mbtype.is_deleted() && !mbtype.is_intermediate();
        found |= is_mailbox && entry.name.as_bytes().starts_with(&prefix);
        Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    if found { Ok(true) } else { listed.map(|()| false) }
}

/// Returns whether the user has an INBOX on this server. Without one, [`user`](super::user::user)
/// does nothing.
pub fn has_inbox(pass: &Pass<'_>, user: &UserId) -> Result<bool> {
    let inbox = pass.store.lookup(&pass.names.inbox(user))?;
    Ok(inbox.is_some_and(|inbox| inbox.mbtype.is_here()))
}

/// Returns these mailboxes together with related ones, parents first. Related are the former names
/// of a mailbox, so that a rename is recognised, and the intermediates above it, because a replica
/// creates a mailbox of its own where a parent is missing (`mboxlist_update_intermediaries` in
/// `imap/mboxlist.c`).
pub fn with_relatives(pass: &Pass<'_>, names: &[MboxName]) -> Result<Vec<MboxName>> {
    let mut all: BTreeSet<MboxName> = names.iter().cloned().collect();
    for name in names {
        let Some(entry) = pass.store.lookup(name)? else { continue };
        let by_id = pass.store.lookup_by_id(&entry.uniqueid)?;
        let history = by_id.map(|entry| entry.name_history).unwrap_or_default();
        all.extend(history.into_iter().map(|former| former.name));
        for (at, _) in name.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'.') {
            let above = MboxName::new(name.as_bytes().get(..at).unwrap_or_default());
            let entry = pass.store.lookup(&above)?;
            all.extend(entry.filter(|e| e.mbtype.is_intermediate()).map(|e| e.name));
        }
    }
    Ok(all.into_iter().collect())
}
