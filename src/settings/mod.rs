//! Combines imapd.conf, a channel and the caller's overrides into the typed settings of a client.
//!
//! [`Settings::resolve`] reads each option that cyrsync uses. So an invalid value is reported, with
//! its file and line, before the client does anything. Each setting is a typed field with the name
//! of its option. No other module reads a [`Config`].

mod connection;
mod databases;
mod effective;
mod fuse;
mod jobs;
mod layout;
mod logs;
mod naming;
mod overrides;
mod process;
mod repair;
mod replication;
mod resolver;
mod rolling;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Config, opt};
use crate::error::{Error, Kind, Result};
use crate::types::ReplicaName;
use repair::Repair;
use resolver::Resolver;

pub use crate::config::{Bandwidth, Fingerprint, Rate, Target, service_port};
pub use connection::{Connection, Credentials, DeflateLevel, KeepAlive, Server};
pub use databases::{Databases, DbBackend, DbFormat};
pub use effective::EffectiveOption;
pub use fuse::{AllowRepair, Fuse};
pub use jobs::Jobs;
pub use layout::{Layout, Partition};
pub use logs::Logs;
pub use naming::Naming;
pub use overrides::Overrides;
pub use process::Process;
pub use replication::Replication;
pub use rolling::{RetryPolicy, Rolling};
pub use tls::{Tls, TlsMode, TlsVersion};

/// All settings of a client.
///
/// ```
/// use cyrsync::{Config, Overrides, Settings};
///
/// let text = b"configdirectory: /conf\nsync_host: a\nbackup_sync_host: b\n";
/// let config = Config::from_text(text, "imapd.conf")?;
/// let settings = Settings::resolve(&config, Some("backup"), &Overrides::default())?;
/// assert_eq!(settings.replica()?.server, "b");
/// let line = settings.effective_options().iter().find(|shown| shown.name == "sync_host").unwrap();
/// assert_eq!(line.origin.to_string(), "imapd.conf line 3");
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// The form of mailbox and user names.
    pub(crate) naming: Naming,
    /// The places of files and directories.
    pub(crate) layout: Layout,
    /// The formats of databases.
    pub(crate) databases: Databases,
    /// The sync logs that Cyrus's programs write.
    pub(crate) logs: Logs,
    /// Settings of the connection.
    pub(crate) connection: Connection,
    /// The number of simultaneous connections.
    pub(crate) sync_jobs: Jobs,
    /// Settings of the replication.
    pub(crate) replication: Replication,
    /// Settings of rolling replication.
    pub(crate) rolling: Rolling,
    /// How to reconnect when the connection is lost during a task. `None` means one attempt,
    /// without a pause.
    pub(crate) reconnect: Option<RetryPolicy>,
    /// Time limit of the wait for locks of users and mailboxes; `None` for no limit.
    pub(crate) lock_patience: Option<Duration>,
    /// The file of the replication cache, which stores the state that the replica has.
    pub(crate) sync_cache_db_path: Option<PathBuf>,
    /// The file for metrics, in the text format of Prometheus.
    pub(crate) sync_metrics_file: Option<PathBuf>,
    /// Whether the caller named the file for metrics, not imapd.conf.
    pub(crate) has_own_metrics_file: bool,
    /// The program through which a repair writes to the master. `None` means that the client
    /// searches for it.
    pub(crate) sync_server_path: Option<PathBuf>,
    server: Option<Server>,
    file: Option<PathBuf>,
    options: Vec<EffectiveOption>,
}

