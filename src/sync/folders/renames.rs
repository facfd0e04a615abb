//! Carries out the deletes and renames of a [`Plan`] on the replica. If a step fails, its mailbox
//! fails, and so do the mailboxes that need the name of that mailbox. All others continue.

use std::collections::{HashMap, HashSet};

use super::plan::{Plan, Rename};
use super::sides::{Folders, Refused};
use crate::error::{Error, Kind, Mark, Result, Subject};
use crate::events::{Step, SyncEvent};
use crate::protocol::{self, Command, Ticket};
use crate::store::{Lock, Wait};
use crate::sync::failures::{Failures, ends_all, is_locked, is_put_off, wants_another_try};
use crate::sync::pass::Pass;
use crate::types::{MboxName, UniqueId, UserId};

/// The sync locks of other owners whose mailboxes the plan changes. The task itself has locked its
/// own owners.
struct Locks {
    held: Vec<Box<dyn Lock>>,
    /// Owners whose lock could not be taken, with the error.
    missing: HashMap<Option<UserId>, Error>,
}

/// Failed steps of a plan.
#[derive(Default)]
struct FailedSteps {
    /// Mailboxes with a failed step. Later steps of these mailboxes are skipped.
    ids: HashSet<UniqueId>,
    /// Names on the replica that a failed step has not freed. Each has the master's name of the
    /// mailbox that still has it.
    held: HashMap<MboxName, MboxName>,
}

/// Carries out a plan. Returns whether anything was renamed.
pub(crate) fn carry_out(
    pass: &mut Pass<'_>,
    plan: &Plan,
    folders: &mut Folders,
    failures: &mut Failures,
    refused: &mut Refused,
    owners: &[Option<UserId>],
) -> Result<bool> {
    let touched = plan.renames.iter().flat_map(|r| [&r.from, &r.to]).chain(&plan.deletes);
    let locks = lock_owners(pass, touched, owners)?;
    let mut failed = FailedSteps::default();
    let deleted = delete_all(pass, plan, &locks, failures, &mut failed)?;
    folders.remotes.retain(|remote| !deleted.contains(&remote.name));
    let mut renamed = false;
    for rename in &plan.renames {
        if failed.ids.contains(&rename.uniqueid) {
            continue;
        }
        let Err(error) = carry_out_rename(pass, rename, &locks, &failed) else {
            renamed = true;
            continue;
        };
        if ends_all(&error) {
            return Err(error);
        }
        failed.ids.insert(rename.uniqueid.clone());
        failed.held.insert(rename.from.clone(), rename.mailbox.clone());
        folders.entries.retain(|entry| entry.name != rename.mailbox);
        if wants_another_try(&error) || is_locked(&error) {
            failures.keep(pass, &rename.mailbox, error)?;
        } else {
            // The replica would refuse the same rename in the next try too.
            refused.add(pass, &rename.uniqueid, &rename.mailbox, error)?;
        }
    }
    drop(locks.held);
    Ok(renamed)
}

/// Deletes folders. Returns the names of the deleted folders.
fn delete_all(
    pass: &mut Pass<'_>,
    plan: &Plan,
    locks: &Locks,
    failures: &mut Failures,
    failed: &mut FailedSteps,
) -> Result<HashSet<MboxName>> {
    let mut asked: Vec<(&MboxName, Result<Ticket>)> = Vec::with_capacity(plan.deletes.len());
    for name in &plan.deletes {
        let ticket = match locked(pass, locks, [name]) {
            Ok(()) => {
                pass.forget(name);
                let local = pass.settings.local_only;
                pass.report(Step::DeleteMailbox { mailbox: name.clone(), local });
                Ok(pass.session.submit(Command::UnMailbox { mailbox: name, local_only: local })?)
            }
            Err(error) => Err(error),
        };
        asked.push((name, ticket));
    }
    let mut gone = HashSet::new();
    for (name, ticket) in asked {
        let error = match ticket.and_then(|ticket| pass.session.wait(ticket)) {
            Ok(_) => None,
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => None,
            Err(error) => Some(error),
        };
        let Some(error) = error else {
            gone.insert(name.clone());
            continue;
        };
        failed.held.insert(name.clone(), name.clone());
        if ends_all(&error) || is_locked(&error) {
            failures.keep(pass, name, error)?;
            continue;
        }
        let (subject, mailbox) = (Subject::from(name), name.clone());
        let event = SyncEvent::DeleteFailed { mailbox, error: error.clone() };
        pass.report_once(&subject, &error, event);
        failures.keep_reported(subject, error.marked(Mark::Reported));
    }
    Ok(gone)
}

