//! The objects that all stages of replication use: the master's data, the session with the replica,
//! the settings, and what is known about the replica's state.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::cache::Cache;
use super::cancel::Cancel;
use super::care::Care;
use super::master::Master;
use super::transfer::message::Messages;
use super::transfer::staged::Staged;
use super::transfer::unchecked::Unchecked;
use super::usermeta::turns::{QuotaTurn, QuotaTurns};
use crate::error::{Error, Kind, Result, Scope, Subject};
use crate::events::{Event, Observer, SyncEvent};
use crate::names::Namespace;
use crate::protocol::{Command, RemoteFolder, Reply, Ticket};
use crate::replica::Replica;
use crate::settings::Replication;
use crate::store::{Lock, Store, Wait};
use crate::types::{MailboxEntry, MailboxHeader, MboxName, Text, UniqueId, UserId};

/// Number of staged files after which the client tells the replica to release them. A staged file
/// was uploaded or found on the replica, for use by an update.
const STAGED_FILES: u64 = 8192;

/// A large task, divided into parts that the passes of several workers can take.
pub trait Parts: Send + Sync {
    /// Takes and replicates parts until all are taken, or until `is_recalled` returns true because
    /// the worker is needed for another task. Calls `begin` before each part.
    fn help(&self, pass: &mut Pass<'_>, begin: &mut dyn FnMut(), is_recalled: &dyn Fn() -> bool);
}

/// A handle to a large task, offered to other workers.
#[derive(Clone)]
pub struct SharedParts(pub Arc<dyn Parts>);

impl fmt::Debug for SharedParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedParts")
    }
}

/// Asks other workers to help with a large task, over their own sessions.
pub trait Helpers {
    /// Offers parts of the current task.
    fn offer(&self, parts: SharedParts);

    /// Starts the next part of the current task. Events that are reported from then on belong to
    /// it.
    fn begin_part(&self);
}

/// Keeps workers of one client from working on the same owner. An owner is a user, or `None` for
/// the shared mailboxes.
pub trait Owners {
    /// Reserves an owner for this worker until the task ends. Returns `false` if another worker has
    /// it.
    fn hold(&self, owner: Option<&UserId>) -> bool;
}

/// The objects that every stage uses to run tasks over one session.
pub struct Pass<'p> {
    /// The master's data.
    pub store: &'p dyn Store,
    /// The names of the master's mailboxes.
    pub names: &'p Namespace,
    /// The session with the replica.
    pub session: &'p mut dyn Replica,
    /// The settings of the client.
    pub settings: &'p Replication,
    /// Receives events.
    pub observer: &'p dyn Observer,
    /// Set if a stop is requested; checked between steps.
    pub cancel: &'p Cancel,
    /// Message files that the replica has staged for this session.
    pub staged: &'p mut Staged,
    /// Stores the replica's state between runs, if `sync_cache_db_path` is set.
    pub cache: Option<&'p mut dyn Cache>,
    /// Writes to the master, if this is possible.
    pub master: Option<&'p mut dyn Master>,
    /// The history of lost connections, if one is kept.
    pub care: Option<&'p mut Care>,
    /// Prevents work on owners that other workers hold. `None` if there is only one worker.
    pub owners: Option<&'p dyn Owners>,
    /// Offers parts of a large task to other workers. `None` if there are no others.
    pub helpers: Option<&'p dyn Helpers>,
    /// Keeps other sessions from creating and deleting quota roots, and identifies this session
    /// there. `None` if there can be no other session.
    pub quota_turns: Option<(&'p QuotaTurns, usize)>,
    /// Number of passes among which the limit of records in memory is divided.
    pub sharers: usize,
    /// Reads and checks message files.
    pub messages: Messages,
    /// Updates that the replica accepted without a check.
    pub unchecked: Vec<Unchecked>,
    /// Mailboxes whose update the replica has refused once with `IMAP_MAILBOX_MOVED`.
    pub moved: HashSet<UniqueId>,
    /// Failures of the current task that were reported already. Repeated attempts do not report
    /// them.
    reported: RefCell<HashSet<(Subject, Kind, String)>>,
}

impl<'p> Pass<'p> {
    /// Makes a pass over a session after the login. `staged` describes the files that the replica
    /// has staged. Each session has one such list, and all passes over the session use it.
    pub fn new(
        store: &'p dyn Store,
        names: &'p Namespace,
        session: &'p mut dyn Replica,
        settings: &'p Replication,
        observer: &'p dyn Observer,
        cancel: &'p Cancel,
        staged: &'p mut Staged,
    ) -> Self {
        Pass {
            store,
            names,
            session,
            settings,
            observer,
            cancel,
            staged,
            cache: None,
            master: None,
            care: None,
            owners: None,
            helpers: None,
            quota_turns: None,
            sharers: 1,
            messages: Messages::default(),
            unchecked: Vec::new(),
            moved: HashSet::new(),
            reported: RefCell::default(),
        }
    }

    /// Starts another task: forgets which failures were reported.
    pub fn begin_task(&mut self) {
        self.reported.borrow_mut().clear();
    }

    /// Takes the sync lock of an owner. If another worker holds the owner, fails with an error for
    /// which [`is_put_off`](crate::sync::is_put_off) returns true.
    pub fn lock(&self, owner: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>> {
        if self.owners.is_some_and(|owners| !owners.hold(owner)) {
            let user = owner.cloned().unwrap_or_default();
            let detail = "another worker has the lock";
            return Err(Error::new(Kind::Locked, "lock", &user, detail).with_scope(Scope::PutOff));
        }
        self.store.sync_lock(&self.settings.server, owner, wait)
    }

    /// Waits until no other session creates or deletes quota roots.
    pub(crate) fn quota_turn(&self) -> Option<QuotaTurn<'p>> {
        self.quota_turns.map(|(turns, session)| turns.take(session))
    }

