//! Replicates mailboxes by name, of any users (`sync_do_mailboxes`).

use std::collections::{BTreeSet, HashSet};

use super::contents::bring_contents;
use super::failures::{Failures, TRIES, ends_all, is_put_off};
use super::folders::identity::check_owner;
use super::folders::settle::{Settled, View, settle};
use super::folders::sides::{Folders, Refused};
use super::pass::Pass;
use super::transfer::damage::{check_messages, to_check};
use super::tries::{Attempted, Tries};
use super::usermeta::apply::apply_steps;
use super::usermeta::inbox::check_inbox;
use super::usermeta::quotas::{NamedRoot, shared_quotas};
use super::usermeta::scripts::to_upload;
use crate::error::{Error, Kind, Mark, Result};
use crate::events::{Step, SyncEvent};
use crate::protocol::{Command, RemoteFolder};
use crate::types::{MailboxEntry, MboxName, Text, UserId};

/// Replicates the mailboxes with these names. If the master has only a tombstone of a name, the
/// mailbox is deleted on the replica. Names that never existed are skipped.
pub fn mailboxes(pass: &mut Pass<'_>, names: &[MboxName]) -> Result<()> {
    named(pass, names, Orphans::Create)
}

/// Like [`mailboxes`], for names in a log. Fails for mailboxes that the replica does not have if it
/// does not have the owner's INBOX either. Then the whole user must be replicated, because the
/// INBOX must come first.
pub fn logged_mailboxes(pass: &mut Pass<'_>, names: &[MboxName]) -> Result<()> {
    named(pass, names, Orphans::Refuse)
}

/// What to do with a mailbox whose owner has no INBOX on the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Orphans {
    Create,
    Refuse,
}

fn named(pass: &mut Pass<'_>, names: &[MboxName], orphans: Orphans) -> Result<()> {
    let mut owners: Vec<Option<UserId>> = names.iter().map(|name| pass.names.owner(name)).collect();
    owners.sort();
    owners.dedup();
    pass.begin_task();
    let mut failures = Failures::default();
    let mut locks = Vec::with_capacity(owners.len());
    let mut free = Vec::with_capacity(owners.len());
    for owner in owners {
        match pass.lock(owner.as_ref(), pass.settings.wait) {
            Ok(lock) => {
                locks.push(lock);
                free.push(owner);
            }
            Err(error) if is_put_off(&error) => return Err(error),
            Err(error) => keep_unlocked(pass, &mut failures, names, owner.as_ref(), &error)?,
        }
    }
    let names = names.iter().filter(|name| free.contains(&pass.names.owner(name))).cloned();
    let scripts_apart = !pass.session.capabilities().sieve_mailbox;
    let (sieve, names): (Vec<_>, Vec<_>) =
        names.partition(|name| scripts_apart && pass.names.is_sieve(name));
    let result = mailboxes_locked(pass, &names, &free, orphans);
    let result = result.map_err(|error| error.over(&names[..]));
    pass.staged.clear_if_failed(&result);
    result?;
    for user in sieve.iter().filter_map(|name| pass.names.owner(name)) {
        sieve_only(pass, &user)?;
    }
    failures.into_result("mailboxes")
}

/// Replicates one mailbox of a user whose lock is held. Failures are added to `failures`.
pub(crate) fn bring_mailbox(
    pass: &mut Pass<'_>,
    user: &UserId,
    name: &MboxName,
    failures: &mut Failures,
) -> Result<()> {
    let names = std::slice::from_ref(name);
    let result = mailboxes_locked(pass, names, &[Some(user.clone())], Orphans::Create);
    pass.staged.clear_if_failed(&result);
    match result {
        Ok(()) => Ok(()),
        Err(error) if ends_all(&error) => Err(error),
        Err(error) => {
            // The failures that this error consists of were reported already.
            failures.keep_reported(name, error.over(name).marked(Mark::Reported));
            Ok(())
        }
    }
}

/// Stores a failure for each mailbox of an owner whose lock could not be taken.
fn keep_unlocked(
    pass: &Pass<'_>,
    failures: &mut Failures,
    names: &[MboxName],
    owner: Option<&UserId>,
    error: &Error,
) -> Result<()> {
    for name in names.iter().filter(|name| pass.names.owner(name).as_ref() == owner) {
        let detail = format!("{}: {}", error.subject(), error.detail());
        let one = Error::new(error.kind(), "lock owner of", name, detail)
            .with_hint(error.hint().to_owned());
        failures.keep(pass, name, one)?;
    }
    Ok(())
}