fn carry_out_rename(
    pass: &mut Pass<'_>,
    rename: &Rename,
    locks: &Locks,
    failed: &FailedSteps,
) -> Result<()> {
    let Rename { from, to, partition, uidvalidity, .. } = rename;
    let command = Command::Rename {
        rename: protocol::Rename { from, to, partition, uidvalidity: *uidvalidity },
        local_only: pass.settings.local_only,
    };
    locked(pass, locks, [from, to])?;
    if from != to
        && let Some(holder) = failed.held.get(to)
    {
        let detail = format!("{holder} still has the name {to} on the replica");
        return Err(Error::new(
            Kind::ReplicaDenied,
            "rename on the replica",
            format!("{from} to {to}"),
            detail,
        )
        .with_hint("see in the log why that mailbox could not be renamed or deleted"));
    }
    pass.report(Step::Rename {
        from: from.clone(),
        to: to.clone(),
        partition: partition.clone(),
        local: pass.settings.local_only,
    });
    pass.forget(from);
    pass.forget(to);
    let ticket = pass.session.submit(command)?;
    let Err(error) = pass.session.wait(ticket) else { return Ok(()) };
    if ends_all(&error) {
        return Err(error);
    }
    pass.report(SyncEvent::RenameFailed { from: from.clone(), to: to.clone() });
    Err(error)
}

/// Takes the sync locks of the owners that the task has not locked itself. Does not wait for a
/// lock, because waiting could end in a deadlock with a client that takes the locks in another
/// order.
fn lock_owners<'n>(
    pass: &Pass<'_>,
    names: impl Iterator<Item = &'n MboxName>,
    locked: &[Option<UserId>],
) -> Result<Locks> {
    let mut others: Vec<Option<UserId>> = names.map(|name| pass.names.owner(name)).collect();
    others.retain(|owner| !locked.contains(owner));
    others.sort();
    others.dedup();
    let mut locks = Locks { held: Vec::new(), missing: HashMap::new() };
    for owner in others {
        match pass.lock(owner.as_ref(), Wait::Fail) {
            Ok(lock) => locks.held.push(lock),
            Err(error) if is_put_off(&error) => return Err(error),
            Err(error) => drop(locks.missing.insert(owner, error)),
        }
    }
    Ok(locks)
}

/// Fails unless the owners of these names are locked.
fn locked<const N: usize>(pass: &Pass<'_>, locks: &Locks, names: [&MboxName; N]) -> Result<()> {
    let missing = names.into_iter().find_map(|name| {
        let owner = pass.names.owner(name);
        locks.missing.get(&owner).map(|error| (name, owner, error))
    });
    let Some((name, owner, error)) = missing else { return Ok(()) };
    let whose = owner.map_or_else(|| "shared mailboxes".to_owned(), |user| format!("user {user}"));
    // With `-N`, locked users are skipped. Otherwise another try makes sense.
    let kind = match (error.kind(), pass.settings.wait) {
        (Kind::Locked, Wait::Block) => Kind::Changed,
        (kind, _) => kind,
    };
    let detail = format!("it moves to or from {whose}, which cannot be locked: {}", error.detail());
    Err(Error::new(kind, "replicate mailbox", name, detail).with_hint("run sync_client again"))
}
