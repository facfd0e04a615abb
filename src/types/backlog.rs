//! The amount of data that waits for replication.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The amount of data that waits for replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Backlog {
    /// Entries of the sync log. Until the log is taken over, duplicates count each time.
    pub entries: u64,
    /// Users with such entries, as far as they are known; there may be more. All shared mailboxes
    /// together count as one user.
    pub users: u64,
}

impl fmt::Display for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries of {} users", self.entries, self.users)
    }
}