fn mailboxes_locked(
    pass: &mut Pass<'_>,
    names: &[MboxName],
    owners: &[Option<UserId>],
    orphans: Orphans,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let mut tries = Tries::default();
    for attempt in 0..TRIES {
        pass.check_cancel("mailboxes")?;
        pass.report(Step::Mailboxes { mailboxes: names.to_vec() });
        let view = View { everywhere: attempt > 0, stale: false };
        let attempted = mailboxes_once(pass, (names, orphans), owners, view, &mut tries.refused);
        if let Some(ended) = tries.ended(pass, attempted) {
            return ended;
        }
    }
    Err(tries.used_up(pass, None, names))
}

fn mailboxes_once(
    pass: &mut Pass<'_>,
    (names, orphans): (&[MboxName], Orphans),
    owners: &[Option<UserId>],
    view: View,
    refused: &mut Refused,
) -> Result<Attempted> {
    let mut failures = Failures::default();
    let mut entries = Vec::new();
    let mut asked = Vec::with_capacity(names.len());
    for name in names {
        match live_entry(pass, name, view) {
            Ok(entry) => entries.extend(entry),
            Err(error) => {
                failures.keep(pass, name, error)?;
                continue;
            }
        }
        asked.push(name.clone());
    }
    let complete = entries.len() == names.len() && !view.everywhere;
    let remotes = match pass.remembered(&entries).filter(|_| complete) {
        Some(remotes) => remotes,
        None => pass.folders(&asked)?,
    };
    let mut folders = Folders { entries, remotes };
    let settled = settle(pass, &mut folders, &mut failures, refused, owners, view)?;
    if settled == Settled::LookAgain {
        return Ok(Attempted::Renamed);
    }
    failures.absorb(&mut refused.failures);
    let Folders { entries, remotes } = folders;
    if orphans == Orphans::Refuse
        && let Some(error) = orphan(pass, &entries, &remotes)?
    {
        return Ok(Attempted::TooEarly(error));
    }
    let to_check = to_check(pass, &entries);
    let there = remotes.iter().filter_map(|remote| remote.quotaroot.clone());
    let mut roots: Vec<NamedRoot> =
        there.map(|root| NamedRoot { root, by_its_own: None }).collect();
    roots.extend(bring_contents(pass, entries, remotes, &mut failures)?);
    shared_quotas(pass, roots, &mut failures)?;
    check_messages(pass, &to_check, &mut failures)?;
    // A wrong cached state may have caused a failure. So remove the states of the failed mailboxes.
    failures.mailboxes().for_each(|name| pass.forget(name));
    failures.into_result(names)?;
    pass.release_staged()?;
    Ok(Attempted::Done)
}

/// Returns an error if the replica lacks one of the mailboxes and the INBOX of its owner.
fn orphan(
    pass: &mut Pass<'_>,
    entries: &[MailboxEntry],
    remotes: &[RemoteFolder],
) -> Result<Option<Error>> {
    let there: HashSet<&MboxName> = remotes.iter().map(|remote| &remote.name).collect();
    let here: HashSet<&MboxName> = entries.iter().map(|entry| &entry.name).collect();
    let new = entries.iter().map(|entry| &entry.name);
    let new = new.filter(|name| !there.contains(name) && !pass.names.is_deleted(name));
    let owners: BTreeSet<UserId> = new.filter_map(|name| pass.names.owner(name)).collect();
    for owner in owners.iter().filter(|owner| !here.contains(&pass.names.inbox(owner))) {
        match check_inbox(pass, owner, None) {
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => return Ok(Some(error)),
            found => found?,
        };
    }
    Ok(None)
}

/// Returns the mailboxes.db entry of a mailbox, if the mailbox exists on this server.
fn live_entry(pass: &Pass<'_>, name: &MboxName, view: View) -> Result<Option<MailboxEntry>> {
    let live = |e: &MailboxEntry| !e.mbtype.is_deleted() && !e.mbtype.is_elsewhere();
    let found = pass.store.lookup(name)?;
    if found.is_none() && !view.everywhere {
        let external = pass.names.to_external(name).unwrap_or_else(|| Text::new(name.as_bytes()));
        pass.report(SyncEvent::UnknownMailbox { mailbox: name.clone(), external });
    }
    Ok(found.filter(live))
}

/// Replicates only the Sieve scripts. Used for a `#sieve` mailbox if the replica does not support
/// such mailboxes.
fn sieve_only(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    pass.report(Step::Meta { user: user.clone() });
    check_owner(pass, user)?;
    check_inbox(pass, user, None)?;
    let ticket = pass.session.submit(Command::GetMeta(user))?;
    let remote = pass.session.wait(ticket)?.into_user()?;
    let steps = to_upload(pass, &pass.store.sieve_scripts(user)?, &remote.sieve);
    let mut failures = Failures::default();
    apply_steps(pass, user, steps, &mut failures)?;
    failures.into_result(user)
}
