//! Stores the replica's state, so that the client need not request it before every update
//! (`sync_cache_db_path`).
//!
//! A stored state may be wrong, because another client may have changed the replica. So every
//! update names the state on which it builds. If the replica has another state, it refuses the
//! update, and the client requests the replica's state. Like in Cyrus, a mailbox is skipped if its
//! stored state equals the master's.

use crate::protocol::RemoteFolder;
use crate::types::MboxName;

/// A store for the states of the replica's mailboxes. It may drop any state at any time.
pub trait Cache {
    /// Returns the stored state of a mailbox, if there is one.
    fn get(&mut self, name: &MboxName) -> Option<RemoteFolder>;
    /// Stores the current state of a mailbox on the replica.
    fn put(&mut self, folder: &RemoteFolder);
    /// Removes the state of a mailbox, because the replica may have another state.
    fn forget(&mut self, name: &MboxName);
}
