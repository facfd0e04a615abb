//! Units of work.

use crate::types::{MboxName, UserId};

/// A part of the work that depends on no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A user with all that belongs to it.
    User(UserId),
    /// Mailboxes that belong to no user.
    Shared(Vec<MboxName>),
    /// Annotations of the server.
    ServerAnnotations,
}

/// How many units ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Units that are equal on both sides now.
    pub done: u64,
    /// Units that somebody else had locked.
    pub skipped_locked: u64,
    /// Units that failed.
    pub failed: u64,
}