    /// Reports an event.
    pub fn report(&self, event: impl Into<Event>) {
        self.observer.event(&event.into());
    }

    /// Reports a failure of a part of the current task, unless it was reported before.
    pub fn report_once(&self, part: &Subject, error: &Error, event: SyncEvent) {
        let failure = (part.clone(), error.kind(), error.to_string());
        if self.reported.borrow_mut().insert(failure) {
            self.report(event);
        }
    }

    /// Returns the replica's partition for a mailbox that is on partition `here` of the master.
    pub fn partition(&self, here: &Text) -> Text {
        self.settings.dest_partition.clone().unwrap_or_else(|| here.clone())
    }

    /// Waits for the replies to all these commands. Fails if any command failed.
    pub fn wait_all(&mut self, tickets: impl IntoIterator<Item = Ticket>) -> Result<()> {
        let mut result = Ok(());
        for ticket in tickets {
            match self.session.wait(ticket) {
                Ok(_) => {}
                Err(error) if error.is_connection() => return Err(error),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }

    /// Waits for the replies to commands, and passes each to `each` together with what it is about.
    /// If `each` fails, the other replies are discarded, so that they use no memory and no files.
    pub fn each_reply<A>(
        &mut self,
        asked: impl IntoIterator<Item = (A, Ticket)>,
        mut each: impl FnMut(&mut Self, A, Result<Reply>) -> Result<()>,
    ) -> Result<()> {
        let mut asked = asked.into_iter();
        while let Some((about, ticket)) = asked.next() {
            let reply = self.session.wait(ticket);
            if let Err(error) = each(self, about, reply) {
                asked.for_each(|(_, ticket)| self.session.discard(ticket));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Requests the replica's state of mailboxes by name. Missing mailboxes are not in the result.
    pub fn folders(&mut self, names: &[MboxName]) -> Result<Vec<RemoteFolder>> {
        let ticket = self.session.submit(Command::GetMailboxes(names))?;
        self.folders_reply(ticket)
    }

    /// Waits for the reply to a request for mailboxes, and puts the states into the cache.
    pub fn folders_reply(&mut self, ticket: Ticket) -> Result<Vec<RemoteFolder>> {
        match self.session.wait(ticket) {
            Ok(reply) => {
                let folders = reply.into_folders()?;
                folders.iter().for_each(|folder| self.remember(folder));
                Ok(folders)
            }
            Err(error) if error.kind() == Kind::ReplicaNoMailbox => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Puts the replica's state of a mailbox into the cache.
    pub fn remember(&mut self, folder: &RemoteFolder) {
        match &mut self.cache {
            Some(cache) if folder.beyond.is_none() => cache.put(folder),
            _ => self.forget(&folder.name),
        }
    }

    /// Removes a mailbox from the cache.
    pub fn forget(&mut self, name: &MboxName) {
        if let Some(cache) = &mut self.cache {
            cache.forget(name);
        }
    }

    /// Removes the INBOX of an owner from the cache, if an update with this header sets the owner's
    /// groups. The state of each of the owner's mailboxes includes them, and Cyrus logs a change of
    /// groups as a change of the INBOX.
    pub fn forget_groups(&mut self, sent: &MailboxHeader) {
        let owner = sent.usergroups.is_some().then(|| self.names.owner(&sent.name)).flatten();
        if let Some(owner) = owner {
            self.forget(&self.names.inbox(&owner));
        }
    }

    /// Returns the cached states of all these mailboxes. Returns `None` if one is missing or has
    /// another uniqueid.
    pub fn remembered(&mut self, entries: &[MailboxEntry]) -> Option<Vec<RemoteFolder>> {
        let cache = self.cache.as_mut()?;
        let found = entries
            .iter()
            .map(|entry| cache.get(&entry.name).filter(|folder| folder.uniqueid == entry.uniqueid));
        found.collect()
    }

    /// Tells the replica to release its staged files (`RESTART`).
    pub fn restart(&mut self) -> Result<()> {
        let ticket = self.session.submit(Command::Restart)?;
        self.staged.clear();
        self.session.wait(ticket).map(drop)
    }

    /// Tells the replica to release its staged files if there are at least [`STAGED_FILES`].
    pub fn release_staged(&mut self) -> Result<()> {
        if self.staged.files() < STAGED_FILES {
            return Ok(());
        }
        self.restart()
    }

    /// Returns whether each part must be completed before the next one is started.
    pub fn is_careful(&self) -> bool {
        self.care.as_ref().is_some_and(|care| care.is_careful())
    }

    /// Starts a part of a task. Fails if the part must be left out; see [`Care::begin`].
    pub fn begin(&mut self, part: impl Into<Subject>) -> Result<()> {
        self.care.as_mut().map_or(Ok(()), |care| care.begin(part))
    }

    /// Ends the part that [`Pass::begin`] started.
    pub fn end(&mut self) {
        if let Some(care) = &mut self.care {
            care.end();
        }
    }

    /// Fails if a stop was requested.
    pub fn check_cancel(&self, subject: impl Into<Subject>) -> Result<()> {
        if self.cancel.is_cancelled() {
            Err(Error::new(Kind::Cancelled, "replicate", subject, "asked to stop"))
        } else {
            Ok(())
        }
    }
}
