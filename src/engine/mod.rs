//! The public interface of the library. A [`Client`] replicates according to its [`Settings`].

mod catalog;
mod keeper;
mod log;
mod log_append;
mod master;
mod plan;
pub mod program;
mod progress;
mod roll;
mod runner;
mod silence;
mod status;
mod tasks;
mod verified;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::error::Result;
use crate::events::{Observer, Silent};
use crate::names::{Namespace, Paths};
use crate::replica::tls::Memory;
use crate::replica::{Destination, Limiter, Traffic};
use crate::run::freeze::Freeze;
use crate::run::interrupt::{Interrupts, Overseer};
use crate::run::voices::Voices;
use crate::run::width::Width;
use crate::run::worker::{Shared, Worker};
use crate::settings::{Jobs, Logs, Rolling, Settings};
use crate::status::Totals;
use crate::store::spool::Spool;
use crate::store::{Checked, HostWriter, Store};
use crate::sync::{Master, QuotaTurns};
use master::{HadUids, HostMaster, NativeMaster};
use runner::Runner;

pub use crate::run::log::entry::LogEntry;
pub use crate::run::outcome::{Ended, Pending};
pub use crate::run::task::Goal;
pub use crate::sync::{Cancel, Waited};
pub use catalog::{Catalog, Matches};
pub use log_append::log_append;
#[cfg(feature = "capi")]
pub use log_append::log_entries;
pub use plan::Planner;
pub use progress::Progress;
pub use status::status;
pub use verified::{forget_tls, remembered_tls, verified_servers};
pub use verify::{Verifier, Verify};

/// A replication client for one replica. [`Client::builder`] begins one. It may be moved to another thread, but only one thread can
/// use it at a time.
///
/// ```
/// use cyrsync::Kind;
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = cyrsync::Settings::resolve(&config, None, &Default::default())?;
/// # let mut client = cyrsync::Client::builder(settings).build()?;
/// let mut failed = Vec::new();
/// let mut users = ["fred".into(), "anna".into()].into_iter();
/// let ended = client.sync_users(&mut users, false, &mut |user, result| {
///     if let Err(error) = result {
///         failed.push((user.clone(), error.to_string()));
///     }
/// });
/// // The replica of this example cannot be reached.
/// assert_eq!(ended.unwrap_err().kind(), Kind::Connect);
/// # Ok::<(), cyrsync::Error>(())
/// ```
pub struct Client {
    runner: Runner,
    /// The sync log of the channel.
    log: PathBuf,
    /// The sync logs that Cyrus's programs write.
    logs: Logs,
    /// The file for metrics, if one is configured.
    metrics_file: Option<PathBuf>,
    /// Whether the caller named the file for metrics, not imapd.conf.
    has_own_metrics_file: bool,
    /// Path of the replication cache, if one is configured. The cache holds the last known state of
    /// the replica.
    cache_path: Option<PathBuf>,
    /// Settings of rolling replication.
    rolling: Rolling,
    /// Whether a host supplies the master's data.
    has_host: bool,
    /// When the last checkpoint ended.
    last_used: Instant,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server())
            .field("connected", &self.runner.is_open())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Begins a client with these settings: see [`ClientBuilder`].
    pub fn builder(settings: Settings) -> ClientBuilder {
        ClientBuilder {
            settings,
            observer: Arc::new(Silent),
            cancel: Cancel::default(),
            host: None,
            writer: None,
        }
    }

    /// Returns the replica's name as configured.
    pub fn server(&self) -> &str {
        &self.runner.shared.settings.server
    }

    /// Returns a handle with which any thread can stop this client.
    pub fn canceller(&self) -> Cancel {
        self.runner.shared.cancel.clone()
    }

    /// Returns a catalog, which looks up the master's users and mailboxes by name.
    pub fn catalog(&self) -> Catalog {
        let Shared { store, names, .. } = &self.runner.shared;
        Catalog::new(store.clone(), names.clone())
    }

    /// Connects and logs in, unless the client is connected already.
    ///
    /// # Errors
    /// A kind for which [`Kind::is_connection`](crate::Kind::is_connection) returns true;
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) if the replica lacks what the settings
    /// require; [`Kind::Cancelled`](crate::Kind::Cancelled).
    pub fn connect(&mut self) -> Result<()> {
        self.runner.connect()
    }

    /// Returns a planner, which reports what this client would replicate, without changes.
    pub fn planner(&mut self) -> Planner<'_> {
        Planner { runner: &mut self.runner, log: &self.log }
    }

    /// Returns a verifier, which compares both sides completely, without changes.
    pub fn verifier(&mut self, how: Verify) -> Verifier<'_> {
        Verifier { runner: &mut self.runner, log: &self.log, how, unknown: 0 }
    }

    /// Returns whether there is a connection.
    #[cfg(feature = "capi")]
    pub(crate) fn is_connected(&self) -> bool {
        self.runner.is_open()
    }

    /// Disconnects from the replica. The next call that needs a connection connects again.
    pub fn disconnect(&mut self) {
        self.runner.disconnect();
    }

    /// Tells the replica to release the message files that it has staged for this client
    /// (`sync_do_restart`).
    ///
    /// # Errors
    /// Like [`Client::connect`]. A replica that refuses the command is an error, too.
    pub fn restart(&mut self) -> Result<()> {
        let Runner { shared, workers, .. } = &mut self.runner;
        // A worker without a connection has no staged files. Only the first worker connects if
        // needed.
        let mut workers = workers.iter_mut().enumerate();
        workers.try_for_each(|(id, worker)| {
            if id == 0 || worker.is_open() { worker.release(shared) } else { Ok(()) }
        })
    }

    /// Returns the counters of all current connections together.
    pub fn counters(&self) -> Counters {
        let workers = &self.runner.workers;
        Counters {
            traffic: workers.iter().filter_map(Worker::traffic).reduce(Traffic::and),
            staged_files: workers.iter().map(Worker::staged_files).sum(),
            totals: self.runner.shared.observer.tally().totals(),
        }
    }
}

