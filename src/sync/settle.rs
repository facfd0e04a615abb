//! Deletes and renames on the replica, before contents: carries out [`folders::plan`].

use std::collections::{HashMap, HashSet};

use super::folders::{self, Fate, Local};
use super::remote::RemoteFolder;
use super::{Failures, Syncer, commands};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::replica::{Ticket, Verb};
use crate::store::{Lock, Wait};
use crate::types::{MailboxEntry, MboxName, UniqueId, UserId};

/// Whether the replica's folders are where they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// Contents can be sent.
    Yes,
    /// Something was renamed, or must be: the replica's lists must be fetched anew.
    LookAgain,
}

impl Syncer<'_> {
    /// Deletes and renames folders of the replica so that they match `entries`. `owners` are the
    /// users whose sync locks are held. Where `remotes` was asked for before they were (`stale`),
    /// nothing is deleted or renamed: somebody else may have given a name to another mailbox.
    /// Mailboxes that cannot be brought to their names are taken out of `entries` and put into
    /// `failures`.
    pub(super) fn settle(
        &mut self,
        entries: &mut Vec<MailboxEntry>,
        remotes: &mut Vec<RemoteFolder>,
        failures: &mut Failures,
        owners: &[Option<UserId>],
        look_everywhere: bool,
        stale: bool,
    ) -> Result<Settled> {
        let there: HashMap<&UniqueId, &MboxName> =
            remotes.iter().map(|r| (&r.uniqueid, &r.name)).collect();
        let in_place = |e: &MailboxEntry| there.get(&e.uniqueid) == Some(&&e.name);
        let mut moved = Vec::new();
        for entry in entries.iter().filter(|e| !in_place(e)) {
            moved.push(self.with_history(entry)?);
        }
        self.find_moved_in(&moved, remotes, look_everywhere)?;
        let names: HashSet<&MboxName> = moved.iter().map(|m| &m.name).collect();
        let in_place = entries.iter().filter(|e| !names.contains(&e.name));
        let locals: Vec<Local> = in_place.chain(&moved).map(|e| self.local(e)).collect();
        let plan = folders::plan(&locals, remotes, |remote| self.fate(remote))?;
        // A replica keeps scripts in a mailbox wherever the master does.
        for name in plan.strays.iter().filter(|name| !self.names.is_sieve(name)) {
            self.log(
                Level::Notice,
                format!("SYNCNOTICE: no tombstone for deleted mailbox {name}, left on the replica"),
            );
        }
        let idle = plan.deletes.is_empty() && plan.renames.is_empty();
        if stale && !(idle && plan.blocked.is_empty()) {
            return Ok(Settled::LookAgain);
        }
        self.leave_blocked(&plan.blocked, entries, remotes, failures)?;
        if idle {
            return Ok(Settled::Yes);
        }
        let touched = plan.renames.iter().flat_map(|r| [&r.from, &r.to]).chain(&plan.deletes);
        let _locks = self.lock_owners(touched, owners)?;
        let mut tickets = Vec::new();
        for name in &plan.deletes {
            self.forget(name);
            tickets.push(self.submit_delete(name)?);
        }
        self.wait_deletes(tickets)?;
        let deleted: HashSet<&MboxName> = plan.deletes.iter().collect();
        remotes.retain(|r| !deleted.contains(&r.name));
        for rename in &plan.renames {
            let command = if self.settings.local_only { "LOCAL_RENAME" } else { "RENAME" };
            let folders::Rename { from, to, partition, .. } = rename;
            self.action_on(to, format!("{command} {from} -> {to} ({partition})"));
            self.forget(from);
            self.forget(to);
            let ticket =
                self.replica.submit(Verb::Apply, &mut |w| commands::rename(w, command, rename))?;
            if let Err(error) = self.replica.wait(ticket) {
                self.log(Level::Error, format!("SYNCERROR: failed to rename: {from} -> {to}"));
                return Err(error);
            }
        }
        Ok(if plan.renames.is_empty() { Settled::Yes } else { Settled::LookAgain })
    }

    /// Passes over mailboxes whose name another one holds on the replica. `-O` overrules that one,
    /// unless ours is there already, under another name.
    fn leave_blocked(
        &self,
        blocked: &[MboxName],
        entries: &mut Vec<MailboxEntry>,
        remotes: &[RemoteFolder],
        failures: &mut Failures,
    ) -> Result<()> {
        let there: HashSet<&UniqueId> = remotes.iter().map(|r| &r.uniqueid).collect();
        let blocked: HashSet<&MboxName> = blocked.iter().collect();
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(entries).into_iter().partition(|e| {
            let overruled = self.settings.no_copyback && !there.contains(&e.uniqueid);
            !blocked.contains(&e.name) || overruled
        });
        *entries = stay;
        for entry in go {
            let error = name_taken(&entry);
            if self.names.is_inbox(&entry.name) {
                return Err(error);
            }
            failures.keep(self, &entry.name, error)?;
        }
        Ok(())
    }

    /// The entry with the names it had before, which only the entry by uniqueid tells.
    fn with_history(&self, entry: &MailboxEntry) -> Result<MailboxEntry> {
        let by_id = self.store.lookup_by_id(&entry.uniqueid)?;
        let history = by_id.map(|e| e.name_history).unwrap_or_default();
        Ok(MailboxEntry { name_history: history, ..entry.clone() })
    }

    fn local(&self, entry: &MailboxEntry) -> Local {
        let intermediate = entry.mbtype.is_intermediate();
        Local {
            name: entry.name.clone(),
            uniqueid: entry.uniqueid.clone(),
            partition: (!intermediate).then(|| self.partition(&entry.partition)),
            uidvalidity: entry.uidvalidity,
            history: entry.name_history.clone(),
        }
    }

    /// Mailboxes of the master that the replica did not list may be there under a name that was
    /// not asked for: another user's, say. Asks by uniqueid for those that had other names.
    fn find_moved_in(
        &mut self,
        entries: &[MailboxEntry],
        remotes: &mut Vec<RemoteFolder>,
        look_everywhere: bool,
    ) -> Result<()> {
        let listed: HashSet<&UniqueId> = remotes.iter().map(|r| &r.uniqueid).collect();
        let mut ids = Vec::new();
        for entry in entries.iter().filter(|e| !listed.contains(&e.uniqueid)) {
            if look_everywhere || !entry.name_history.is_empty() {
                ids.push(entry.uniqueid.clone());
            }
        }
        if !ids.is_empty() {
            let ticket =
                self.replica.submit(Verb::Get, &mut |w| commands::get_uniqueids(w, &ids))?;
            remotes.extend(self.mailboxes_reply(ticket)?);
        }
        Ok(())
    }

    /// What became here of a folder that only the replica lists.
    fn fate(&self, remote: &RemoteFolder) -> Result<Fate> {
        // A tombstone by name says nothing: a rename leaves one too.
        let Some(entry) = self.store.lookup_by_id(&remote.uniqueid)? else {
            if !self.is_fill_in(remote) {
                return Ok(Fate::Unknown);
            }
            let name = &remote.name;
            let line = format!("SYNCNOTICE: mailbox {name} was made by the replica, deleting it");
            self.log(Level::Notice, line);
            return Ok(Fate::Deleted);
        };
        if entry.mbtype.is_deleted() {
            return Ok(Fate::Deleted);
        }
        Ok(Fate::Renamed(self.local(&entry)))
    }

    /// Whether the replica made this mailbox by itself, as one does where there is none above another
    /// (`mboxlist_update_intermediaries` in `imap/mboxlist.c`): the master does not know it, nothing
    /// was ever in it, and nobody ever looked into it.
    fn is_fill_in(&self, remote: &RemoteFolder) -> bool {
        let unused = remote.last_uid == 0
            && remote.recenttime == 0
            && remote.pop3_last_login == 0
            && remote.annotations.is_empty();
        unused
            && !self.names.is_inbox(&remote.name)
            && !self.names.is_sieve(&remote.name)
            && !self.names.is_deleted(&remote.name)
            && self.names.owner(&remote.name).is_some()
    }

    /// Takes the sync locks of users whose mailboxes are touched beside the locked ones. Waiting
    /// here could deadlock with a client that took the locks the other way round.
    fn lock_owners<'n>(
        &self,
        names: impl Iterator<Item = &'n MboxName>,
        locked: &[Option<UserId>],
    ) -> Result<Vec<Box<dyn Lock>>> {
        let mut others: Vec<Option<UserId>> = names.map(|name| self.names.owner(name)).collect();
        others.retain(|owner| !locked.contains(owner));
        others.sort();
        others.dedup();
        let lock = |owner: &Option<UserId>| {
            let lock = self.store.sync_lock(&self.settings.server, owner.as_ref(), Wait::Fail);
            lock.map_err(|error| match (error.kind(), self.settings.wait) {
                // Not what the caller asked to be passed over.
                (Kind::Locked, Wait::Block) => {
                    let detail =
                        "mailboxes moved between users of whom another is being replicated";
                    Error::new(Kind::Changed, "replicate", error.subject().to_owned(), detail)
                        .hint("run it again")
                        .caused_by(error)
                }
                _ => error,
            })
        };
        others.iter().map(lock).collect()
    }

    fn submit_delete(&mut self, name: &MboxName) -> Result<(MboxName, Ticket)> {
        let command = if self.settings.local_only { "LOCAL_UNMAILBOX" } else { "UNMAILBOX" };
        self.action_on(name, format!("{command} {name}"));
        let ticket =
            self.replica.submit(Verb::Apply, &mut |w| commands::named(w, command, name))?;
        Ok((name.clone(), ticket))
    }

    fn wait_deletes(&mut self, tickets: Vec<(MboxName, Ticket)>) -> Result<()> {
        let mut result = Ok(());
        for (name, ticket) in tickets {
            match self.replica.wait(ticket) {
                Ok(_) => {}
                Err(error) if error.kind() == Kind::ReplicaNoMailbox => {}
                Err(error) if error.is_connection() => return Err(error),
                Err(error) => {
                    self.log(
                        Level::Error,
                        format!("SYNCERROR: sync_do_folder_delete(): failed: {name} '{error}'"),
                    );
                    result = result.and(Err(error));
                }
            }
        }
        result
    }
}

fn name_taken(entry: &MailboxEntry) -> Error {
    let detail = "the replica holds another mailbox of this name, with messages, of which this \
                  server knows nothing";
    Error::new(Kind::NeedsFullSync, "update mailbox", entry.name.to_string(), detail)
        .hint("look at it there, then rename or delete it on the replica")
}
