//! Goals and tasks. A goal says what to replicate. A task is a goal with the history of its
//! attempts.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use super::log::entry::LogEntry;
use crate::error::Subject;
use crate::names::Namespace;
use crate::sync::Care;
use crate::types::{MboxName, Text, UniqueId, UserId};

/// Number of a worker, counted from 0. A worker is one session with the replica.
pub type WorkerId = usize;

/// The owner of the data that a task replicates. Two tasks with the same owner never run at the
/// same time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A user.
    User(UserId),
    /// All shared mailboxes. They belong to no user.
    Shared,
    /// The server, whose annotations belong to no user or mailbox.
    Server,
}

impl Owner {
    /// Returns a hash of the owner. Sets of hashes need less memory than sets of names.
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

/// What to replicate: the unit that can fail or be retried.
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
    /// Entries of a sync log. If an entry fails, a larger one that contains it is replicated, such
    /// as the whole user.
    Entries(Vec<LogEntry>),
    /// A user with all data.
    User(UserId),
    /// Seen state, subscriptions and Sieve scripts of a user.
    Meta(UserId),
    /// Mailboxes of any users.
    Mailboxes(Vec<MboxName>),
    /// The seen state of a user in the mailbox with this uniqueid.
    Seen(UserId, UniqueId),
    /// The subscription of a user to a mailbox: it is added or removed, as on the master.
    Subscription(UserId, MboxName),
    /// The limits of a quota root.
    Quota(Text),
    /// The annotations of a mailbox or, with `None`, those of the server.
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
    pub(crate) fn first(&self) -> Option<Text> {
        match self {
            Goal::Entries(entries) => entries.first().map(LogEntry::text),
            Goal::Mailboxes(names) => names.first().cloned().map(|n| LogEntry::Mailbox(n).text()),
            _ => self.entries().first().map(LogEntry::text),
        }
    }

    /// Returns the number of log entries of the goal.
    pub(crate) fn count(&self) -> usize {
        match self {
            Goal::Entries(entries) => entries.len(),
            Goal::Mailboxes(names) => names.len(),
            _ => 1,
        }
    }

    /// Returns the subject of the goal for reports.
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

    /// Writes the entries of the goal in the format of a log. Writes nothing if the goal does not
    /// come from a log.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
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

/// Returns the owner of an entry. For a rename, also returns the owner of the new name.
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
        // The copy is replicated like any change of its mailbox. It is an entry of its own here.
        LogEntry::Double(name, _) => (Owner::of(name, names), None),
        LogEntry::Rename(from, to) => (Owner::of(from, names), Some(Owner::of(to, names))),
        LogEntry::Quota(root) => (Owner::of(&MboxName::new(root.as_bytes()), names), None),
    }
}

/// A goal, with the owners that it needs and the history of its attempts.
#[derive(Debug)]
pub struct Task {
    /// What to replicate.
    pub goal: Arc<Goal>,
    /// The owners that the task holds while it runs.
    pub owners: Arc<[Owner]>,
    /// Number of attempts after which the task was deferred.
    pub tries: u32,
    /// Whether the task is retried at once because its connection was lost.
    pub again: bool,
    /// The position of the task in reports: tasks are reported in this order. `None` for the order
    /// in which tasks start.
    pub number: Option<u64>,
    /// Numbers of tasks. This task waits while any of them runs.
    pub waits_for: Vec<u64>,
    /// The connections that were lost during the task.
    pub care: Care,
    /// When the oldest entry of the task was logged. `None` if unknown, or if the task does not
    /// come from a log.
    pub logged: Option<SystemTime>,
}

impl Task {
    /// Makes a task for a first attempt.
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
