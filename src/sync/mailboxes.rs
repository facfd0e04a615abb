//! Replicates named mailboxes, of whichever users (`sync_do_mailboxes`).

use super::metadata::NamedRoot;
use super::remote::{RemoteFolder, RemoteUser, folders_reply};
use super::settle::{Folders, Refused, Settled, View};
use super::user::Attempted;
use super::{Failures, Syncer, TRIES, commands, meta, over, wants_another_try};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::replica::{Ticket, Verb};
use crate::types::{MailboxEntry, MboxName, UserId};

impl Syncer<'_> {
    /// Replicates the mailboxes of these names. A name that is gone here but has a tombstone is
    /// deleted there; one that never existed is passed over.
    pub fn mailboxes(&mut self, names: &[MboxName]) -> Result<()> {
        let mut owners: Vec<Option<UserId>> =
            names.iter().map(|name| self.names.owner(name)).collect();
        owners.sort();
        owners.dedup();
        self.logged.borrow_mut().clear();
        let mut failures = Failures::default();
        let mut locks = Vec::with_capacity(owners.len());
        let mut free = Vec::with_capacity(owners.len());
        for owner in owners {
            match self.store.sync_lock(&self.settings.server, owner.as_ref(), self.settings.wait) {
                Ok(lock) => {
                    locks.push(lock);
                    free.push(owner);
                }
                Err(error) => self.keep_unlocked(&mut failures, names, owner.as_ref(), &error)?,
            }
        }
        let names = names.iter().filter(|name| free.contains(&self.names.owner(name))).cloned();
        let scripts_apart = !self.replica.enabled().sieve_mailbox;
        let (sieve, names): (Vec<_>, Vec<_>) =
            names.partition(|name| scripts_apart && self.names.is_sieve(name));
        let result = self.mailboxes_locked(&names, &free);
        let result = result.map_err(|error| over(&names[..], error));
        self.staged.clear_if_failed(&result);
        result?;
        for user in sieve.iter().filter_map(|name| self.names.owner(name)) {
            self.sieve_only(&user)?;
        }
        failures.into_result("mailboxes")
    }

    /// Keeps the failure of all mailboxes of an owner who cannot be locked.
    fn keep_unlocked(
        &self,
        failures: &mut Failures,
        names: &[MboxName],
        owner: Option<&UserId>,
        error: &Error,
    ) -> Result<()> {
        for name in names.iter().filter(|name| self.names.owner(name).as_ref() == owner) {
            let detail = format!("{}: {}", error.subject(), error.detail());
            let one = Error::new(error.kind(), "lock owner of", name.to_string(), detail)
                .hint(error.hint_text().to_owned());
            failures.keep(self, name, one)?;
        }
        Ok(())
    }

    fn mailboxes_locked(&mut self, names: &[MboxName], owners: &[Option<UserId>]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let mut last = None;
        let mut refused = Refused::default();
        for attempt in 0..TRIES {
            self.cancel.check("mailboxes")?;
            let list: Vec<String> = names.iter().map(ToString::to_string).collect();
            self.action(format!("MAILBOXES {}", list.join(" ")));
            let view = View { everywhere: attempt > 0, stale: false };
            match self.mailboxes_once(names, owners, view, &mut refused) {
                Ok(Attempted::Done) => return Ok(()),
                Ok(Attempted::Renamed) => self.log(Level::Debug, "did some renames, so retrying"),
                Err(error) if wants_another_try(&error) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        self.log(Level::Error, format!("failed to settle renames after {TRIES} tries!"));
        Err(last.unwrap_or_else(|| {
            Error::new(
                Kind::Changed,
                "replicate",
                names,
                format!("renames did not settle in {TRIES} tries"),
            )
        }))
    }

    fn mailboxes_once(
        &mut self,
        names: &[MboxName],
        owners: &[Option<UserId>],
        view: View,
        refused: &mut Refused,
    ) -> Result<Attempted> {
        let mut failures = Failures::default();
        let mut entries = Vec::new();
        let mut asked = Vec::with_capacity(names.len());
        for name in names {
            match self.live_entry(name) {
                Ok(entry) => entries.extend(entry),
                Err(error) => {
                    failures.keep(self, name, error)?;
                    continue;
                }
            }
            asked.push(name.clone());
        }
        let complete = entries.len() == names.len() && !view.everywhere;
        let remotes = match self.remembered(&entries).filter(|_| complete) {
            Some(remotes) => remotes,
            None => self.get_mailboxes(&asked)?,
        };
        let mut folders = Folders { entries, remotes };
        let settled = self.settle(&mut folders, &mut failures, refused, owners, view)?;
        if settled == Settled::LookAgain {
            return Ok(Attempted::Renamed);
        }
        failures.absorb(&mut refused.failures);
        let Folders { entries, remotes } = folders;
        let to_check = self.to_check(&entries);
        let there = remotes.iter().filter_map(|remote| remote.quotaroot.clone());
        let mut roots: Vec<NamedRoot> =
            there.map(|root| NamedRoot { root, by_its_own: None }).collect();
        roots.extend(self.folders_and_contents(entries, remotes, &mut failures)?);
        self.shared_quotas(roots, &mut failures)?;
        self.check_messages(&to_check, &mut failures)?;
        // What the replica was remembered to claim may be why they failed: it is asked again.
        failures.kept.iter().filter_map(|(of, _)| of.mailbox()).for_each(|name| self.forget(name));
        failures.into_result(names)?;
        self.release_staged()?;
        Ok(Attempted::Done)
    }

    /// The entry of a mailbox that exists.
    fn live_entry(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        let live = |e: &MailboxEntry| !e.mbtype.is_deleted() && !e.mbtype.is_elsewhere();
        Ok(self.store.lookup(name)?.filter(live))
    }

    /// Fetches the replica's state of mailboxes by name; those it does not have are left out.
    pub(super) fn get_mailboxes(&mut self, names: &[MboxName]) -> Result<Vec<RemoteFolder>> {
        let ticket = self.replica.submit(Verb::Get, &mut |w| commands::get_mailboxes(w, names))?;
        self.mailboxes_reply(ticket)
    }

    pub(super) fn mailboxes_reply(&mut self, ticket: Ticket) -> Result<Vec<RemoteFolder>> {
        match self.replica.wait(ticket) {
            Ok(reply) => {
                let folders = folders_reply(reply)?;
                folders.iter().for_each(|folder| self.remember(folder));
                Ok(folders)
            }
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Sieve scripts alone, for a `#sieve` mailbox and a replica that has none.
    fn sieve_only(&mut self, user: &UserId) -> Result<()> {
        self.action(format!("META {user}"));
        self.check_owner(user)?;
        let ticket = self.replica.submit(Verb::Get, &mut |w| commands::named(w, "META", user))?;
        let remote = RemoteUser::from_reply(self.replica.wait(ticket)?)?;
        let steps = meta::sieve(&self.store.sieve_scripts(user)?, &remote.sieve);
        let mut failures = Failures::default();
        self.apply_steps(user, steps, &mut failures)?;
        failures.into_result(super::user_subject(user))
    }
}
