//! The interface for writing to the master.

use crate::error::Result;
use crate::replica::Replica;
use crate::types::{MailboxState, MboxName, Uid, UniqueId};

/// Writes repairs to the master. Cyrus itself makes the changes.
pub trait Master {
    /// Returns a session with a replication server of the master's own Cyrus, or a substitute for
    /// it, that can write to this mailbox.
    ///
    /// Fails if there is no such server, or if its version does not support the mailbox.
    fn server(&mut self, mailbox: &MailboxState) -> Result<&mut dyn Replica>;

    /// Writes the change of a mailbox to the sync logs, so that it reaches other replicas.
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

    /// Remembers the last UID of a mailbox that had changed when the server was asked to write to
    /// it. If the mailbox had been deleted, the server has created it again, without messages.
    fn remember(&mut self, _mailbox: &UniqueId, _last_uid: Uid) {}

    /// Returns the last UID that was given to [`Master::remember`] for this mailbox, or 0.
    fn remembered(&self, _mailbox: &UniqueId) -> Uid {
        0
    }

    /// Closes a server that failed. The next call of [`Master::server`] returns a new one.
    fn broken(&mut self);
}
