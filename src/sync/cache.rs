//! Remembers the replica's state, so that it is not requested before every update
//! (`sync_cache_db_path`).
//!
//! A remembered state may be wrong, because somebody else may have changed the replica. So every
//! update names the state on which it builds. If the replica has another state, it refuses the
//! update and its state is requested. As with Cyrus, a mailbox whose remembered state equals the
//! master's is not checked.

use crate::protocol::RemoteFolder;
use crate::types::MboxName;

/// A memory of the replica's mailboxes. It may forget at any time.
pub trait Cache {
    /// Returns the state that the replica last reported.
    fn get(&mut self, name: &MboxName) -> Option<RemoteFolder>;
    /// Stores the current state of a mailbox on the replica.
    fn put(&mut self, folder: &RemoteFolder);
    /// Forgets a mailbox whose state is no longer known for certain.
    fn forget(&mut self, name: &MboxName);
}
