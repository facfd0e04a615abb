//! The public face: a [`Client`] replicates what a [`Config`] describes.

mod connection;
mod log;
mod master;
mod options;
mod plan;
mod roll;
mod runner;
mod tasks;
mod verified;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::config::{Config, opt};
use crate::error::{Error, Kind, Result};
use crate::events::Observer;
use crate::names::{Namespace, Paths};
use crate::replica::{Target, Traffic};
use crate::run::interrupt::Interrupts;
use crate::run::worker::{Shared, Worker};
use crate::store::spool::Spool;
use crate::store::{Checked, HostWriter, Store, Wait};
use crate::sync::{Fuse, Master, Settings};
use crate::types::MboxName;
use master::{HostMaster, NativeMaster};
use runner::Runner;

pub use crate::run::log::entry::LogEntry;
pub use crate::run::options::{Persistence, Rolling};
pub use crate::run::outcome::{Ended, Undone};
pub use crate::run::plan::OnStep;
pub use crate::run::task::Goal;
pub use crate::sync::{AllowRepair, Cancel, Waited};
pub use options::Options;
pub use verified::{forget_tls, verified_servers};

/// A replication client for one replica. Not tied to a thread; one thread at a time.
pub struct Client {
    runner: Runner,
    /// The sync log of the channel.
    log: PathBuf,
    /// Where to remember what the replica has.
    cache_path: Option<PathBuf>,
    /// The end of the last checkpoint.
    last_used: Instant,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server())
            .field("connected", &self.runner.worker.is_open())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that reads the spool of `config` natively. Opens nothing on the network.
    ///
    /// The process must not hold Cyrus's files open by other means: see the lock hazard in
    /// `sys::lock`.
    pub fn new(config: Config, options: Options, observer: Arc<dyn Observer>) -> Result<Client> {
        let channel = options.channel.as_deref();
        let spool = Spool::open(&config, observer.clone())?;
        let store =
            Arc::new(spool.for_channel(channel).with_patience(Wait::up_to(options.lock_patience)));
        let cancel = options.cancel.flag().clone();
        let master = NativeMaster::new(&config, store.clone(), channel, observer.clone(), cancel);
        with_store(config, options, observer, store, Box::new(master))
    }

    /// A client that asks a host for the master's data, and has it do what a repair changes there.
    /// Reads nothing of the mail spool; of the configuration's directory only the sync log of the
    /// channel, if it is asked to roll, the files that ask for users to be skipped, and what is
    /// remembered of servers that have TLS.
    pub fn with_host(
        config: Config,
        options: Options,
        observer: Arc<dyn Observer>,
        host: impl Store + 'static,
        writer: Option<Box<dyn HostWriter>>,
    ) -> Result<Client> {
        let channel = options.channel.as_deref();
        let skip = Paths::new(&config).sync_log(channel).with_file_name("skipuser-");
        let store = Arc::new(Checked::new(host, Namespace::new(&config), skip));
        let master = HostMaster::new(&config, channel, observer.clone(), writer);
        with_store(config, options, observer, store, Box::new(master))
    }

    /// The replica's name as configured.
    pub fn server(&self) -> &str {
        &self.runner.shared.settings.server
    }

    /// A handle with which any thread can ask this client to stop.
    pub fn canceller(&self) -> Cancel {
        self.runner.shared.cancel.clone()
    }

    /// The internal name of a mailbox as the command line gives it.
    pub fn internal_name(&self, external: &[u8]) -> Result<MboxName> {
        self.runner.shared.names.read_external(external)
    }

    /// Connects and logs in, unless that was already done.
    pub fn connect(&mut self) -> Result<()> {
        self.runner.worker.connect(&self.runner.shared)
    }

    /// Says goodbye to the replica. The next call that needs a connection makes a new one.
    pub fn disconnect(&mut self) {
        self.runner.worker.disconnect();
    }

    /// Has the replica let go of the message files that it keeps for this connection
    /// (`sync_do_restart`).
    pub fn restart(&mut self) -> Result<()> {
        self.runner.worker.release(&self.runner.shared)
    }

    /// What is known of the present connection.
    pub fn counters(&self) -> Counters {
        let worker = &self.runner.worker;
        Counters { traffic: worker.traffic(), staged_files: worker.staged_files() }
    }
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    /// Bytes that went over it; none without one.
    pub traffic: Option<Traffic>,
    /// Message files that the replica keeps for it, as far as is known.
    pub staged_files: u64,
}

/// A client of a store.
fn with_store(
    config: Config,
    mut options: Options,
    observer: Arc<dyn Observer>,
    store: Arc<dyn Store>,
    master: Box<dyn Master + Send>,
) -> Result<Client> {
    let channel = options.channel.as_deref();
    options.no_copyback |=
        config.channel_switch(channel, opt::SYNC_NO_COPYBACK) && !options.copyback;
    let fuse = fuse(&config, channel, options.allow_repair);
    let server = match &options.server {
        Some(server) => server.clone(),
        None => {
            let host = config.channel_string(channel, opt::SYNC_HOST);
            host.map(str::to_owned).ok_or_else(no_host)?
        }
    };
    let log = Paths::new(&config).sync_log(channel);
    let cache_path = config.channel_string(channel, opt::SYNC_CACHE_DB_PATH).map(PathBuf::from);
    let batch_size = config.channel_int(channel, opt::SYNC_BATCHSIZE);
    let check_messages = config.channel_switch(channel, opt::SYNC_CHECK_MESSAGES);
    let target = Target::parse(&server)?;
    let shared = Shared {
        names: Namespace::new(&config),
        connect: connection::settings(&config, &options, &target)?,
        target,
        settings: Settings {
            wait: if options.skip_locked { Wait::Fail } else { Wait::up_to(options.lock_patience) },
            server,
            channel: options.channel,
            partition: options.dest_partition,
            local_only: options.local_only,
            no_copyback: options.no_copyback,
            batch_size: u32::try_from(batch_size).unwrap_or(0),
            reverse_acls: config.switch(opt::REVERSEACLS),
            check_messages,
            scratch: config.string(opt::TEMP_PATH).unwrap_or("/tmp").into(),
            fuse,
        },
        interrupts: Interrupts::new(options.cancel.clone(), store.clone()),
        store,
        observer,
        cancel: options.cancel,
    };
    let reconnect = options.reconnect;
    Ok(Client {
        runner: Runner { shared, worker: Worker::new(master), reconnect },
        log,
        cache_path,
        last_used: Instant::now(),
    })
}

/// When a repair is refused on a channel.
fn fuse(config: &Config, channel: Option<&str>, allowed: AllowRepair) -> Fuse {
    let on = config.channel_switch(channel, opt::SYNC_REPAIR_FUSE);
    let most = config.channel_int(channel, opt::SYNC_REPAIR_MAX_EXPUNGE);
    Fuse {
        // A negative number is no limit.
        max_expunge: u64::try_from(most).ok(),
        allowed: if on { allowed } else { AllowRepair::ALL },
    }
}

fn no_host() -> Error {
    Error::new(Kind::Config, "choose", "replica", "sync_host not defined")
        .hint("set sync_host in imapd.conf or name the server with -S")
}
