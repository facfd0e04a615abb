//! What the executor runs, whatever the mode.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use super::log::entry::LogEntry;
use crate::error::Subject;
use crate::names::Namespace;
use crate::sync::Care;
use crate::types::{MboxName, Text, UniqueId, UserId};

/// Names a worker: a connection to the replica, and who works over it.
pub type WorkerId = usize;

/// Whom a task works on. Tasks that hold the same owner never run at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A user.
    User(UserId),
    /// Nobody: shared mailboxes, as one cohort.
    Shared,
    /// The server.
    Server,
}

impl Owner {
    /// A number that stands for it, to know in a few bytes whether two are the same.
    pub fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The owner of a mailbox.
    pub fn of(mailbox: &MboxName, names: &Namespace) -> Owner {
        names.owner(mailbox).map_or(Owner::Shared, Owner::User)
    }
}

/// What is to be replicated: as much as can fail, be deferred or be repeated by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// What a sync log says; what fails is tried as part of something larger.
    Entries(Vec<LogEntry>),
    /// A user with all that belongs to the user.
    User(UserId),
    /// Seen state, subscriptions and Sieve scripts of a user.
    Meta(UserId),
    /// Mailboxes, of whichever users.
    Mailboxes(Vec<MboxName>),
    /// What a user has seen of the mailbox with this uniqueid.
    Seen(UserId, UniqueId),
    /// Whether a user is subscribed to a mailbox.
    Subscription(UserId, MboxName),
    /// The limits of a quota root.
    Quota(Text),
    /// The annotations of a mailbox, or those of the server.
    Annotations(Option<MboxName>),
}

impl Goal {
    /// The same as entries of a log.
    pub fn entries(&self) -> Vec<LogEntry> {
        match self {
            Goal::Entries(entries) => entries.clone(),
            Goal::User(user) => vec![LogEntry::User(user.clone())],
            Goal::Meta(user) => vec![LogEntry::Meta(user.clone())],
            Goal::Mailboxes(names) => names.iter().cloned().map(LogEntry::Mailbox).collect(),
            Goal::Seen(user, id) => vec![LogEntry::Seen(user.clone(), id.clone())],
            Goal::Subscription(user, name) => vec![LogEntry::Sub(user.clone(), name.clone())],
            Goal::Quota(root) => vec![LogEntry::Quota(root.clone())],
            Goal::Annotations(name) => {
                vec![LogEntry::Annotation(name.clone().unwrap_or_default())]
            }
        }
    }

    /// The first entry of a log that it is.
    pub fn first(&self) -> Option<Text> {
        match self {
            Goal::Entries(entries) => entries.first().map(LogEntry::text),
            Goal::Mailboxes(names) => names.first().cloned().map(|n| LogEntry::Mailbox(n).text()),
            _ => self.entries().first().map(LogEntry::text),
        }
    }

    /// How many entries of a log it is.
    pub fn count(&self) -> usize {
        match self {
            Goal::Entries(entries) => entries.len(),
            Goal::Mailboxes(names) => names.len(),
            _ => 1,
        }
    }

    /// What it is about, for a report.
    pub fn subject(&self) -> Subject {
        match self {
            Goal::User(user) | Goal::Meta(user) => user.into(),
            Goal::Mailboxes(mailboxes) => Subject::Mailboxes { mailboxes: mailboxes.clone() },
            Goal::Annotations(Some(mailbox)) => mailbox.into(),
            other => {
                let entries: Vec<String> =
                    other.entries().iter().map(ToString::to_string).collect();
                Subject::item(entries.join(", ").as_str())
            }
        }
    }

    /// Writes the entries of a task of a log, as a log. Other tasks are in no log.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Goal::Entries(entries) = self {
            entries.iter().for_each(|entry| entry.write(out));
        }
    }

    fn owners(&self, names: &Namespace) -> Vec<Owner> {
        let mut owners = Vec::new();
        match self {
            Goal::User(user) | Goal::Meta(user) => owners.push(Owner::User(user.clone())),
            Goal::Seen(user, _) | Goal::Subscription(user, _) => {
                owners.push(Owner::User(user.clone()));
            }
            Goal::Mailboxes(mailboxes) => {
                owners.extend(mailboxes.iter().map(|mailbox| Owner::of(mailbox, names)));
            }
            Goal::Quota(root) => owners.push(Owner::of(&MboxName::new(root.as_bytes()), names)),
            Goal::Annotations(Some(mailbox)) => owners.push(Owner::of(mailbox, names)),
            Goal::Annotations(None) => owners.push(Owner::Server),
            Goal::Entries(entries) => {
                for entry in entries {
                    let (owner, other) = entry_owners(entry, names);
                    owners.push(owner);
                    owners.extend(other);
                }
            }
        }
        let mut known = HashSet::new();
        owners.retain(|owner| known.insert(owner.clone()));
        owners
    }
}

/// The owner of an entry, and of a rename the other one.
pub(super) fn entry_owners(entry: &LogEntry, names: &Namespace) -> (Owner, Option<Owner>) {
    match entry {
        LogEntry::User(user) | LogEntry::UnUser(user) | LogEntry::Meta(user) => {
            (Owner::User(user.clone()), None)
        }
        LogEntry::Seen(user, _) | LogEntry::Sub(user, _) => (Owner::User(user.clone()), None),
        LogEntry::Annotation(name) if name.is_empty() => (Owner::Server, None),
        LogEntry::Mailbox(name) | LogEntry::UnMailbox(name) | LogEntry::Annotation(name) => {
            (Owner::of(name, names), None)
        }
        // The copy does not depend on the original: both are looked at for themselves.
        LogEntry::Double(name, _) => (Owner::of(name, names), None),
        LogEntry::Rename(from, to) => (Owner::of(from, names), Some(Owner::of(to, names))),
        LogEntry::Quota(root) => (Owner::of(&MboxName::new(root.as_bytes()), names), None),
    }
}

/// A goal with what is known of the attempts at it.
#[derive(Debug)]
pub struct Task {
    /// What is to be replicated.
    pub goal: Arc<Goal>,
    /// Whom it holds while it runs.
    pub owners: Arc<[Owner]>,
    /// How often it failed or was deferred.
    pub tries: u32,
    /// Whether a connection was lost over it, and it goes on at once.
    pub again: bool,
    /// Its place in what is told of all tasks; without one, the place in which it begins.
    pub number: Option<u64>,
    /// It waits until none of the tasks with these numbers runs.
    pub waits_for: Vec<u64>,
    /// Over what connections were lost.
    pub care: Care,
    /// When the oldest of its entries was logged, if it comes from a log.
    pub logged: Option<SystemTime>,
}

impl Task {
    /// A task that was not tried yet.
    pub fn new(goal: Goal, names: &Namespace) -> Task {
        let owners = goal.owners(names).into();
        Task {
            goal: Arc::new(goal),
            owners,
            tries: 0,
            again: false,
            number: None,
            waits_for: Vec::new(),
            care: Care::default(),
            logged: None,
        }
    }
}
