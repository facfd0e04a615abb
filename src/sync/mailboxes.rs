//! Replicates named mailboxes, of whichever users (`sync_do_mailboxes`).

use super::metadata::NamedRoot;
use super::remote::{RemoteFolder, RemoteUser, folders_reply};
use super::settle::Settled;
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
        let mut locks = Vec::with_capacity(owners.len());
        for owner in &owners {
            let server = &self.settings.server;
            locks.push(self.store.sync_lock(server, owner.as_ref(), self.settings.wait)?);
        }
        let scripts_apart = !self.replica.enabled().sieve_mailbox;
        let (sieve, names): (Vec<_>, Vec<_>) =
            names.iter().cloned().partition(|name| scripts_apart && self.names.is_sieve(name));
        let result = self.mailboxes_locked(&names, &owners);
        let result = result.map_err(|error| over(listed(&names), error));
        self.staged.clear_if_failed(&result);
        result?;
        for user in sieve.iter().filter_map(|name| self.names.owner(name)) {
            self.sieve_only(&user)?;
        }
        Ok(())
    }

    fn mailboxes_locked(&mut self, names: &[MboxName], owners: &[Option<UserId>]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let mut last = None;
        for attempt in 0..TRIES {
            self.cancel.check("mailboxes")?;
            let list: Vec<String> = names.iter().map(ToString::to_string).collect();
            self.action(format!("MAILBOXES {}", list.join(" ")));
            match self.mailboxes_once(names, owners, attempt > 0) {
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
                listed(names),
                format!("renames did not settle in {TRIES} tries"),
            )
        }))
    }

    fn mailboxes_once(
        &mut self,
        names: &[MboxName],
        owners: &[Option<UserId>],
        look_everywhere: bool,
    ) -> Result<Attempted> {
        let mut entries = Vec::new();
        for name in names {
            entries.extend(self.live_entry(name)?);
        }
        let complete = entries.len() == names.len() && !look_everywhere;
        let mut remotes = match self.remembered(&entries).filter(|_| complete) {
            Some(remotes) => remotes,
            None => self.get_mailboxes(names)?,
        };
        let mut failures = Failures::default();
        let settled =
            self.settle(&mut entries, &mut remotes, &mut failures, owners, look_everywhere, false)?;
        if settled == Settled::LookAgain {
            return Ok(Attempted::Renamed);
        }
        let to_check = self.to_check(&entries);
        let there = remotes.iter().filter_map(|remote| remote.quotaroot.clone());
        let mut roots: Vec<NamedRoot> =
            there.map(|root| NamedRoot { root, by_its_own: None }).collect();
        roots.extend(self.folders_and_contents(entries, remotes, &mut failures)?);
        self.shared_quotas(roots, &mut failures)?;
        self.check_messages(&to_check, &mut failures)?;
        failures.into_result(listed(names))?;
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
        let ticket = self.replica.submit(Verb::Get, &mut |w| commands::named(w, "META", user))?;
        let remote = RemoteUser::from_reply(self.replica.wait(ticket)?)?;
        let steps = meta::sieve(&self.store.sieve_scripts(user)?, &remote.sieve);
        let mut failures = Failures::default();
        self.apply_steps(user, steps, &mut failures)?;
        failures.into_result(super::user_subject(user))
    }
}

/// Mailboxes that are replicated together, in short.
fn listed(names: &[MboxName]) -> String {
    match names {
        [] => "mailboxes".to_owned(),
        [only] => format!("mailbox {only}"),
        [first, rest @ ..] => format!("mailboxes {first} and {} more", rest.len()),
    }
}
