//! The public face: a [`Client`] replicates what a [`Config`] describes.

mod connection;
mod interrupt;
mod log;
mod master;
mod persist;
mod pieces;
mod plan;
mod reach;
mod roll;
mod verified;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::{Config, opt};
use crate::error::{Error, Kind, Result};
use crate::events::{Observer, RunEvent};
use crate::limits::REPLY_PER_LIST_BYTE;
use crate::names::{Namespace, Paths};
use crate::replica::{Replica, Session, Settings as ConnectSettings, Target};
use crate::rolling::cache::DiskCache;
use crate::schedule::{self, Interrupted, Report, Unit};
use crate::store::spool::Spool;
use crate::store::{Checked, HostWriter, Store, Wait};
use crate::sync;
use crate::sync::{Care, Fuse, Master, Pass, Settings, Staged};
use crate::types::{MboxName, Text, UserId};
use interrupt::Interrupts;
use master::{HostMaster, NativeMaster};

pub use crate::rolling::run::Undone;
pub use crate::sync::{AllowRepair, Cancel, Waited};
pub use plan::OnStep;
pub use reach::Persistence;
pub use roll::{Ended, Rolling};
pub use verified::{forget_tls, verified_servers};

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

/// A replication client for one replica. Not tied to a thread; one thread at a time.
pub struct Client {
    store: Arc<dyn Store>,
    namespace: Namespace,
    observer: Arc<dyn Observer>,
    cancel: Cancel,
    interrupts: Arc<Interrupts>,
    settings: Settings,
    target: Target,
    connect: ConnectSettings,
    session: Option<Session>,
    staged: Staged,
    /// Over what connections were lost.
    care: Care,
    reconnect: Option<Persistence>,
    /// The sync log of the channel.
    log: PathBuf,
    /// What the replica has, remembered.
    cache: Option<DiskCache>,
    cache_path: Option<PathBuf>,
    /// How a repair writes to the master.
    master: Box<dyn Master + Send>,
    /// The end of the last checkpoint.
    last_used: Instant,
}

