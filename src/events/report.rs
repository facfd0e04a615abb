//! Reports: how everything that was asked for ended, as values.

use serde::Serialize;

use crate::error::{Error, Subject};

/// How one item ended.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", content = "error", rename_all = "snake_case")]
pub enum Outcome {
    /// It is equal on both sides now.
    Done,
    /// Somebody else is at work on it: later.
    Locked(Error),
    /// It failed.
    Failed(Error),
}

impl Outcome {
    /// The error, if it is not done.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Outcome::Done => None,
            Outcome::Locked(error) | Outcome::Failed(error) => Some(error),
        }
    }
}

impl Item {
    /// An item that ended.
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

/// How many items ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Items that are equal on both sides now.
    pub done: u64,
    /// Items that somebody else was at work on.
    pub locked: u64,
    /// Items that failed.
    pub failed: u64,
}

/// One item and how it ended.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// What it is.
    pub subject: Subject,
    /// How it ended. Every failure within it is one of the error's parts.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How everything that was asked for ended.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Each item, in the order in which they ended.
    pub items: Vec<Item>,
    /// How many ended how.
    pub totals: Totals,
}

impl Report {
    /// Adds an item that ended.
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

    /// Every failure of every item, each with a subject of its own.
    pub fn failures(&self) -> impl Iterator<Item = &Error> {
        self.items.iter().filter_map(|item| item.outcome.error()).flat_map(Error::failures)
    }
}
