//! The tasks that the executor runs in all modes.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use super::log::entry::LogEntry;
use crate::error::Subject;
use crate::names::Namespace;
use crate::sync::Care;
use crate::types::{MboxName, Text, UniqueId, UserId};

/// Identifies a worker: a connection to the replica with its thread of work.
pub type WorkerId = usize;

/// Whose data a task works on. Tasks with the same owner never run at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A user.
    User(UserId),
    /// All shared mailboxes together, which belong to no user.
    Shared,
    /// The server.
    Server,
}

impl Owner {
    /// Returns a short hash of the owner, for comparisons that need little memory.
    pub fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Returns the owner of a mailbox.
    pub fn of(mailbox: &MboxName, names: &Namespace) -> Owner {
        names.owner(mailbox).map_or(Owner::Shared, Owner::User)
    }
}

/// What to replicate. A goal is the unit that can fail, be deferred or be repeated.
///
/// ```
/// use cyrsync::Goal;
///
/// let goal = Goal::Subscription("fred".into(), "shared.lists".into());
/// assert_eq!(goal.entries()[0].to_string(), "SUB fred shared.lists");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Goal {
    /// Entries of a sync log. A part that fails is tried again as part of something larger.
    Entries(Vec<LogEntry>),
    /// A user with all data.
    User(UserId),
    /// Seen state, subscriptions and Sieve scripts of a user.
    Meta(UserId),
    /// Mailboxes of any users.
    Mailboxes(Vec<MboxName>),
    /// The seen state of a user in the mailbox with this uniqueid.
    Seen(UserId, UniqueId),
    /// Whether a user is subscribed to a mailbox.
    Subscription(UserId, MboxName),
    /// The limits of a quota root.
    Quota(Text),
    /// The annotations of a mailbox, or those of the server.
    Annotations(Option<MboxName>),
}

impl Goal {
    /// Returns the goal as entries of a log.
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

    /// Returns the first log entry of the goal.
    pub fn first(&self) -> Option<Text> {
        match self {
            Goal::Entries(entries) => entries.first().map(LogEntry::text),
            Goal::Mailboxes(names) => names.first().cloned().map(|n| LogEntry::Mailbox(n).text()),
            _ => self.entries().first().map(LogEntry::text),
        }
    }

    /// Returns the number of log entries of the goal.
    pub fn count(&self) -> usize {
        match self {
            Goal::Entries(entries) => entries.len(),
            Goal::Mailboxes(names) => names.len(),
            _ => 1,
        }
    }

    /// Returns the subject of the goal, for reports.
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

    /// Writes the entries of the goal in the format of a log, if it consists of log entries. Writes
    /// nothing for other goals, which are in no log.
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

/// Returns the owner of an entry, and for a rename also the other owner.
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
        // The copy does not depend on the original, so each mailbox is an entry of its own.
        LogEntry::Double(name, _) => (Owner::of(name, names), None),
        LogEntry::Rename(from, to) => (Owner::of(from, names), Some(Owner::of(to, names))),
        LogEntry::Quota(root) => (Owner::of(&MboxName::new(root.as_bytes()), names), None),
    }
}

/// A goal with the history of its attempts.
#[derive(Debug)]
pub struct Task {
    /// What to replicate.
    pub goal: Arc<Goal>,
    /// The owners that it holds while it runs.
    pub owners: Arc<[Owner]>,
    /// How often it failed or was deferred.
    pub tries: u32,
    /// Whether it is retried at once because the connection was lost during it.
    pub again: bool,
    /// Its place in the order in which tasks are reported. Without a number it gets the place in
    /// which it starts.
    pub number: Option<u64>,
    /// The task waits while any of the tasks with these numbers runs.
    pub waits_for: Vec<u64>,
    /// The history of connections lost during the task.
    pub care: Care,
    /// When the oldest of its entries was logged, if it comes from a log.
    pub logged: Option<SystemTime>,
}

impl Task {
    /// Makes a task that was not tried yet.
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
