//! Settings that are the same for everything that a client replicates.

use std::path::PathBuf;

use super::fuse::Fuse;
use super::overrides::Overrides;
use super::repair::Repair;
use super::resolver::Resolver;
use crate::config::opt;
use crate::sys::lock::Wait;
use crate::types::{Pattern, ReplicaName, Text};

/// Settings that are the same for everything that a client replicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// Name of the replica, as in the sync lock and in log lines.
    pub server: String,
    /// Channel, for log lines.
    pub channel: Option<String>,
    /// Partition to use on the replica instead of the master's (`-p`).
    pub dest_partition: Option<Text>,
    /// No mupdate operations (`-L`): `LOCAL_MAILBOX` and so on.
    pub local_only: bool,
    /// Users, by their userids, and mailboxes, by their external names, to leave out
    /// (`--exclude`).
    pub exclude: Vec<Pattern>,
    /// Whether to wait for users whom another client replicates (`-N`).
    pub wait: Wait,
    /// Never change the master, force the replica (`-O`).
    pub no_copyback: bool,
    /// Records per batch; 0 switches batches off.
    pub sync_batchsize: u32,
    /// Whether subscriptions follow the rights of users.
    pub reverseacls: bool,
    /// Whether to read the files of all messages, including those that the replica has already.
    pub sync_check_messages: bool,
    /// The directory for long messages while they are fetched from the replica.
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
            // A negative number means no batches.
            sync_batchsize: u32::try_from(resolver.int(opt::SYNC_BATCHSIZE)).unwrap_or(0),
            reverseacls,
            sync_check_messages: resolver.switch(opt::SYNC_CHECK_MESSAGES),
            temp_path: resolver.path(opt::TEMP_PATH).unwrap_or_default(),
            fuse: repair.fuse,
        }
    }
}
