//! Settings that apply to all data that a client replicates.

use std::path::PathBuf;

use super::fuse::Fuse;
use super::overrides::Overrides;
use super::repair::Repair;
use super::resolver::Resolver;
use crate::config::opt;
use crate::sys::lock::Wait;
use crate::types::{Pattern, ReplicaName, Text};

/// Settings that apply to all data that a client replicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// Name of the replica, as in the file name of the sync lock and in log lines.
    pub server: String,
    /// The channel, for log lines.
    pub channel: Option<String>,
    /// Partition on the replica, instead of the master's partition (`-p`).
    pub dest_partition: Option<Text>,
    /// Whether the replica does not inform its mupdate server (`-L`): uses `LOCAL_MAILBOX` and
    /// similar commands.
    pub local_only: bool,
    /// Users (userids) and mailboxes (external names) that are not replicated (`--exclude`).
    pub exclude: Vec<Pattern>,
    /// Whether to wait for a user whom another client is replicating, or to skip the user (`-N`).
    pub wait: Wait,
    /// Whether the master must not be changed. The replica is then forced to the master's state
    /// (`-O`).
    pub no_copyback: bool,
    /// Maximum number of records in one update; 0 for no limit.
    pub sync_batchsize: u32,
    /// Whether mailboxes.db lists the mailboxes to which a user has rights.
    pub reverseacls: bool,
    /// Whether to read the files of all messages, to check them, including messages that the
    /// replica already has.
    pub sync_check_messages: bool,
    /// Directory for temporary files of long messages that are fetched from the replica.
    pub temp_path: PathBuf,
    /// The changes that a repair must not make on the master.
    pub fuse: Fuse,
}

impl Replication {
    /// Returns the replica's name and channel.
    pub fn replica_name(&self) -> ReplicaName {
        ReplicaName { server: self.server.clone(), channel: self.channel.clone() }
    }

    pub(super) fn resolve(
        resolver: &mut Resolver<'_>,
        overrides: &Overrides,
        repair: &Repair,
        (server, reverseacls): (String, bool),
    ) -> Replication {
        let channel = resolver.channel().map(str::to_owned);
        resolver.asked("--channel", channel.clone());
        let partition = overrides.dest_partition.clone();
        resolver.asked("--dest-partition", partition.as_ref().map(ToString::to_string));
        let skip_locked = resolver.asked_for("--skip-locked", overrides.skip_locked);
        for pattern in &overrides.exclude {
            resolver.asked("--exclude", Some(pattern.to_string()));
        }
        Replication {
            server,
            channel,
            dest_partition: partition,
            exclude: overrides.exclude.clone(),
            local_only: resolver.asked_for("--local-only", overrides.local_only),
            wait: if skip_locked { Wait::Fail } else { Wait::up_to(overrides.lock_patience) },
            no_copyback: repair.no_copyback,
            // A negative number means no limit.
            sync_batchsize: u32::try_from(resolver.int(opt::SYNC_BATCHSIZE)).unwrap_or(0),
            reverseacls,
            sync_check_messages: resolver.switch(opt::SYNC_CHECK_MESSAGES),
            temp_path: resolver.path(opt::TEMP_PATH).unwrap_or_default(),
            fuse: repair.fuse,
        }
    }
}
