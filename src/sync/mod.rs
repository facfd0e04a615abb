//! The engine: compares the master with the replica and sends what differs.
//!
//! What to do is decided by pure functions ([`compare`], [`folders`], [`meta`], [`batch`]); the
//! rest carries it out on a [`Store`] and a [`Replica`] and knows neither files nor sockets.

pub mod batch;
mod bounds;
mod cache;
mod cancel;
mod care;
mod commands;
pub mod compare;
mod contents;
mod damage;
pub mod folders;
mod identity;
mod inbox;
mod ladder;
mod look;
mod mailboxes;
mod message;
pub mod meta;
mod metadata;
mod moved;
mod pieces;
mod remote;
mod renames;
pub mod repair;
mod reserve;
mod scripts;
mod settle;
mod snapshot;
#[cfg(test)]
mod tests;
mod upload;
mod user;
mod verify;

pub use cache::Cache;
pub use cancel::{Cancel, TICK, Waited};
pub use care::Care;
pub use damage::is_left_out;
pub use remote::{RemoteFolder, RemoteUser};
pub use repair::Master;
pub use repair::fuse::{AllowRepair, Fuse};
pub use reserve::Staged;

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::PathBuf;

use crate::error::{Error, Kind, Result, Subject};
use crate::names::Namespace;
use crate::observe::{Level, Observer};
use crate::replica::{Replica, Ticket};
use crate::store::{Store, Wait};
use crate::types::{MboxName, Text, Time, UniqueId, UserId};

/// How often renames and changes under way are tried to settle, as with Cyrus.
const TRIES: u32 = 3;

/// What stays the same for all units of work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the replica, as in the sync lock and in log lines.
    pub server: String,
    /// Channel, for log lines.
    pub channel: Option<String>,
    /// Partition to use on the replica instead of the master's (`-p`).
    pub partition: Option<Text>,
    /// No mupdate operations (`-L`): `LOCAL_MAILBOX` and so on.
    pub local_only: bool,
    /// Whether to wait for users that somebody else replicates (`-N`).
    pub wait: Wait,
    /// Never change the master, force the replica (`-O`).
    pub no_copyback: bool,
    /// Records per batch (`sync_batchsize`); 0 switches batches off.
    pub batch_size: u32,
    /// The option `reverseacls`.
    pub reverse_acls: bool,
    /// Read the files of all messages, those that the replica has already included
    /// (`sync_check_messages`).
    pub check_messages: bool,
    /// Where long messages wait that are fetched from the replica (`temp_path`).
    pub scratch: PathBuf,
    /// What a repair must not do to the master (`sync_repair_max_expunge`, `sync_repair_fuse`).
    pub fuse: Fuse,
}

/// Replicates one unit of work after the other over one connection.
pub struct Syncer<'a> {
    store: &'a dyn Store,
    names: &'a Namespace,
    replica: &'a mut dyn Replica,
    settings: &'a Settings,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    staged: &'a mut Staged,
    cache: Option<&'a mut dyn Cache>,
    master: Option<&'a mut dyn Master>,
    care: Option<&'a mut Care>,
    messages: message::Messages,
    /// What was logged of the present unit: a failure that shows at every look is logged once.
    logged: RefCell<HashSet<String>>,
    unchecked: Vec<verify::Unchecked>,
    /// Mailboxes that the replica said to be elsewhere.
    moved: HashSet<UniqueId>,
}

impl<'a> Syncer<'a> {
    /// A syncer over a connection that is logged in. `staged` is what the replica keeps for that
    /// connection: new with it, and the same for all that work on it.
    pub fn new(
        store: &'a dyn Store,
        names: &'a Namespace,
        replica: &'a mut dyn Replica,
        settings: &'a Settings,
        observer: &'a dyn Observer,
        cancel: &'a Cancel,
        staged: &'a mut Staged,
    ) -> Self {
        Syncer {
            store,
            names,
            replica,
            settings,
            observer,
            cancel,
            staged,
            cache: None,
            master: None,
            care: None,
            messages: message::Messages::default(),
            logged: RefCell::default(),
            unchecked: Vec::new(),
            moved: HashSet::new(),
        }
    }

    /// Remembers what the replica has in `cache`.
    pub fn with_cache(self, cache: Option<&'a mut dyn Cache>) -> Self {
        Syncer { cache, ..self }
    }

    /// Repairs what both sides were written to, with `master` as the way to write to this one.
    pub fn with_master(self, master: Option<&'a mut dyn Master>) -> Self {
        Syncer { master, ..self }
    }

