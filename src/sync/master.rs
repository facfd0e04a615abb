//! The interface for writing to the master.

use crate::error::Result;
use crate::replica::Replica;
use crate::types::{MailboxState, MboxName};

/// Writes repairs to the master. Cyrus itself makes the changes.
pub trait Master {
    /// Returns a replication server of the master's own Cyrus, or a substitute for it, to write to
    /// a mailbox in this state.
    ///
    /// Fails if there is none, or if its version does not fit the mailbox.
    fn server(&mut self, mailbox: &MailboxState) -> Result<&mut dyn Replica>;

    /// Logs the change of a mailbox for other replicas.
    fn changed(&mut self, name: &MboxName) -> Result<()>;

    /// Returns whether [`Master::server`] computes the CRCs of a mailbox itself if the stored ones
    /// are wrong.
    fn mends_sums(&self) -> bool {
        false
    }

    /// Returns whether [`Master::server`] stores scripts in `#sieve` mailboxes, and can move a
    /// user's scripts there from a directory. Fails if this cannot be determined.
    fn moves_scripts(&self) -> Result<bool> {
        Ok(false)
    }

    /// Records that scripts could not be moved. [`Master::moves_scripts`] then returns `false` for
    /// a while.
    fn scripts_stay(&mut self) {}

    /// Drops a server that misbehaved. The next call of [`Master::server`] returns a new one.
    fn broken(&mut self);
}
