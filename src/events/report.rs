//! Reports: the results of all requested items.

use serde::Serialize;

use crate::error::{Error, Subject};
use crate::types::Text;

/// The result of an item, which is a user, a mailbox or another requested object.
///
/// ```
/// use cyrsync::{Error, Kind, Outcome};
///
/// let error = Error::new(Kind::Locked, "lock", "user.fred", "somebody else has it");
/// assert!(matches!(Outcome::from(Err(error)), Outcome::Locked(_)));
/// ```
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", content = "error", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Master and replica are now equal in this item.
    Done,
    /// Another process or client holds the lock of the item, here or on the replica, or an
    /// administrator excludes the user. Only [`Client::roll`](crate::Client::roll) tries the item
    /// again.
    Locked(Error),
    /// The item failed.
    Failed(Error),
}

impl Outcome {
    /// Returns the error, if there is one.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Outcome::Done => None,
            Outcome::Locked(error) | Outcome::Failed(error) => Some(error),
        }
    }
}

impl Item {
    /// Creates an item with its result.
    pub fn new(subject: impl Into<Subject>, outcome: impl Into<Outcome>) -> Item {
        Item { subject: subject.into(), outcome: outcome.into() }
    }
}

impl From<Result<(), Error>> for Outcome {
    fn from(result: Result<(), Error>) -> Self {
        match result {
            Ok(()) => Outcome::Done,
            Err(error) if error.kind().is_locked() => Outcome::Locked(error),
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// The number of items for each result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ItemTotals {
    /// Number of items that are now equal on master and replica.
    pub done: u64,
    /// Number of items whose lock another client held.
    pub locked: u64,
    /// Number of items that failed.
    pub failed: u64,
}

/// One requested item and its result.
///
/// ```
/// use cyrsync::{Item, UserId};
///
/// let item = Item::new(UserId::from("fred"), Ok(()));
/// assert!(item.outcome.error().is_none());
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// The user, mailbox or other object.
    pub subject: Subject,
    /// The result of the item. If parts of the item failed, the error lists them
    /// ([`Error::parts`]).
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The kind of call that handled an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Act {
    /// The call replicated the item.
    Replicate,
    /// The call was a dry run: it planned the steps for the item, and changed nothing.
    Plan,
    /// The call compared the item on master and replica, and changed nothing.
    Verify,
}

/// The result of the smallest unit that can be requested: a user, a mailbox or an entry of a sync
/// log. If an [`Item`] stands for several mailboxes, each of them has its own result of this type.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct FinishedItem {
    /// The kind of call that handled the item.
    pub act: Act,
    /// The sync log entry that would request the item, such as `MAILBOX user.fred`.
    pub entry: Text,
    /// The user, mailbox or quota root.
    pub subject: Subject,
    /// The result of the item. In a verification, [`Outcome::Done`] means that the item was
    /// compared, not that both sides are equal.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The results of all requested items.
///
/// ```no_run
/// # fn of(mut client: cyrsync::Client) -> cyrsync::Result<()> {
/// let report: cyrsync::Report = client.sync_all(b"", &mut |_, _| {})?;
/// println!("{} done, {} failed", report.totals.done, report.totals.failed);
/// report.failures().for_each(|error| println!("{error}"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The items, in the order in which they were finished.
    pub items: Vec<Item>,
    /// The number of items for each result.
    pub totals: ItemTotals,
}

impl Report {
    /// Adds an item with its result.
    pub(crate) fn add(&mut self, subject: impl Into<Subject>, outcome: impl Into<Outcome>) {
        let outcome = outcome.into();
        let count = match &outcome {
            Outcome::Done => &mut self.totals.done,
            Outcome::Locked(_) => &mut self.totals.locked,
            Outcome::Failed(_) => &mut self.totals.failed,
        };
        *count += 1;
        self.items.push(Item { subject: subject.into(), outcome });
    }

    /// Returns all failures of all items, each with its own subject.
    pub fn failures(&self) -> impl Iterator<Item = &Error> {
        self.items.iter().filter_map(|item| item.outcome.error()).flat_map(Error::failures)
    }
}
