//! The way to write to the master.

use crate::error::Result;
use crate::replica::Replica;
use crate::types::{MailboxState, MboxName};

/// Writes to the master: what a repair changes there is done by Cyrus itself.
pub trait Master {
    /// Returns the replication server of the master's own Cyrus, or who acts for it, to write to a
    /// mailbox in this state.
    ///
    /// Fails if there is none, or if it is of another version than the mailbox.
    fn server(&mut self, mailbox: &MailboxState) -> Result<&mut dyn Replica>;

    /// Notes for other replicas that a mailbox has changed.
    fn changed(&mut self, name: &MboxName) -> Result<()>;

    /// Whether [`Master::server`] keeps scripts in `#sieve` mailboxes, and may be asked to move
    /// those of a user there from a directory. Fails if that cannot be found out.
    fn moves_scripts(&self) -> Result<bool> {
        Ok(false)
    }

    /// Notes that scripts could not be moved: [`Master::moves_scripts`] says no for a while.
    fn scripts_stay(&mut self) {}

    /// Gives the server up, which did not do as it should: the next call of
    /// [`Master::server`] returns another one.
    fn broken(&mut self);
}