impl Settings {
    /// Combines a configuration, the values for a channel, and the caller's overrides.
    ///
    /// # Errors
    /// [`Kind::Config`] if a value cannot be used, or if values contradict each other. The error
    /// names file and line if the value comes from a file.
    pub fn resolve(
        config: &Config,
        channel: Option<&str>,
        overrides: &Overrides,
    ) -> Result<Settings> {
        let logs = Logs::resolve(&mut Resolver::new(config, channel));
        channel.map_or(Ok(()), |channel| logs.check_known(channel, config))?;
        let mut resolver = Resolver::new(config, channel);
        let r = &mut resolver;
        let server = Server::resolve(r, overrides)?;
        let target = server.as_ref().map(|server| &server.target);
        let repair = Repair::resolve(r, overrides);
        let connection = Connection::resolve(r, overrides, target, repair.no_copyback)?;
        let sync_jobs = sync_jobs(r, overrides.jobs);
        let retry_policy = RetryPolicy::resolve(r, overrides);
        let rolling = Rolling::resolve(r, overrides, retry_policy);
        let databases = Databases::resolve(r);
        let name = server.as_ref().map(|server| server.name.clone()).unwrap_or_default();
        let replication =
            Replication::resolve(r, overrides, &repair, (name, databases.reverseacls));
        // Only programs use these settings. They are read here so that [`Settings::effective_options`] contains
        // them.
        Process::resolve(r);
        Ok(Settings {
            naming: Naming::resolve(r),
            layout: Layout::resolve(r),
            databases,
            logs: Logs::resolve(r),
            connection,
            sync_jobs,
            replication,
            rolling,
            reconnect: overrides.reconnect.then_some(retry_policy),
            lock_patience: overrides.lock_patience,
            sync_cache_db_path: r.path(opt::SYNC_CACHE_DB_PATH),
            sync_metrics_file: metrics_file(r, overrides),
            has_own_metrics_file: overrides.metrics_file.is_some(),
            sync_server_path: r.path(opt::SYNC_SERVER_PATH),
            server,
            file: config.path().map(Path::to_owned),
            options: resolver.finish(),
        })
    }

    /// Returns the name of the replica and of the channel.
    ///
    /// # Errors
    /// [`Kind::Config`] if neither `sync_host` nor the caller names a replica.
    pub fn replica(&self) -> Result<ReplicaName> {
        self.server().map(|_| self.replication.replica_name())
    }

    /// Returns the name and the parsed address of the replica.
    pub(crate) fn server(&self) -> Result<&Server> {
        self.server.as_ref().ok_or_else(|| {
            Error::new(Kind::Config, "choose", "replica", "sync_host not defined")
                .with_hint("set sync_host in imapd.conf or name the server with -S")
        })
    }

    /// Returns the channel for which the configuration was read.
    pub fn channel(&self) -> Option<&str> {
        self.replication.channel.as_deref()
    }

    /// Returns the path of the configuration file. Returns `None` if the configuration was in
    /// memory.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns the settings of rolling replication, which [`Client::roll`](crate::Client::roll)
    /// uses.
    pub fn rolling(&self) -> &Rolling {
        &self.rolling
    }

    /// Returns whether a replica that does not offer compression is refused.
    pub fn require_compression(&self) -> bool {
        self.connection.require_compression
    }

    /// Returns the channels to which Cyrus's programs log changes (`sync_log_channels`). `None`
    /// stands for the log without a channel.
    pub fn sync_log_channels(&self) -> &[Option<String>] {
        &self.logs.sync_log_channels
    }

    /// Returns the program through which a repair writes to the master (`sync_server_path`). `None`
    /// means that the client searches for it.
    pub fn sync_server_path(&self) -> Option<&Path> {
        self.sync_server_path.as_deref()
    }

    /// Returns every option that was read, with its value and origin. The caller's other overrides
    /// follow.
    pub fn effective_options(&self) -> &[EffectiveOption] {
        &self.options
    }
}

/// Returns the file for metrics: the caller's, otherwise that of imapd.conf.
fn metrics_file(resolver: &mut Resolver<'_>, overrides: &Overrides) -> Option<PathBuf> {
    let configured = resolver.path(opt::SYNC_METRICS_FILE);
    let Some(file) = &overrides.metrics_file else { return configured };
    resolver.overridden(file.display().to_string());
    Some(file.clone())
}

/// Returns the number of simultaneous connections: the caller's, otherwise that of imapd.conf.
fn sync_jobs(resolver: &mut Resolver<'_>, asked: Option<Jobs>) -> Jobs {
    let number = resolver.auto(opt::SYNC_JOBS).and_then(|number| usize::try_from(number).ok());
    if let Some(asked) = asked {
        resolver.overridden(asked.to_string());
    }
    asked.unwrap_or(number.map_or(Jobs::Auto, Jobs::Number))
}