/// Makes a [`Client`]. Begin with [`Client::builder`].
///
/// ```
/// use std::sync::Arc;
/// use cyrsync::{Cancel, Client, ClientBuilder, Settings, Silent};
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = Settings::resolve(&config, None, &Default::default())?;
/// let cancel = Cancel::default();
/// let builder: ClientBuilder = Client::builder(settings);
/// let client = builder.observer(Arc::new(Silent)).cancel(cancel.clone()).build()?;
/// assert_eq!(client.server(), "127.0.0.1");
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    settings: Settings,
    observer: Arc<dyn Observer>,
    cancel: Cancel,
    /// The store of a host program. `None` for the mail spool.
    host: Option<Arc<dyn Store>>,
    /// Changes the data of the host program.
    writer: Option<Box<dyn HostWriter>>,
}

impl ClientBuilder {
    /// Sets the observer, which receives everything that happens. Without this call, all events are
    /// ignored.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> ClientBuilder {
        self.observer = observer;
        self
    }

    /// Sets the handle with which the client can be stopped. Without this call, the client has a
    /// handle of its own: [`Client::canceller`] returns it.
    pub fn cancel(mut self, cancel: Cancel) -> ClientBuilder {
        self.cancel = cancel;
        self
    }

    /// Makes the client read the master's data from `store`, which belongs to a host program,
    /// instead of the mail spool. The client calls the store and the writer only from the thread
    /// that uses the client. Repairs change the master through `writer`; without one, such repairs
    /// fail.
    ///
    /// The client then opens no file of the mail spool. It still reads these files below
    /// `configdirectory`: the channel's sync log, the files `skipuser-USERID` beside it, and the
    /// record of servers with TLS. It also writes there:
    ///
    /// - [`Client::roll`] changes the channel's sync log, and writes the status file beside it.
    /// - [`Client::process_log`] and [`Client::checkpoint`] append the entries of locked users and
    ///   mailboxes to this log.
    /// - A repair that changes the master writes to the sync logs of other channels, unless
    ///   [`HostWriter::log_change`] does it.
    /// - A first connection with TLS is added to the record.
    pub fn host(
        mut self,
        store: impl Store + 'static,
        writer: Option<Box<dyn HostWriter>>,
    ) -> ClientBuilder {
        let Settings { layout, naming, .. } = &self.settings;
        let paths = Paths::new(layout, naming);
        let skip = paths.sync_log(self.settings.channel()).with_file_name("skipuser-");
        let store = Checked::new(store, Namespace::new(naming), skip);
        self.host = Some(Arc::new(store));
        self.writer = writer;
        self
    }

    /// Makes the client. Opens no network connection.
    ///
    /// Without [`ClientBuilder::host`], the client reads Cyrus's mail spool itself. Then the process
    /// must not have Cyrus's files open in any other way: the client opens and closes the same
    /// files, which releases the traditional locks of the process.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config) if no replica is configured;
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) if a database has a format that the library
    /// does not read.
    pub fn build(self) -> Result<Client> {
        let ClientBuilder { settings, observer, cancel, host, writer } = self;
        let observer = Arc::new(Voices::new(observer));
        if let Some(store) = host {
            let master = HostMaster::new(&settings, observer.clone(), writer);
            // There is one worker, because only the calling thread may call a host.
            let jobs = (Jobs::Number(1), vec![Box::new(master) as _]);
            // The process of the host must not lose its own lock by the client's closing of the
            // file, so the client does not use the global lock.
            let client = with_store(settings, cancel, observer, store, jobs, false)?;
            return Ok(Client { has_host: true, ..client });
        }
        let store = Arc::new(Spool::open(&settings, observer.clone())?);
        // With several connections, the recorded traffic would be mixed up.
        let jobs = if observer.wants_wire() { Jobs::Number(1) } else { settings.sync_jobs };
        let had_uids = HadUids::default();
        let master = |_| {
            let (observer, stop) = (observer.clone(), cancel.flag().clone());
            let had_uids = had_uids.clone();
            Box::new(NativeMaster::new(&settings, store.clone(), observer, stop, had_uids)) as _
        };
        let masters = (0..Width::new(jobs).workers()).map(master).collect();
        with_store(settings, cancel, observer, store, (jobs, masters), true)
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl From<&Client> for Progress {
    fn from(client: &Client) -> Progress {
        Progress(client.runner.shared.observer.tally().clone())
    }
}

/// Counters of a client's connections.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Bytes transferred over the current connections. `None` without a connection.
    pub traffic: Option<Traffic>,
    /// Number of message files that the replica has staged for these connections, as far as known.
    pub staged_files: u64,
    /// Work done since the client was created.
    pub totals: Totals,
}

