//! Replicates one user: mailboxes, quotas, subscriptions, sieve, seen (`sync_do_user`).

use std::collections::{HashMap, HashSet};

use super::contents::Work;
use super::inbox::Failed;
use super::look::Look;
use super::metadata::NamedRoot;
use super::remote::{RemoteFolder, RemoteUser};
use super::settle::{Folders, Refused, Settled, View};
use super::{Failures, Syncer, TRIES, commands, over, user_subject, wants_another_try};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::replica::{Ticket, Verb};
use crate::store::UserTree;
use crate::types::{MailboxEntry, MboxName, MboxType, UserId};

/// How an attempt at a unit ended, if not with an error.
pub(super) enum Attempted {
    /// All is sent.
    Done,
    /// Folders were renamed on the replica; everything must be looked at again.
    Renamed,
}

impl Syncer<'_> {
    /// Asks for the replica's view of a user ahead of time; pass the ticket to [`Syncer::user`].
    pub fn ask_user(&mut self, user: &UserId) -> Result<Ticket> {
        self.replica.submit(Verb::Get, &mut |w| commands::named(w, "USER", user))
    }

    /// Forgets what [`Syncer::ask_user`] asked.
    pub fn forget_user(&mut self, ticket: Ticket) {
        self.replica.discard(ticket);
    }

    /// Replicates one user. `asked` is the ticket of [`Syncer::ask_user`], if it was called.
    ///
    /// A mailbox that fails does not stop the others; the error then names the first.
    pub fn user(&mut self, user: &UserId, asked: Option<Ticket>) -> Result<()> {
        self.logged.borrow_mut().clear();
        let result = self.user_locked(user, asked);
        let result = result.map_err(|error| over(user_subject(user), error));
        self.staged.clear_if_failed(&result);
        if let Err(error) = &result
            && !super::is_locked(error)
            && error.kind() != Kind::Cancelled
        {
            self.log_failed_user(user, error);
        }
        result
    }

    fn user_locked(&mut self, user: &UserId, mut asked: Option<Ticket>) -> Result<()> {
        self.cancel.check(&user_subject(user).to_string())?;
        let lock = self.store.sync_lock(&self.settings.server, Some(user), self.settings.wait);
        let _lock = match lock {
            Ok(lock) => lock,
            Err(error) => {
                asked.into_iter().for_each(|ticket| self.replica.discard(ticket));
                return Err(error);
            }
        };
        self.action(format!("USER {user}"));
        let mut last = None;
        let mut tries = 0;
        let mut refused = Refused::default();
        while tries < TRIES {
            // What was asked for before the lock was held may have changed since: a free try.
            let stale = asked.is_some();
            let view = View { everywhere: tries > 0, stale };
            tries += u32::from(!stale);
            let ticket = match asked.take() {
                Some(ticket) => ticket,
                None => self.ask_user(user)?,
            };
            let remote = match self.replica.wait(ticket) {
                Ok(reply) => RemoteUser::from_reply(reply)?,
                Err(error) if error.kind() == Kind::ReplicaNoMailbox => RemoteUser::default(),
                Err(error) => return Err(error),
            };
            match self.user_once(user, remote, view, &mut refused) {
                Ok(Attempted::Done) => return Ok(()),
                Ok(Attempted::Renamed) => self.log(Level::Debug, "did some renames, so retrying"),
                Err(error) if wants_another_try(&error) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        self.log(Level::Error, format!("failed to sync user {user} after {TRIES} tries"));
        Err(last.unwrap_or_else(|| {
            Error::new(
                Kind::Changed,
                "replicate",
                user_subject(user),
                format!("renames did not settle in {TRIES} tries"),
            )
            .hint("try again when the user's folders rest")
        }))
    }

    fn log_failed_user(&self, user: &UserId, error: &Error) {
        let channel = self.settings.channel.as_deref().unwrap_or("(null)");
        let server = &self.settings.server;
        self.log(
            Level::Error,
            format!(
                "IOERROR: user replication failed: error=<{error}> userid=<{user}> \
                 channel=<{channel}> servername=<{server}>"
            ),
        );
    }

    fn user_once(
        &mut self,
        user: &UserId,
        mut remote: RemoteUser,
        view: View,
        refused: &mut Refused,
    ) -> Result<Attempted> {
        let mut failures = Failures::default();
        let entries = self.user_entries(user, &mut failures)?;
        let inbox = self.names.inbox(user);
        let has_inbox = |e: &MailboxEntry| e.name == inbox && !e.mbtype.is_intermediate();
        if !entries.iter().any(has_inbox) {
            self.action(format!("Does not exist locally {user}"));
            failures.into_result(user_subject(user))?;
            return Ok(Attempted::Done);
        }
        let mut folders = Folders { entries, remotes: std::mem::take(&mut remote.folders) };
        let owner = [Some(user.clone())];
        let settled = self.settle(&mut folders, &mut failures, refused, &owner, view)?;
        if settled == Settled::LookAgain {
            return Ok(Attempted::Renamed);
        }
        failures.absorb(&mut refused.failures);
        let Folders { entries, remotes } = folders;
        let inbox_there = remotes.iter().find(|r| r.name == inbox && !r.mbtype.is_intermediate());
        let inbox_here = entries.iter().find(|e| e.name == inbox);
        if inbox_here.is_none() && inbox_there.is_none() {
            // Nothing of a user may be created before the INBOX is; why it cannot be is kept.
            return failures.into_result(user_subject(user)).map(|()| Attempted::Done);
        }
        let inbox_is_there = inbox_here.map(|e| &e.uniqueid) == inbox_there.map(|r| &r.uniqueid);
        let to_check = self.to_check(&entries);
        let quotaroots = self.folders_and_contents(entries, remotes, &mut failures)?;
        if failures.waits(Some(user)) {
            // Without it the replica finds nothing of the user.
            failures.into_result(user_subject(user))?;
            return Ok(Attempted::Done);
        }
        if !inbox_is_there && remote.has_metadata() {
            // It was of an earlier user of this name: Cyrus finds such files by the INBOX's uniqueid.
            let ticket =
                self.replica.submit(Verb::Get, &mut |w| commands::named(w, "META", user))?;
            let found = RemoteUser::from_reply(self.replica.wait(ticket)?)?;
            remote = RemoteUser { quotas: remote.quotas, ..found };
        }
        let mut steps = self.quota_steps(quotaroots, &remote.quotas, &mut failures)?;
        steps.extend(self.user_steps(user, &remote, &mut failures)?);
        self.apply_steps(user, steps, &mut failures)?;
        self.check_messages(&to_check, &mut failures)?;
        failures.into_result(user_subject(user))?;
        self.release_staged()?;
        Ok(Attempted::Done)
    }

    /// The user's mailboxes that take part in replication.
    fn user_entries(&self, user: &UserId, failures: &mut Failures) -> Result<Vec<MailboxEntry>> {
        let UserTree { mut entries, unreadable } = self.store.user_tree(user)?;
        for error in unreadable {
            failures.keep(self, &self.names.inbox(user), error)?;
        }
        let sieve_mailbox = self.replica.enabled().sieve_mailbox;
        entries.retain(|e| !e.mbtype.is_elsewhere() && (sieve_mailbox || !e.mbtype.is_sieve()));
        Ok(entries)
    }

    /// Why a mailbox that is there must not be sent, by its entry alone.
    fn unsendable(&self, entry: &MailboxEntry) -> Option<Error> {
        let error = |kind, what| Error::new(kind, "update mailbox", entry.name.to_string(), what);
        if entry.mbtype.has(MboxType::MOVING) {
            let what = "it is on its way to another server";
            let hint = "wait for the end of its XFER; if that broke off, repeat it";
            return Some(error(Kind::Unsupported, what).hint(hint));
        }
        let notifications = entry.mbtype.kind() == MboxType::JMAP_NOTIFY;
        (notifications && !self.replica.enabled().notifications).then(|| {
            let what = "it holds JMAP notifications, which the replica's Cyrus does not know";
            let hint = "upgrade the replica to Cyrus 3.8 or later";
            error(Kind::ReplicaNotSupported, what).hint(hint)
        })
    }

    /// Looks at each mailbox, reserves what the changed ones need, sends them. Returns the quota
    /// roots of all.
    pub(super) fn folders_and_contents(
        &mut self,
        entries: Vec<MailboxEntry>,
        remotes: Vec<RemoteFolder>,
        failures: &mut Failures,
    ) -> Result<Vec<NamedRoot>> {
        let among: Vec<MboxName> = remotes
            .iter()
            .filter(|r| !r.mbtype.is_intermediate())
            .map(|r| r.name.clone())
            .collect();
        let real: HashSet<MboxName> = among.iter().cloned().collect();
        // A replica may have a uniqueid twice; the folder in its place is meant.
        let mut by_name: HashMap<_, _> = remotes.into_iter().map(|r| (r.name.clone(), r)).collect();
        let mut quotaroots: Vec<NamedRoot> = Vec::new();
        let mut work = Vec::new();
        for entry in entries {
            let remote = by_name.remove(&entry.name).filter(|r| r.uniqueid == entry.uniqueid);
            if let Some(error) = self.unsendable(&entry) {
                if remote.is_none() && self.names.is_inbox(&entry.name) {
                    self.inbox_failed(Failed { entry, error }, failures)?;
                } else {
                    failures.keep(self, &entry.name, error)?;
                }
                continue;
            }
            if entry.mbtype.is_intermediate() {
                let same = remote
                    .as_ref()
                    .is_some_and(|r| super::compare::intermediate(&entry, r).is_none());
                if !same && real.contains(&entry.name) {
                    failures.keep(self, &entry.name, hidden(&entry))?;
                } else if !same {
                    work.push(Work { entry, remote });
                }
                continue;
            }
            let new_inbox = remote.is_none() && self.names.is_inbox(&entry.name);
            let reserve = !among.is_empty() && !self.is_careful();
            let looked = self.look(&entry, remote.as_ref(), reserve);
            let (quotaroot, differs) = match looked {
                Ok(Look::Gone) if new_inbox => {
                    self.inbox_failed(Failed::vanished(&entry), failures)?;
                    continue;
                }
                Ok(Look::Gone) => continue,
                Ok(Look::Same { quotaroot }) => (quotaroot, false),
                Ok(Look::Differs { quotaroot }) => (quotaroot, true),
                // It may be created all the same: sending it will show.
                Err(_) if new_inbox => (None, true),
                Err(error) => {
                    failures.keep(self, &entry.name, error)?;
                    continue;
                }
            };
            if let Some(root) = quotaroot {
                let rest = entry.name.as_bytes().strip_prefix(root.as_bytes());
                let applies = rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.')));
                let name = applies.then(|| entry.name.clone());
                match quotaroots.iter_mut().find(|known| known.root == root) {
                    Some(known) => known.by_its_own = known.by_its_own.take().or(name),
                    None => quotaroots.push(NamedRoot { root, by_its_own: name }),
                }
            }
            if differs {
                work.push(Work { entry, remote });
            }
        }
        self.reserve(&among)?;
        self.send_contents(work, &among, failures)?;
        Ok(quotaroots)
    }
}

/// The replica takes an intermediate for granted and would lose sight of the mailbox that it has.
fn hidden(entry: &MailboxEntry) -> Error {
    let detail = "the replica has a mailbox of this name, the master has none any more";
    Error::new(Kind::NeedsFullSync, "update intermediate", entry.name.to_string(), detail)
        .hint("rename or delete it on the replica")
}
