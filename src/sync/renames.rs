//! Carries out the deletes and renames of a [`Plan`] on the replica. Each that fails is the failure
//! of its mailbox: those that need its name wait with it, all others go on.

use std::collections::{HashMap, HashSet};

use super::folders::{Plan, Rename};
use super::settle::{Folders, Refused};
use super::{Failures, Syncer, is_locked, wants_another_try};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::protocol::{self, Command, Ticket};
use crate::store::{Lock, Wait};
use crate::types::{MboxName, UniqueId, UserId};

/// The sync locks of owners whose mailboxes are touched beside those of the unit.
struct Locks {
    held: Vec<Box<dyn Lock>>,
    /// Why there is no lock.
    missing: HashMap<Option<UserId>, Error>,
}

/// What is not done to the replica's folders.
#[derive(Default)]
struct Undone {
    /// Mailboxes of which a step failed: those behind it would build on it.
    ids: HashSet<UniqueId>,
    /// Names that are held on the replica, other than planned, and by which mailbox of the master.
    held: HashMap<MboxName, MboxName>,
}

impl Syncer<'_> {
    /// Carries out a plan. Returns whether anything was renamed.
    pub(super) fn carry_out(
        &mut self,
        plan: &Plan,
        folders: &mut Folders,
        failures: &mut Failures,
        refused: &mut Refused,
        owners: &[Option<UserId>],
    ) -> Result<bool> {
        let touched = plan.renames.iter().flat_map(|r| [&r.from, &r.to]).chain(&plan.deletes);
        let locks = self.lock_owners(touched, owners);
        let mut undone = Undone::default();
        let deleted = self.delete_all(plan, &locks, failures, &mut undone)?;
        folders.remotes.retain(|remote| !deleted.contains(&remote.name));
        let mut renamed = false;
        for rename in &plan.renames {
            if undone.ids.contains(&rename.uniqueid) {
                continue;
            }
            let Err(error) = self.rename(rename, &locks, &undone) else {
                renamed = true;
                continue;
            };
            if error.is_connection() || error.kind() == Kind::Cancelled {
                return Err(error);
            }
            undone.ids.insert(rename.uniqueid.clone());
            undone.held.insert(rename.from.clone(), rename.mailbox.clone());
            folders.entries.retain(|entry| entry.name != rename.mailbox);
            if wants_another_try(&error) || is_locked(&error) {
                failures.keep(self, &rename.mailbox, error)?;
            } else {
                // The same answer can be expected when everything is looked at again.
                refused.add(self, rename, error)?;
            }
        }
        drop(locks.held);
        Ok(renamed)
    }

    /// Deletes folders. Returns those that are gone.
    fn delete_all(
        &mut self,
        plan: &Plan,
        locks: &Locks,
        failures: &mut Failures,
        undone: &mut Undone,
    ) -> Result<HashSet<MboxName>> {
        let mut asked: Vec<(&MboxName, Result<Ticket>)> = Vec::with_capacity(plan.deletes.len());
        for name in &plan.deletes {
            let ticket = match self.locked(locks, [name]) {
                Ok(()) => {
                    self.forget(name);
                    let unmailbox =
                        Command::UnMailbox { mailbox: name, local_only: self.settings.local_only };
                    self.action_on(name, format!("{} {name}", unmailbox.spec().name));
                    Ok(self.replica.submit(unmailbox)?)
                }
                Err(error) => Err(error),
            };
            asked.push((name, ticket));
        }
        let mut gone = HashSet::new();
        for (name, ticket) in asked {
            let error = match ticket.and_then(|ticket| self.replica.wait(ticket)) {
                Ok(_) => None,
                Err(error) if error.kind() == Kind::ReplicaNoMailbox => None,
                Err(error) => Some(error),
            };
            let Some(error) = error else {
                gone.insert(name.clone());
                continue;
            };
            if !error.is_connection() && !is_locked(&error) {
                let line = format!("SYNCERROR: sync_do_folder_delete(): failed: {name} '{error}'");
                self.log(Level::Error, line);
            }
            undone.held.insert(name.clone(), name.clone());
            failures.keep(self, name, error)?;
        }
        Ok(gone)
    }

    fn rename(&mut self, rename: &Rename, locks: &Locks, undone: &Undone) -> Result<()> {
        let Rename { from, to, partition, uidvalidity, .. } = rename;
        let command = Command::Rename {
            rename: protocol::Rename { from, to, partition, uidvalidity: *uidvalidity },
            local_only: self.settings.local_only,
        };
        self.locked(locks, [from, to])?;
        if from != to
            && let Some(holder) = undone.held.get(to)
        {
            let detail = format!("{holder} still has the name {to} there");
            return Err(Error::new(
                Kind::ReplicaDenied,
                "rename on the replica",
                format!("{from} to {to}"),
                detail,
            )
            .hint("see why that one could not be renamed or deleted"));
        }
        self.action_on(to, format!("{} {from} -> {to} ({partition})", command.spec().name));
        self.forget(from);
        self.forget(to);
        let ticket = self.replica.submit(command)?;
        let Err(error) = self.replica.wait(ticket) else { return Ok(()) };
        if error.is_connection() || error.kind() == Kind::Cancelled {
            return Err(error);
        }
        self.log(Level::Error, format!("SYNCERROR: failed to rename: {from} -> {to}"));
        Err(error)
    }

    /// Takes the sync locks of users whose mailboxes are touched beside the locked ones. Waiting
    /// here could deadlock with a client that took the locks the other way round.
    fn lock_owners<'n>(
        &self,
        names: impl Iterator<Item = &'n MboxName>,
        locked: &[Option<UserId>],
    ) -> Locks {
        let mut others: Vec<Option<UserId>> = names.map(|name| self.names.owner(name)).collect();
        others.retain(|owner| !locked.contains(owner));
        others.sort();
        others.dedup();
        let mut locks = Locks { held: Vec::new(), missing: HashMap::new() };
        for owner in others {
            match self.store.sync_lock(&self.settings.server, owner.as_ref(), Wait::Fail) {
                Ok(lock) => locks.held.push(lock),
                Err(error) => drop(locks.missing.insert(owner, error)),
            }
        }
        locks
    }

    /// Fails unless the owners of these names are locked.
    fn locked<const N: usize>(&self, locks: &Locks, names: [&MboxName; N]) -> Result<()> {
        let missing = names.into_iter().find_map(|name| {
            let owner = self.names.owner(name);
            locks.missing.get(&owner).map(|error| (name, owner, error))
        });
        let Some((name, owner, error)) = missing else { return Ok(()) };
        let whose =
            owner.map_or_else(|| "shared mailboxes".to_owned(), |user| format!("user {user}"));
        // With -N whoever is locked is passed over; else it is worth another try.
        let kind = match (error.kind(), self.settings.wait) {
            (Kind::Locked, Wait::Block) => Kind::Changed,
            (kind, _) => kind,
        };
        let detail = format!("it moves from or to {whose}: {}", error.detail());
        Err(Error::new(kind, "replicate mailbox", name.to_string(), detail).hint("run it again"))
    }
}

impl Refused {
    /// Keeps what the replica refused, and will refuse again.
    fn add(&mut self, syncer: &Syncer<'_>, rename: &Rename, error: Error) -> Result<()> {
        self.ids.insert(rename.uniqueid.clone());
        self.failures.keep(syncer, &rename.mailbox, error)
    }
}