    fn log(&self, level: Level, line: impl AsRef<str>) {
        self.observer.log(level, line.as_ref());
    }

    /// Logs a failure of the present unit, unless that was done.
    fn log_once(&self, level: Level, line: String) {
        if !self.logged.borrow().contains(&line) {
            self.log(level, &line);
            self.logged.borrow_mut().insert(line);
        }
    }

    fn action(&self, line: impl AsRef<str>) {
        self.observer.action(line.as_ref());
    }

    fn action_on(&self, mailbox: &MboxName, line: impl AsRef<str>) {
        self.observer.mailbox_action(mailbox, line.as_ref());
    }

    /// The partition that a mailbox shall have on the replica.
    fn partition(&self, here: &Text) -> Text {
        self.settings.partition.clone().unwrap_or_else(|| here.clone())
    }

    /// Waits for the replies to commands whose failure is the failure of all.
    fn wait_all(&mut self, tickets: impl IntoIterator<Item = Ticket>) -> Result<()> {
        let mut result = Ok(());
        for ticket in tickets {
            match self.replica.wait(ticket) {
                Ok(_) => {}
                Err(error) if error.is_connection() => return Err(error),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }
}

/// The failures of the parts of a unit: the parts that did not fail went on. And the users whose
/// mailboxes wait for an INBOX that could not be created.
#[derive(Debug, Default)]
struct Failures {
    kept: Vec<(Subject, Error)>,
    /// Users whose mailboxes wait for the INBOX.
    waiting: Vec<UserId>,
}

impl Failures {
    /// Keeps the failure of one mailbox; gives back what ends the whole unit.
    fn keep(&mut self, syncer: &Syncer<'_>, name: impl Into<Subject>, error: Error) -> Result<()> {
        let name = name.into();
        if error.is_connection() || error.kind() == Kind::Cancelled {
            return Err(error);
        }
        let level = if is_locked(&error) { Level::Info } else { Level::Error };
        syncer.log_once(level, format!("SYNCERROR: update failed: {name} '{error}'"));
        self.kept.push((name, error));
        Ok(())
    }

    /// Takes over the failures of another look.
    fn absorb(&mut self, others: &mut Failures) {
        self.kept.append(&mut others.kept);
        self.waiting.append(&mut others.waiting);
    }

    fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The unit's result: the failure that asks for another try if there is one, else the first
    /// that is more than a lock held by somebody else and no matter of its mailbox alone, else the
    /// first that is more than a lock, else the first.
    fn into_result(self, subject: impl Into<Subject>) -> Result<()> {
        let count = self.kept.len();
        let first = |matches: fn(&Error) -> bool| self.kept.iter().position(|(_, e)| matches(e));
        let chosen = first(wants_another_try)
            .or_else(|| first(|error| !is_locked(error) && !damage::is_of_mailbox_alone(error)))
            .or_else(|| first(|error| !is_locked(error)));
        let Some((name, error)) = self.kept.get(chosen.unwrap_or(0)).cloned() else {
            return Ok(());
        };
        let part = |(name, error): (Subject, Error)| error.over(name);
        let parts = self.kept.into_iter().map(part).collect();
        let command = error.is_refusal();
        let why = if error.subject().to_string().contains(&name.to_string()) && !command {
            format!("{} {}: {}", error.op(), error.subject(), error.detail())
        } else {
            format!("{name}: {} {}: {}", error.op(), error.subject(), error.detail())
        };
        let detail = match count {
            1 => why,
            _ => format!("{count} parts failed, among them: {why}"),
        };
        Err(Error::new(error.kind(), "replicate", subject, detail)
            .hint(error.hint_text().to_owned())
            .with_parts(parts)
            .caused_by(error))
    }
}

/// Whether the cause is a change that happened meanwhile, here or there.
fn wants_another_try(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Moved
            | Kind::Changed
            | Kind::ReplicaChanged
            | Kind::ReplicaMoved
            | Kind::ReplicaNoMailbox
    )
}

/// Whether the user must be left for later: somebody else is at work.
pub fn is_locked(error: &Error) -> bool {
    matches!(error.kind(), Kind::Locked | Kind::ReplicaLocked)
}

fn unix_time() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

/// An error over the work on `subject`, which it names if it does not yet.
fn over(subject: impl Into<Subject>, error: Error) -> Error {
    error.over(subject)
}

fn user_subject(user: &UserId) -> Subject {
    user.into()
}