/// What a client lends to whoever works with its [`Pass`].
struct Context<'c> {
    names: &'c Namespace,
    observer: &'c dyn Observer,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.settings.server)
            .field("connected", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that reads the spool of `config` natively. Opens nothing on the network.
    ///
    /// The process must not hold Cyrus's files open by other means: see the lock hazard in
    /// [`crate::sys::lock`].
    pub fn new(config: Config, options: Options, observer: Arc<dyn Observer>) -> Result<Client> {
        let channel = options.channel.as_deref();
        let spool = Spool::open(&config, observer.clone())?;
        let store =
            Arc::new(spool.for_channel(channel).with_patience(Wait::up_to(options.lock_patience)));
        let cancel = options.cancel.flag().clone();
        let master = NativeMaster::new(&config, store.clone(), channel, observer.clone(), cancel);
        Client::with_store(config, options, observer, store, Box::new(master))
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
        Client::with_store(config, options, observer, store, Box::new(master))
    }

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
        Ok(Client {
            namespace: Namespace::new(&config),
            connect: connection::settings(&config, &options, &target)?,
            target,
            settings: Settings {
                wait: if options.skip_locked {
                    Wait::Fail
                } else {
                    Wait::up_to(options.lock_patience)
                },
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
            session: None,
            staged: Staged::default(),
            care: Care::default(),
            reconnect: options.reconnect,
            log,
            cache: None,
            cache_path,
            master,
            last_used: Instant::now(),
        })
    }

    /// The replica's name as configured.
    pub fn server(&self) -> &str {
        &self.settings.server
    }

    /// A handle with which any thread can ask this client to stop.
    pub fn canceller(&self) -> Cancel {
        self.cancel.clone()
    }

    /// The internal name of a mailbox as the command line gives it.
    pub fn internal_name(&self, external: &[u8]) -> Result<MboxName> {
        self.namespace.from_external(external)
    }

    /// Connects and logs in, unless that was already done.
    pub fn connect(&mut self) -> Result<()> {
        if self.session.is_none() {
            let (observer, cancel) = (self.observer.clone(), self.cancel.flag().clone());
            let interrupt = Some(self.interrupts.clone() as _);
            let mut session =
                Session::connect(&self.target, &self.connect, observer, cancel, interrupt)?;
            session.expect(self.store.list_bytes().saturating_mul(REPLY_PER_LIST_BYTE));
            self.session = Some(session);
            self.staged = Staged::default();
        }
        Ok(())
    }

    /// Says goodbye to the replica. The next call that needs a connection makes a new one.
    pub fn disconnect(&mut self) {
        if let Some(session) = self.session.take() {
            session.close();
        }
    }

    /// Replicates one user with all mailboxes, quotas, subscriptions, sieve scripts, seen state.
    pub fn sync_user(&mut self, user: &UserId) -> Result<()> {
        self.persistently(|pass, _| sync::user(pass, user, None))
    }

    /// Replicates the named mailboxes, of whichever users.
    pub fn sync_mailboxes(&mut self, names: &[MboxName]) -> Result<()> {
        self.persistently(|pass, _| sync::mailboxes(pass, names))
    }

    /// Replicates seen state, subscriptions and sieve scripts of a user.
    pub fn sync_meta(&mut self, user: &UserId) -> Result<()> {
        self.persistently(|pass, _| sync::meta(pass, user))
    }

    /// Replicates every user and every shared mailbox whose name begins with `prefix`, and
    /// without one the server's annotations too. `each` hears how every unit ended; a failure
    /// stops no other unit. A unit that loses the
    /// connection is tried once more over a new one.
    ///
    /// # Errors
    /// Those of the connection, if they stay; [`Kind::Corrupt`] and [`Kind::Io`] of mailboxes.db,
    /// after all that could be found in it was replicated.
    pub fn sync_all(
        &mut self,
        prefix: &[u8],
        each: &mut dyn FnMut(&Unit, &Result<()>),
    ) -> Result<Report> {
        let mut report = Report::default();
        let (mut rest, unlisted) =
            schedule::all_units(self.store.as_ref(), &self.namespace, prefix);
        while !rest.is_empty() {
            let units = std::mem::take(&mut rest);
            let count = units.len();
            self.connect()?;
            self.care = Care::default();
            let ended =
                self.with_syncer(|pass, _| Ok(schedule::run(pass, units, &mut report, each)))?;
            let Err(Interrupted { unit, rest: left, error }) = ended else { break };
            self.disconnect();
            if error.is_final() {
                return Err(error);
            }
            rest = left;
            match unit {
                Some(unit) => {
                    let result = self.go_on_after(error, &mut |pass, _| unit.run(pass))?;
                    report.ended(&unit, &result, each);
                }
                // Without a unit that ended it would never end.
                None if rest.len() >= count => return Err(error),
                None => {}
            }
        }
        unlisted.map_or(Ok(report), Err)
    }

    /// Remembers what the replica has from now on, if imapd.conf names a place for that.
    fn open_cache(&mut self) {
        let Some(path) = self.cache_path.as_ref().filter(|_| self.cache.is_none()) else { return };
        match DiskCache::open(path, &self.settings.server) {
            Ok(cache) => self.cache = Some(cache),
            Err(error) => {
                self.observer.event(&RunEvent::NoCache { error }.into());
            }
        }
    }

    fn with_syncer<T>(
        &mut self,
        work: impl FnOnce(&mut Pass<'_>, Context<'_>) -> Result<T>,
    ) -> Result<T> {
        self.connect()?;
        let Some(session) = self.session.as_mut() else {
            return Err(Error::new(Kind::Internal, "use", "connection", "there is none"));
        };
        let mut pass = Pass::new(
            self.store.as_ref(),
            &self.namespace,
            session,
            &self.settings,
            self.observer.as_ref(),
            &self.cancel,
            &mut self.staged,
        );
        pass.cache = self.cache.as_mut().map(|cache| cache as _);
        pass.master = Some(self.master.as_mut());
        pass.care = Some(&mut self.care);
        let context = Context { names: &self.namespace, observer: self.observer.as_ref() };
        let result = work(&mut pass, context);
        // A wait that was ended leaves a connection with which nothing can be done.
        if result.as_ref().is_err_and(Error::is_connection)
            || self.session.as_ref().is_some_and(Session::is_dead)
        {
            self.session = None;
        }
        result
    }
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

impl Drop for Client {
    fn drop(&mut self) {
        self.disconnect();
    }
}
