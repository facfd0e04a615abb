//! The amount of data that waits for replication.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The amount of data that waits for replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Backlog {
    /// Number of entries in the sync log. Duplicate entries count each time, until the client takes
    /// the log over.
    pub entries: u64,
    /// Number of users with such entries, as far as the client knows them; there may be more. All
    /// shared mailboxes together count as one user.
    pub users: u64,
}

impl fmt::Display for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries of {} users", self.entries, self.users)
    }
}
