//! What stays the same for all that a client replicates.

use std::path::PathBuf;

use super::repair::fuse::Fuse;
use crate::store::Wait;
use crate::types::Text;

/// What stays the same for all that a client replicates.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the replica, as in the sync lock and in log lines.
    pub server: String,
    /// Channel, for log lines.
    pub channel: Option<String>,
    /// Partition to use on the replica instead of the master's (`-p`).
    pub partition: Option<Text>,
    /// No mupdate operations (`-L`): `LOCAL_MAILBOX` and so on.
    pub local_only: bool,
    /// Whether to wait for users that somebody else replicates (`-N`).
    pub wait: Wait,
    /// Never change the master, force the replica (`-O`).
    pub no_copyback: bool,
    /// Records per batch (`sync_batchsize`); 0 switches batches off.
    pub batch_size: u32,
    /// The option `reverseacls`.
    pub reverse_acls: bool,
    /// Read the files of all messages, those that the replica has already included
    /// (`sync_check_messages`).
    pub check_messages: bool,
    /// Where long messages wait that are fetched from the replica (`temp_path`).
    pub scratch: PathBuf,
    /// What a repair must not do to the master (`sync_repair_max_expunge`, `sync_repair_fuse`).
    pub fuse: Fuse,
}
