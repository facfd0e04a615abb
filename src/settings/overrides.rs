//! The values that a caller sets, which override imapd.conf.

use std::path::PathBuf;
use std::time::Duration;

use super::fuse::AllowRepair;
use super::jobs::Jobs;
use crate::config::Bandwidth;
use crate::types::{Pattern, Text};

/// The values that a caller sets, which override imapd.conf. The default sets none. The
/// documentation of a field names the option of `sync_client(8)` that sets it, if there is one. For
/// each field there is a method `with_...`, so that the values can be set in one expression.
///
/// ```
/// use cyrsync::{Config, Overrides, Settings};
///
/// let asked = Overrides::default().with_server("mx2.example.com").with_no_copyback(true);
/// let config = Config::from_text(b"configdirectory: /conf\n", "imapd.conf")?;
/// let settings = Settings::resolve(&config, None, &asked)?;
/// assert_eq!(settings.replica()?.server, "mx2.example.com");
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Overrides {
    /// The replica, instead of the channel's `sync_host` (`-S`): host, `host:port` or `/path`.
    pub server: Option<String>,
    /// Partition on the replica, instead of the master's partition (`-p`).
    pub dest_partition: Option<Text>,
    /// The replica does not inform its mupdate server (`-L`).
    pub local_only: bool,
    /// Skip users whom another client is replicating (`-N`).
    pub skip_locked: bool,
    /// Never change the master; force the replica to the master's state (`-O`). Takes precedence
    /// over [`Overrides::copyback`].
    pub no_copyback: bool,
    /// Change the master even if `sync_no_copyback` of imapd.conf forbids it (`--copyback`).
    pub copyback: bool,
    /// Which unusual changes are allowed, on the master by a repair and on the replica
    /// (`--allow-repair`).
    pub allow_repair: AllowRepair,
    /// The replica stores incoming message files on its archive partition (`-a`).
    pub stage_to_archive: bool,
    /// Fail if the replica does not offer compression (`-z`).
    pub require_compression: bool,
    /// Number of simultaneous connections (`-j`), instead of `sync_jobs`.
    pub jobs: Option<Jobs>,
    /// Number of bytes that all connections together may send per second (`--bwlimit`), instead of
    /// `sync_bwlimit`.
    pub bwlimit: Option<Bandwidth>,
    /// Users and mailboxes that are not replicated (`--exclude`). This does not apply to entries of
    /// a sync log.
    pub exclude: Vec<Pattern>,
    /// Try to connect only once (`-o`).
    pub connect_once: bool,
    /// Minimum time from the start of one run to the start of the next (`-d`), instead of
    /// `sync_repeat_interval` of imapd.conf.
    pub sync_repeat_interval: Option<Duration>,
    /// Time after which the client tells the replica to delete its staged files, which are message
    /// files that no mailbox uses yet (`-t`). Zero means never. Default: ten minutes.
    pub release_staged_after: Option<Duration>,
    /// A file that stops rolling replication when it exists (`-F`), instead of
    /// `sync_shutdown_file`.
    pub shutdown_file: Option<PathBuf>,
    /// A file for metrics (`--metrics-file`), instead of `sync_metrics_file`.
    pub metrics_file: Option<PathBuf>,
    /// Replicate only the entries that the sync log has at the start, and then stop (`-1`).
    pub rolling_once: bool,
    /// Time limit of the wait for locks of users and mailboxes; `None` for no limit. `sync_client`
    /// sets 200 ms for rolling replication.
    pub lock_patience: Option<Duration>,
    /// If the connection is lost during a task, connect again, with growing pauses between
    /// attempts, and then repeat the task. If `false`, there is only one attempt, without a pause.
    /// `sync_client` always sets it.
    pub reconnect: bool,
}

/// Defines a method for each field that sets it and returns the overrides.
macro_rules! setters {
    ($(pub fn $with:ident($value:ident: $type:ty) => $field:ident = $new:expr;)*) => {
        impl Overrides {
            $(
                #[doc = concat!("Sets [`Overrides::", stringify!($field), "`].")]
                #[must_use]
                pub fn $with(mut self, $value: $type) -> Overrides {
                    self.$field = $new;
                    self
                }
            )*
        }
    };
}

setters! {
    pub fn with_server(server: impl Into<String>) => server = Some(server.into());
    pub fn with_dest_partition(name: impl Into<Text>) => dest_partition = Some(name.into());
    pub fn with_local_only(value: bool) => local_only = value;
    pub fn with_skip_locked(value: bool) => skip_locked = value;
    pub fn with_no_copyback(value: bool) => no_copyback = value;
    pub fn with_copyback(value: bool) => copyback = value;
    pub fn with_allow_repair(allowed: AllowRepair) => allow_repair = allowed;
    pub fn with_stage_to_archive(value: bool) => stage_to_archive = value;
    pub fn with_require_compression(value: bool) => require_compression = value;
    pub fn with_jobs(jobs: Jobs) => jobs = Some(jobs);
    pub fn with_bwlimit(limit: Bandwidth) => bwlimit = Some(limit);
    pub fn with_exclude(patterns: impl Into<Vec<Pattern>>) => exclude = patterns.into();
    pub fn with_connect_once(value: bool) => connect_once = value;
    pub fn with_sync_repeat_interval(time: Duration) => sync_repeat_interval = Some(time);
    pub fn with_release_staged_after(time: Duration) => release_staged_after = Some(time);
    pub fn with_shutdown_file(path: impl Into<PathBuf>) => shutdown_file = Some(path.into());
    pub fn with_metrics_file(path: impl Into<PathBuf>) => metrics_file = Some(path.into());
    pub fn with_rolling_once(value: bool) => rolling_once = value;
    pub fn with_lock_patience(limit: Option<Duration>) => lock_patience = limit;
    pub fn with_reconnect(value: bool) => reconnect = value;
}
