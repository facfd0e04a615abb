//! What all stages of replication share: the master's data, the session, and what is known about
//! both.

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

/// Staged files after which the replica is told to release them.
const STAGED_FILES: u64 = 8192;

/// Parts of a large task, which anybody with a session can take.
pub trait Parts: Send + Sync {
    /// Takes part after part until all are taken, or somebody else needs this pass. `begin` is
    /// called before each.
    fn help(&self, pass: &mut Pass<'_>, begin: &mut dyn FnMut(), is_recalled: &dyn Fn() -> bool);
}

/// Parts that are offered, on their way to who takes them.
#[derive(Clone)]
pub struct Offer(pub Arc<dyn Parts>);

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}

/// Those who may help with a large task, over sessions of their own.
pub trait Helpers {
    /// Offers parts of the present task.
    fn offer(&self, offer: Offer);

    /// What is reported from now on belongs to the next part of the present task.
    fn begin_part(&self);
}

/// Whom the workers of one client work on: no two on the same.
pub trait Owners {
    /// Holds an owner until the task ends. Says whether nobody else has it.
    fn hold(&self, owner: Option<&UserId>) -> bool;
}

/// Lent to every stage, for one task after the other over one session.
pub struct Pass<'p> {
    /// The master's data.
    pub store: &'p dyn Store,
    /// How the master names mailboxes.
    pub names: &'p Namespace,
    /// The session with the replica.
    pub session: &'p mut dyn Replica,
    /// What the client was told.
    pub settings: &'p Replication,
    /// Receives what is done.
    pub observer: &'p dyn Observer,
    /// Asked for between steps.
    pub cancel: &'p Cancel,
    /// What the replica keeps staged for this session.
    pub staged: &'p mut Staged,
    /// What the replica has, remembered; if anything is.
    pub cache: Option<&'p mut dyn Cache>,
    /// The way to write to the master, if there is one.
    pub master: Option<&'p mut dyn Master>,
    /// What connections were lost over, if that is known.
    pub care: Option<&'p mut Care>,
    /// Whom others work on, if there are any.
    pub owners: Option<&'p dyn Owners>,
    /// Who may help, if there are others.
    pub helpers: Option<&'p dyn Helpers>,
    /// Among how many passes over one session memory is shared.
    pub sharers: usize,
    /// Reads message files.
    pub messages: Messages,
    /// Updates that the replica took without a check.
    pub unchecked: Vec<Unchecked>,
    /// Mailboxes that the replica said to be elsewhere.
    pub moved: HashSet<UniqueId>,
    /// What was reported of the present task: a failure that shows at every look is reported once.
    reported: RefCell<HashSet<(Subject, Kind, String)>>,
}

impl<'p> Pass<'p> {
    /// A pass over a session that is logged in. `staged` is what the replica keeps for that
    /// session: new with it, and the same for all that work on it.
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

    /// Forgets what was reported: another task begins.
    pub fn begin_task(&mut self) {
        self.reported.borrow_mut().clear();
    }

    /// Takes the lock of replication of an owner. If another worker has the owner the task is to be
    /// [put off](is_put_off).
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

    /// Reports a failure of a part of the present task, unless that was done.
    pub fn report_once(&self, part: &Subject, error: &Error, event: SyncEvent) {
        let failure = (part.clone(), error.kind(), error.to_string());
        if self.reported.borrow_mut().insert(failure) {
            self.report(event);
        }
    }

    /// Returns the partition that a mailbox shall have on the replica.
    pub fn partition(&self, here: &Text) -> Text {
        self.settings.dest_partition.clone().unwrap_or_else(|| here.clone())
    }

    /// Waits for the replies to commands whose failure is the failure of all.
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

    /// Fetches the replica's state of mailboxes by name; those it does not have are left out.
    pub fn folders(&mut self, names: &[MboxName]) -> Result<Vec<RemoteFolder>> {
        let ticket = self.session.submit(Command::GetMailboxes(names))?;
        self.folders_reply(ticket)
    }

    /// Takes the reply to a question for mailboxes.
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

    /// Remembers what the replica has.
    pub fn remember(&mut self, folder: &RemoteFolder) {
        match &mut self.cache {
            Some(cache) if folder.beyond.is_none() => cache.put(folder),
            _ => self.forget(&folder.name),
        }
    }

    /// Forgets what the replica had of a mailbox.
    pub fn forget(&mut self, name: &MboxName) {
        if let Some(cache) = &mut self.cache {
            cache.forget(name);
        }
    }

    /// Returns what is remembered of all these mailboxes; `None` unless each is where it is here.
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

    /// Whether each part must be seen through before the next is begun.
    pub fn is_careful(&self) -> bool {
        self.care.as_ref().is_some_and(|care| care.is_careful())
    }

    /// Begins with a part of a task. Fails if it must be left out.
    pub fn begin(&mut self, part: impl Into<Subject>) -> Result<()> {
        self.care.as_mut().map_or(Ok(()), |care| care.begin(part))
    }

    /// Ends with the part that [`Pass::begin`] began.
    pub fn end(&mut self) {
        if let Some(care) = &mut self.care {
            care.end();
        }
    }

    /// Fails if the client was asked to stop.
    pub fn check_cancel(&self, subject: impl Into<Subject>) -> Result<()> {
        if self.cancel.is_cancelled() {
            Err(Error::new(Kind::Cancelled, "replicate", subject, "asked to stop"))
        } else {
            Ok(())
        }
    }
}
