//! The public interface: a [`Client`] replicates according to its [`Settings`].

mod catalog;
mod keeper;
mod log;
mod log_append;
mod master;
mod metrics;
mod plan;
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
use crate::events::Observer;
use crate::names::{Namespace, Paths};
use crate::replica::tls::Memory;
use crate::replica::{Destination, Limiter, Traffic};
use crate::run::freeze::Freeze;
use crate::run::interrupt::{Interrupts, Overseer};
use crate::run::voices::Voices;
use crate::run::width::Width;
use crate::run::worker::{Shared, Worker};
use crate::settings::{Jobs, Logs, Settings};
use crate::status::Totals;
use crate::store::spool::Spool;
use crate::store::{Checked, HostWriter, Store};
use crate::sync::Master;
use master::{HostMaster, NativeMaster};
use runner::Runner;

pub use crate::run::log::entry::LogEntry;
pub use crate::run::outcome::{Ended, Undone};
pub use crate::run::task::Goal;
pub use crate::sync::{Cancel, Waited};
pub use catalog::{Catalog, Matches};
pub use log_append::{log_append, log_entries};
pub use plan::Planner;
pub use progress::Progress;
pub use status::status;
pub use verified::{forget_tls, remembered_tls, verified_servers};
pub use verify::{Verifier, Verify};

/// A replication client for one replica. It may move between threads, but only one thread can use
/// it at a time.
///
/// ```
/// use cyrsync::Kind;
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = cyrsync::Settings::resolve(&config, None, &Default::default())?;
/// # let mut client =
/// #     cyrsync::Client::new(settings, Default::default(), std::sync::Arc::new(cyrsync::Silent))?;
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
    /// A file for metrics.
    metrics_file: Option<PathBuf>,
    /// The replication cache, which remembers what the replica has.
    cache_path: Option<PathBuf>,
    /// The end of the last checkpoint.
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
    /// Makes a client that reads the spool natively. Opens no network connection. `cancel` can ask
    /// it to stop.
    ///
    /// The process must not have Cyrus's files open in any other way: see the lock hazard in
    /// `sys::lock`.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config) if no replica is named, and
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) for databases of a kind that is not read.
    pub fn new(settings: Settings, cancel: Cancel, observer: Arc<dyn Observer>) -> Result<Client> {
        let observer = Arc::new(Voices::new(observer));
        let store = Arc::new(Spool::open(&settings, observer.clone())?);
        // The traffic of several connections would be mixed up.
        let jobs = if observer.wants_wire() { Jobs::Number(1) } else { settings.sync_jobs };
        let master = |_| {
            let (observer, stop) = (observer.clone(), cancel.flag().clone());
            Box::new(NativeMaster::new(&settings, store.clone(), observer, stop)) as _
        };
        let masters = (0..Width::new(jobs).workers()).map(master).collect();
        with_store(settings, cancel, observer, store, (jobs, masters))
    }

    /// Makes a client that reads the master's data from a host, and lets the host make a repair's
    /// changes there. The client does not read the mail spool. In the configuration's directory it
    /// only reads the sync log of the channel (if it rolls), the files that ask for users to be
    /// skipped, and the record of servers that have TLS.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config) if no replica is named.
    pub fn with_host(
        settings: Settings,
        cancel: Cancel,
        observer: Arc<dyn Observer>,
        host: impl Store + 'static,
        writer: Option<Box<dyn HostWriter>>,
    ) -> Result<Client> {
        let paths = Paths::new(&settings.layout, &settings.naming);
        let skip = paths.sync_log(settings.channel()).with_file_name("skipuser-");
        let store = Arc::new(Checked::new(host, Namespace::new(&settings.naming), skip));
        let observer = Arc::new(Voices::new(observer));
        let master = HostMaster::new(&settings, observer.clone(), writer);
        // Only the calling thread may call a host, and only one of its functions changes the
        // master.
        let jobs = (Jobs::Number(1), vec![Box::new(master) as _]);
        with_store(settings, cancel, observer, store, jobs)
    }

    /// Returns the replica's name as configured.
    pub fn server(&self) -> &str {
        &self.runner.shared.settings.server
    }

    /// Returns a handle with which any thread can ask this client to stop.
    pub fn canceller(&self) -> Cancel {
        self.runner.shared.cancel.clone()
    }

    /// Returns the master's users and mailboxes by name.
    pub fn catalog(&self) -> Catalog {
        let Shared { store, names, .. } = &self.runner.shared;
        Catalog::new(store.clone(), names.clone())
    }

    /// Connects and logs in, unless there is a connection already.
    pub fn connect(&mut self) -> Result<()> {
        self.runner.connect()
    }

    /// Returns a planner, which reports what this client would do, without doing it.
    pub fn planner(&mut self) -> Planner<'_> {
        Planner { runner: &mut self.runner, log: &self.log }
    }

    /// Returns a verifier, which compares both sides in full and changes nothing; see [`Verifier`].
    pub fn verifier(&mut self, how: Verify) -> Verifier<'_> {
        Verifier { runner: &mut self.runner, log: &self.log, how, unknown: 0 }
    }

    /// Disconnects from the replica. The next call that needs a connection makes a new one.
    pub fn disconnect(&mut self) {
        self.runner.disconnect();
    }

    /// Tells the replica to release the message files that it has staged for this connection
    /// (`sync_do_restart`).
    pub fn restart(&mut self) -> Result<()> {
        let Runner { shared, workers, .. } = &mut self.runner;
        // A worker without a connection has nothing staged. The first worker makes a connection if
        // needed.
        let mut workers = workers.iter_mut().enumerate();
        workers.try_for_each(|(id, worker)| {
            if id == 0 || worker.is_open() { worker.release(shared) } else { Ok(()) }
        })
    }

    /// Returns the counters of all present connections together.
    pub fn counters(&self) -> Counters {
        let workers = &self.runner.workers;
        Counters {
            traffic: workers.iter().filter_map(Worker::traffic).reduce(Traffic::and),
            staged_files: workers.iter().map(Worker::staged_files).sum(),
            totals: self.runner.shared.observer.tally().totals(),
        }
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
    /// Bytes that went over them; `None` without one.
    pub traffic: Option<Traffic>,
    /// Message files that the replica has staged for them, as far as known.
    pub staged_files: u64,
    /// The work done over these and earlier connections.
    pub totals: Totals,
}

/// Makes a client of a store, with a worker for each way to write to the master.
fn with_store(
    settings: Settings,
    cancel: Cancel,
    observer: Arc<Voices>,
    store: Arc<dyn Store>,
    (jobs, masters): (Jobs, Vec<Box<dyn Master + Send>>),
) -> Result<Client> {
    let target = settings.server()?.target.clone();
    let verified = Some(verified_servers(&settings));
    let paths = Paths::new(&settings.layout, &settings.naming);
    let shared = Shared {
        freeze: Freeze::new(paths.lock_global(), cancel.clone(), observer.clone()),
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
        cache_path: settings.sync_cache_db_path,
        last_used: Instant::now(),
    })
}