/// Makes a client with a store. `masters` has one element for each worker.
fn with_store(
    settings: Settings,
    cancel: Cancel,
    observer: Arc<Voices>,
    store: Arc<dyn Store>,
    (jobs, masters): (Jobs, Vec<Box<dyn Master + Send>>),
    uses_global_lock: bool,
) -> Result<Client> {
    let target = settings.server()?.target.clone();
    let verified = Some(verified_servers(&settings));
    let paths = Paths::new(&settings.layout, &settings.naming);
    let lock_global = paths.lock_global().filter(|_| uses_global_lock);
    let shared = Shared {
        freeze: Freeze::new(lock_global, cancel.clone(), observer.clone()),
        names: Namespace::new(&settings.naming),
        destination: Destination {
            target,
            limiter: Limiter::new(&settings.connection.sync_bwlimit),
            settings: settings.connection,
            memory: Memory { verified, ..Memory::default() },
        },
        interrupts: Interrupts::new(cancel.clone(), store.clone()),
        store,
        observer,
        cancel,
        meter: Arc::default(),
        owners: Arc::default(),
        quota_turns: QuotaTurns::default(),
        lanes: Mutex::default(),
        settings: settings.replication,
    };
    let own = Width::new(jobs).most();
    let worker = |(id, master)| {
        let overseer = Overseer::new(
            shared.interrupts.clone(),
            shared.meter.clone(),
            shared.observer.clone(),
            shared.owners.clone(),
            (id, own),
        );
        Worker::new(master, overseer, id >= own)
    };
    let workers = masters.into_iter().enumerate().map(worker).collect();
    Ok(Client {
        log: paths.sync_log(shared.settings.channel.as_deref()),
        runner: Runner { shared, workers, jobs, reconnect: settings.reconnect },
        logs: settings.logs,
        metrics_file: settings.sync_metrics_file,
        has_own_metrics_file: settings.has_own_metrics_file,
        cache_path: settings.sync_cache_db_path,
        rolling: settings.rolling,
        has_host: false,
        last_used: Instant::now(),
    })
}
