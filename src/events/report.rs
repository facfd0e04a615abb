//! Reports: the results of everything that was requested.

use serde::Serialize;

use crate::error::{Error, Subject};
use crate::types::Text;

/// The result of one item.
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
    /// It is now equal on both sides.
    Done,
    /// Another client holds its lock. It is retried later.
    Locked(Error),
    /// It failed.
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
    /// Items that are now equal on both sides.
    pub done: u64,
    /// Items whose lock another client held.
    pub locked: u64,
    /// Items that failed.
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
    /// The result. Failures of parts of the item are parts of its error.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a call did with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It replicated the item.
    Replicate,
    /// It planned the item, and changed nothing.
    Plan,
    /// It compared both sides, and changed nothing.
    Verify,
}

/// The result of the smallest unit that can be requested: a user, a mailbox, an entry of a sync
/// log. Where an [`Item`] stands for several mailboxes together, each of them is one of these.
#[derive(Debug, Clone, Serialize)]
pub struct Settled {
    /// What the call did with the item.
    pub act: Act,
    /// The entry of a sync log that requests it: `MAILBOX user.fred`.
    pub entry: Text,
    /// The user, mailbox or quota root.
    pub subject: Subject,
    /// How the item ended. [`Outcome::Done`] of a verification means that it was compared, not that
    /// both sides are equal.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The results of everything that was requested.
///
/// ```
/// use cyrsync::{Error, Kind, Report, UserId};
///
/// let mut report = Report::default();
/// report.add(UserId::from("anna"), Ok(()));
/// report.add(UserId::from("fred"), Err(Error::new(Kind::Io, "read", "user.fred", "it fails")));
/// assert_eq!((report.totals.done, report.totals.failed), (1, 1));
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The items, in the order in which they ended.
    pub items: Vec<Item>,
    /// The number of items for each result.
    pub totals: ItemTotals,
}

impl Report {
    /// Adds an item with its result.
    pub fn add(&mut self, subject: impl Into<Subject>, outcome: impl Into<Outcome>) {
        let outcome = outcome.into();
        let count = match &outcome {
            Outcome::Done => &mut self.totals.done,
            Outcome::Locked(_) => &mut self.totals.locked,
            Outcome::Failed(_) => &mut self.totals.failed,
        };
        *count += 1;
        self.items.push(Item { subject: subject.into(), outcome });
    }

    /// Returns every failure of every item. Each has its own subject.
    pub fn failures(&self) -> impl Iterator<Item = &Error> {
        self.items.iter().filter_map(|item| item.outcome.error()).flat_map(Error::failures)
    }
}
