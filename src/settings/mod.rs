//! Combines imapd.conf, a channel and the caller's overrides, once.
//!
//! [`Settings::resolve`] reads each option of the table that cyrsync knows, so a value that cannot
//! be used is found, with its file and line, before anything is done. From then on a setting is a
//! typed field with the name of its option. No other module reads a [`Config`].

mod connection;
mod databases;
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
mod shown;
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
pub use fuse::{AllowRepair, Fuse};
pub use jobs::Jobs;
pub use layout::{Layout, Partition};
pub use logs::Logs;
pub use naming::Naming;
pub use overrides::Overrides;
pub use process::Process;
pub use replication::Replication;
pub use rolling::{Persistence, Rolling};
pub use shown::Shown;
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
/// let line = settings.shown().iter().find(|shown| shown.name == "sync_host").unwrap();
/// assert_eq!(line.origin.to_string(), "imapd.conf line 3");
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// The form of names.
    pub(crate) naming: Naming,
    /// The layout of the spool.
    pub(crate) layout: Layout,
    /// Formats of databases.
    pub(crate) databases: Databases,
    /// The sync logs that Cyrus's programs write.
    pub(crate) logs: Logs,
    /// Settings of the connection.
    pub(crate) connection: Connection,
    /// The number of connections at once.
    pub(crate) sync_jobs: Jobs,
    /// Settings of the replication.
    pub(crate) replication: Replication,
    /// Settings of rolling replication.
    pub(crate) rolling: Rolling,
    /// How persistently to connect again when the connection is lost during a task; `None` for one
    /// attempt, without a pause.
    pub(crate) reconnect: Option<Persistence>,
    /// How long to wait for locks of users and mailboxes; `None` for no limit.
    pub(crate) lock_patience: Option<Duration>,
    /// The replication cache, which remembers what the replica has.
    pub(crate) sync_cache_db_path: Option<PathBuf>,
    /// A file for metrics, in the text format of Prometheus.
    pub(crate) sync_metrics_file: Option<PathBuf>,
    /// The program through which a repair writes to the master; if not set, the client looks for
    /// it.
    pub(crate) sync_server_path: Option<PathBuf>,
    server: Option<Server>,
    file: Option<PathBuf>,
    shown: Vec<Shown>,
}

impl Settings {
    /// Resolves a configuration for a channel, with a caller's overrides.
    ///
    /// # Errors
    /// [`Kind::Config`], with file and line where there are some, for values that cannot be used
    /// or contradict each other.
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
        let persistence = Persistence::resolve(r, overrides);
        let rolling = Rolling::resolve(r, overrides, persistence);
        let databases = Databases::resolve(r);
        let name = server.as_ref().map(|server| server.name.clone()).unwrap_or_default();
        let replication =
            Replication::resolve(r, overrides, &repair, (name, databases.reverseacls));
        // Only programs use these; they are read here so that they are shown with the rest.
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
            reconnect: overrides.reconnect.then_some(persistence),
            lock_patience: overrides.lock_patience,
            sync_cache_db_path: r.path(opt::SYNC_CACHE_DB_PATH),
            sync_metrics_file: metrics_file(r, overrides),
            sync_server_path: r.path(opt::SYNC_SERVER_PATH),
            server,
            file: config.path().map(Path::to_owned),
            shown: resolver.finish(),
        })
    }

    /// Returns the names of the replica and of the channel to it.
    ///
    /// # Errors
    /// [`Kind::Config`] if no replica is named.
    pub fn replica(&self) -> Result<ReplicaName> {
        self.server().map(|_| self.replication.replica_name())
    }

    /// Returns the name and address of the replica.
    pub(crate) fn server(&self) -> Result<&Server> {
        self.server.as_ref().ok_or_else(|| {
            Error::new(Kind::Config, "choose", "replica", "sync_host not defined")
                .hint("set sync_host in imapd.conf or name the server with -S")
        })
    }

    /// Returns the channel whose settings these are.
    pub fn channel(&self) -> Option<&str> {
        self.replication.channel.as_deref()
    }

    /// Returns the path of the configuration; `None` if it was in memory.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns the settings of rolling replication.
    pub fn rolling(&self) -> &Rolling {
        &self.rolling
    }

    /// Whether a replica without compression is refused.
    pub fn require_compression(&self) -> bool {
        self.connection.require_compression
    }

    /// Returns the channels to which Cyrus's programs log changes (`sync_log_channels`); `None` is
    /// the log without a channel.
    pub fn sync_log_channels(&self) -> &[Option<String>] {
        &self.logs.sync_log_channels
    }

    /// Returns the program through which a repair writes to the master (`sync_server_path`); if it is
    /// `None`, the client looks for it.
    pub fn sync_server_path(&self) -> Option<&Path> {
        self.sync_server_path.as_deref()
    }

    /// Returns every option that was read, with its value and origin, and the caller's other
    /// overrides.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }
}

/// Returns the file for metrics.
fn metrics_file(resolver: &mut Resolver<'_>, overrides: &Overrides) -> Option<PathBuf> {
    let configured = resolver.path(opt::SYNC_METRICS_FILE);
    let Some(file) = &overrides.metrics_file else { return configured };
    resolver.overridden(file.display().to_string());
    Some(file.clone())
}

/// Returns the number of connections at once.
fn sync_jobs(resolver: &mut Resolver<'_>, asked: Option<Jobs>) -> Jobs {
    let number = resolver.auto(opt::SYNC_JOBS).and_then(|number| usize::try_from(number).ok());
    if let Some(asked) = asked {
        resolver.overridden(asked.to_string());
    }
    asked.unwrap_or(number.map_or(Jobs::Auto, Jobs::Number))
}
