//! The objects that all stages of replication share: the master's data, the session, and the known
//! state of both.

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
use crate::error::{Error, Kind, Result, Scope, Subject};
use crate::events::{Event, Observer, SyncEvent};
use crate::names::Namespace;
use crate::protocol::{Command, RemoteFolder, Ticket};
use crate::replica::Replica;
use crate::settings::Replication;
use crate::store::{Lock, Store, Wait};
use crate::types::{MailboxEntry, MboxName, Text, UniqueId, UserId};

/// After this many staged files the client makes the replica release them.
const STAGED_FILES: u64 = 8192;

/// Parts of a large task. Any pass can take some of them.
pub trait Parts: Send + Sync {
    /// Takes parts until all are taken, or until this pass is needed elsewhere. Calls `begin`
    /// before each part.
    fn help(&self, pass: &mut Pass<'_>, begin: &mut dyn FnMut(), is_recalled: &dyn Fn() -> bool);
}

/// Parts that are offered to other workers.
#[derive(Clone)]
pub struct Offer(pub Arc<dyn Parts>);

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}

/// Asks other workers to help with a large task, over their own sessions.
pub trait Helpers {
    /// Offers parts of the current task.
    fn offer(&self, offer: Offer);

    /// Assigns all later reports to the next part of the current task.
    fn begin_part(&self);
}

/// Keeps workers of one client from working on the same owner.
pub trait Owners {
    /// Holds an owner until the task ends. Returns `false` if another worker holds it.
    fn hold(&self, owner: Option<&UserId>) -> bool;
}

/// The objects that every stage uses, for one task after the other over one session.
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
    /// Requests to stop, checked between steps.
    pub cancel: &'p Cancel,
    /// The files that the replica has staged for this session.
    pub staged: &'p mut Staged,
    /// Remembers the replica's state, if there is a cache.
    pub cache: Option<&'p mut dyn Cache>,
    /// Writes to the master, if this is possible.
    pub master: Option<&'p mut dyn Master>,
    /// The history of lost connections, if one is kept.
    pub care: Option<&'p mut Care>,
    /// Knows which owners other workers hold, if there are any.
    pub owners: Option<&'p dyn Owners>,
    /// Asks other workers for help, if there are any.
    pub helpers: Option<&'p dyn Helpers>,
    /// Number of passes over this session, which share the memory.
    pub sharers: usize,
    /// Reads message files.
    pub messages: Messages,
    /// Updates that the replica accepted without a check.
    pub unchecked: Vec<Unchecked>,
    /// Mailboxes that are elsewhere according to the replica.
    pub moved: HashSet<UniqueId>,
    /// Failures of the current task that were reported, so that repeated attempts do not report
    /// them again.
    reported: RefCell<HashSet<(Subject, Kind, String)>>,
}

impl<'p> Pass<'p> {
    /// Makes a pass over a session after the login. `staged` describes the files that the replica
    /// has staged. Each session has its own, and all passes over that session share it.
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

    /// Takes the replication lock of an owner. If another worker holds the owner, the error tells
    /// to [put the task off](crate::sync::is_put_off).
    pub fn lock(&self, owner: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>> {
        if self.owners.is_some_and(|owners| !owners.hold(owner)) {
            let user = owner.cloned().unwrap_or_default();
            let detail = "another worker has the lock";
            return Err(Error::new(Kind::Locked, "lock", &user, detail).with_scope(Scope::PutOff));
        }
        self.store.sync_lock(&self.settings.server, owner, wait)
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

    /// Returns the partition for a mailbox on the replica.
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

    /// Requests the replica's state of mailboxes by name. Missing mailboxes are not in the result.
    pub fn folders(&mut self, names: &[MboxName]) -> Result<Vec<RemoteFolder>> {
        let ticket = self.session.submit(Command::GetMailboxes(names))?;
        self.folders_reply(ticket)
    }

    /// Takes the reply to a request for mailboxes.
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

    /// Remembers the state of a mailbox on the replica.
    pub fn remember(&mut self, folder: &RemoteFolder) {
        match &mut self.cache {
            Some(cache) if folder.beyond.is_none() => cache.put(folder),
            _ => self.forget(&folder.name),
        }
    }

    /// Forgets the remembered state of a mailbox.
    pub fn forget(&mut self, name: &MboxName) {
        if let Some(cache) = &mut self.cache {
            cache.forget(name);
        }
    }

    /// Returns the remembered states of all these mailboxes. Returns `None` if one is missing or
    /// has another uniqueid.
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

    /// Tells the replica to release its staged files once there are many.
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

    /// Starts a part of a task. Fails if it must be left out.
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
