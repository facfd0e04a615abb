//! Pieces of a user's data by themselves, as sync logs name them.

use std::collections::BTreeSet;

use super::{Failures, Syncer, meta};
use crate::error::{Kind, Result};
use crate::observe::Level;
use crate::protocol::Command;
use crate::types::{MboxName, Text, UniqueId, UserId};
use meta::Step;

impl Syncer<'_> {
    /// Sends a user's seen state of these mailboxes and whether the user is subscribed to those
    /// (`sync_do_seen`, `user_sub`). What the user has not seen at all is left as it is there.
    pub fn pieces(&mut self, user: &UserId, seen: &[UniqueId], subs: &[MboxName]) -> Result<()> {
        let _lock = self.store.sync_lock(&self.settings.server, Some(user), self.settings.wait)?;
        self.check_owner(user)?;
        let mut steps = Vec::new();
        if !seen.is_empty() {
            let all = self.store.seen(user)?;
            let wanted = all.into_iter().filter(|entry| seen.contains(&entry.uniqueid));
            steps.extend(wanted.map(Step::Seen));
        }
        if !subs.is_empty() {
            let here = self.store.subscriptions(user)?;
            steps.extend(subs.iter().map(|name| match here.contains(name) {
                true => Step::Subscribe(name.clone()),
                false => Step::Unsubscribe(name.clone()),
            }));
        }
        let mut failures = Failures::default();
        self.apply_steps(user, steps, &mut failures)?;
        failures.into_result(super::user_subject(user))
    }

    /// Sends the limits of a quota root, or that it is none any more (`sync_do_quota`).
    pub fn quota(&mut self, root: &Text) -> Result<()> {
        let owner = self.names.owner(&MboxName::new(root.as_bytes()));
        let server = &self.settings.server;
        let _lock = self.store.sync_lock(server, owner.as_ref(), self.settings.wait)?;
        let step = match self.store.quota(root)? {
            Some(quota) => Step::SetQuota(quota),
            None => Step::DeleteQuota(root.clone()),
        };
        let user = owner.unwrap_or_default();
        self.action(step.line(&user));
        let ticket = self.replica.submit(step.command(&user, &[]))?;
        match self.replica.wait(ticket) {
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => Ok(()),
            other => other.map(drop),
        }
    }

    /// Deletes a user on the replica who is gone here (`do_unuser`). One who is still here, or
    /// here again, is left alone; so is one who was renamed, whose mailboxes were renamed there.
    pub fn unuser(&mut self, user: &UserId) -> Result<()> {
        let lock = self.store.sync_lock(&self.settings.server, Some(user), self.settings.wait)?;
        let name = self.names.inbox(user);
        if let Some(inbox) = self.store.lookup(&name)? {
            if !inbox.mbtype.is_deleted() {
                self.log(Level::Notice, format!("SYNCNOTICE: user is not gone: userid=<{user}>"));
                return Ok(());
            }
            // By the tombstone a replica finds the subscriptions of whoever has the INBOX now, and
            // would remove them (`sync_apply_unuser`). Renaming has left only the quota.
            let now = self.store.lookup_by_id(&inbox.uniqueid)?;
            if now.is_some_and(|now| !now.mbtype.is_deleted() && now.name != name) {
                drop(lock);
                return self.quota(&Text::new(name.as_bytes()));
            }
        }
        self.action(format!("UNUSER {user}"));
        let ticket = self.replica.submit(Command::UnUser(user))?;
        match self.replica.wait(ticket) {
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => Ok(()),
            other => other.map(drop),
        }
    }

    /// Has the replica let go of the files it keeps staged (`RESTART`).
    pub fn restart(&mut self) -> Result<()> {
        let ticket = self.replica.submit(Command::Restart)?;
        self.staged.clear();
        self.replica.wait(ticket).map(drop)
    }

    /// Whether the user has an INBOX here: only then [`Syncer::user`] does anything.
    pub fn has_inbox(&self, user: &UserId) -> Result<bool> {
        let inbox = self.store.lookup(&self.names.inbox(user))?;
        Ok(inbox.is_some_and(|it| {
            !it.mbtype.is_elsewhere() && !it.mbtype.is_intermediate() && !it.mbtype.is_deleted()
        }))
    }

    /// These mailboxes with those that must be looked at together with them, parents first: what
    /// they were under the names they had before, so that a rename shows as one; and the
    /// intermediates above them, for a replica fills a gap above a new mailbox with a mailbox of its
    /// own (`mboxlist_update_intermediaries` in `imap/mboxlist.c`).
    pub fn with_relatives(&self, names: &[MboxName]) -> Result<Vec<MboxName>> {
        let mut all: BTreeSet<MboxName> = names.iter().cloned().collect();
        for name in names {
            let Some(entry) = self.store.lookup(name)? else { continue };
            let by_id = self.store.lookup_by_id(&entry.uniqueid)?;
            let history = by_id.map(|entry| entry.name_history).unwrap_or_default();
            all.extend(history.into_iter().map(|former| former.name));
            for (at, _) in name.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'.') {
                let above = MboxName::new(name.as_bytes().get(..at).unwrap_or_default());
                let entry = self.store.lookup(&above)?;
                all.extend(entry.filter(|e| e.mbtype.is_intermediate()).map(|e| e.name));
            }
        }
        Ok(all.into_iter().collect())
    }
}
