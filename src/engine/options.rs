//! How a client works.

use std::time::Duration;

use crate::run::options::Persistence;
use crate::sync::{AllowRepair, Cancel};
use crate::types::Text;

/// How a client works; the default is that of `sync_client` without options.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Channel, whose options (`<channel>_sync_host`, ...) go before the general ones (`-n`).
    pub channel: Option<String>,
    /// The replica, instead of the channel's `sync_host` (`-S`): host, `host:port` or `/path`.
    pub server: Option<String>,
    /// Partition to use on the replica (`-p`).
    pub dest_partition: Option<Text>,
    /// No mupdate operations (`-L`).
    pub local_only: bool,
    /// Pass over users that somebody else is replicating (`-N`).
    pub skip_locked: bool,
    /// Never change the master, force the replica (`-O`).
    pub no_copyback: bool,
    /// Change the master even if `sync_no_copyback` of imapd.conf says not to (`--copyback`).
    pub copyback: bool,
    /// What repairs may do to the master beyond the ordinary (`--allow-repair`).
    pub allow_repair: AllowRepair,
    /// Stage incoming files on the replica's archive partition (`-a`).
    pub archive: bool,
    /// Fail if the replica does not offer compression (`-z`).
    pub require_compress: bool,
    /// How long to wait for locks of users and mailboxes; without, as long as it takes.
    pub lock_patience: Option<Duration>,
    /// How persistently to connect again when the connection is lost over a part of the work,
    /// before that part is tried once more; `None` for one attempt, without a pause.
    pub reconnect: Option<Persistence>,
    /// With what the client can be asked to stop. A clone of these options has the same.
    pub cancel: Cancel,
}
