//! A caller's requests, which override imapd.conf.

use std::path::PathBuf;
use std::time::Duration;

use super::fuse::AllowRepair;
use super::jobs::Jobs;
use crate::config::Bandwidth;
use crate::types::{Pattern, Text};

/// A caller's requests, which override imapd.conf; the default requests nothing. The fields have
/// the names of the options of `sync_client(8)`.
///
/// ```
/// use cyrsync::{Config, Overrides, Settings};
///
/// let asked = Overrides::default().with_server("mx2.example.com").with_no_copyback();
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
    /// Partition to use on the replica (`-p`).
    pub dest_partition: Option<Text>,
    /// No mupdate operations (`-L`).
    pub local_only: bool,
    /// Skip users whom another client is replicating (`-N`).
    pub skip_locked: bool,
    /// Never change the master, force the replica (`-O`).
    pub no_copyback: bool,
    /// Change the master even if `sync_no_copyback` of imapd.conf forbids it (`--copyback`).
    pub copyback: bool,
    /// Which unusual changes a repair may make on the master (`--allow-repair`).
    pub allow_repair: AllowRepair,
    /// Stage incoming files on the replica's archive partition (`-a`).
    pub stage_to_archive: bool,
    /// Fail if the replica does not offer compression (`-z`).
    pub require_compression: bool,
    /// How many connections there are at once (`-j`), instead of `sync_jobs`.
    pub jobs: Option<Jobs>,
    /// How many bytes a second all connections together may send (`--bwlimit`), instead of
    /// `sync_bwlimit`.
    pub bwlimit: Option<Bandwidth>,
    /// Users and mailboxes to leave out (`--exclude`). Does not apply to a sync log.
    pub exclude: Vec<Pattern>,
    /// Try to connect only once (`-o`).
    pub connect_once: bool,
    /// Least time from one run to the next (`-d`), instead of `sync_repeat_interval`.
    pub delay: Option<Duration>,
    /// Time after which the client makes the replica release its staged files (`-t`); zero for
    /// never. Default: ten minutes.
    pub timeout: Option<Duration>,
    /// A file whose existence is a request to stop (`-F`), instead of `sync_shutdown_file`.
    pub shutdown_file: Option<PathBuf>,
    /// A file for metrics (`--metrics-file`), instead of `sync_metrics_file`.
    pub metrics_file: Option<PathBuf>,
    /// Replicate only what is logged now (`-1`).
    pub rolling_once: bool,
    /// How long to wait for locks of users and mailboxes; `None` for no limit.
    pub lock_patience: Option<Duration>,
    /// If the connection is lost during a task, connect again after growing pauses before that task
    /// is tried once more; otherwise connect at once, and only once.
    pub reconnect: bool,
}

/// Setters for the most common requests. All others are set by their fields.
impl Overrides {
    /// Sets [`Overrides::server`].
    #[must_use]
    pub fn with_server(mut self, server: impl Into<String>) -> Overrides {
        self.server = Some(server.into());
        self
    }

    /// Sets [`Overrides::no_copyback`].
    #[must_use]
    pub fn with_no_copyback(mut self) -> Overrides {
        self.no_copyback = true;
        self
    }

    /// Sets [`Overrides::allow_repair`].
    #[must_use]
    pub fn with_allow_repair(mut self, allowed: AllowRepair) -> Overrides {
        self.allow_repair = allowed;
        self
    }

    /// Sets [`Overrides::jobs`].
    #[must_use]
    pub fn with_jobs(mut self, jobs: Jobs) -> Overrides {
        self.jobs = Some(jobs);
        self
    }

    /// Adds to [`Overrides::exclude`].
    #[must_use]
    pub fn with_exclude(mut self, pattern: Pattern) -> Overrides {
        self.exclude.push(pattern);
        self
    }

    /// Sets [`Overrides::rolling_once`].
    #[must_use]
    pub fn with_rolling_once(mut self) -> Overrides {
        self.rolling_once = true;
        self
    }
}
