//! How much waits to be replicated.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much waits to be replicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Backlog {
    /// Entries of the sync log. One that was logged again counts again until the log is taken
    /// over.
    pub entries: u64,
    /// Users that they are about, as far as that is known at least so many; shared mailboxes
    /// together count as one.
    pub users: u64,
}

impl fmt::Display for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries of {} users", self.entries, self.users)
    }
}
