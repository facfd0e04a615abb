//! What the replica has, remembered: saves asking before every update (`sync_cache_db_path`).
//!
//! A memory may be wrong, for somebody else may have changed the replica. So every update says
//! on which state it builds, and where the replica has another it is asked after all. What is the
//! same on both sides as far as is remembered is not looked at, as with Cyrus.

use crate::protocol::RemoteFolder;
use crate::types::MboxName;

/// A memory of mailboxes of a replica. It may forget at any time.
pub trait Cache {
    /// Returns what the replica had when it last answered.
    fn get(&mut self, name: &MboxName) -> Option<RemoteFolder>;
    /// Notes what the replica has now.
    fn put(&mut self, folder: &RemoteFolder);
    /// Forgets a mailbox of which nothing is known for sure any more.
    fn forget(&mut self, name: &MboxName);
}
