//! From what was typed to a client that can work: configuration, log, identity (`cyrus_init` in
//! Cyrus's `imap/global.c`), and the replica's name.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cyrsync::config::{self, Config, opt};
use cyrsync::engine::{AllowRepair, Cancel, Client, Options, Persistence, Rolling, Waited};
use cyrsync::error::Error as LibraryError;
use cyrsync::events::Level;
use cyrsync::sys::daemon::{self, Side};
use cyrsync::sys::identity;
use cyrsync::sys::syslog::{self, Facility};
use cyrsync::types::Text;

use crate::console::{Console, complain};
use crate::exit::{Exit, Fatal};
use crate::flags::{Low, Mode};
use crate::list;
use crate::signals::{self, Stop};
use crate::traffic::Wire;

/// What Cyrus has fixed when it is built; a packager does so here by the environment of the
/// build: Debian's Cyrus logs as `cyrus/sync_client` to `mail`.
const CYRUS_USER: Option<&str> = option_env!("CYRSYNC_CYRUS_USER");
const SYSLOG_PREFIX: Option<&str> = option_env!("CYRSYNC_SYSLOG_PREFIX");
const SYSLOG_FACILITY: Option<&str> = option_env!("CYRSYNC_SYSLOG_FACILITY");

/// After so many seconds the replica is told to let go of everything, unless -t says otherwise.
const RESTART_AFTER: i32 = 600;
/// How long rolling replication waits for a lock before it goes on with something else.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// Everything resolved.
pub struct Session {
    pub client: Client,
    pub policy: Policy,
    /// How to roll, for rolling replication.
    pub rolling: Rolling,
}

/// How the program connects.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// `-o`, `sync_reconnect_maxwait`
    pub persistence: Persistence,
    /// `-z`
    pub require_compress: bool,
}

/// Gets ready to work. `Err` is the end: with what to tell, if there is something to tell.
pub fn start(mode: Mode, low: &Low) -> Result<Session, Result<Exit, Fatal>> {
    let configured = configure(low).map_err(Err)?;
    if low.background && low.input_file.is_none() && env::var_os("CYRUS_ISDAEMON").is_none() {
        // Before there are threads.
        match daemon::detach() {
            Ok(Side::Daemon) => {}
            Ok(Side::Caller) => return Err(Ok(Exit::Ok)),
            Err(error) => return Err(Err(Fatal::new(Exit::Failed, format!("fork: {error}")))),
        }
    }
    let stop = if mode == Mode::Rolling { Stop::Soon } else { Stop::Now };
    let cancel = Cancel::default();
    signals::answer(stop, cancel.clone()).map_err(|error| {
        Err(Fatal::new(Exit::TempFail, format!("unable to install signal handlers: {error}")))
    })?;
    if let Some(seconds) = u64::try_from(low.wait).ok().filter(|&seconds| seconds > 0) {
        complain(format!("Waiting for {seconds} seconds for gdb attach..."));
        if cancel.wait(Duration::from_secs(seconds)) == Waited::Stop {
            return Err(Ok(Exit::TempFail));
        }
    }
    session(low, configured, cancel).map_err(Err)
}

/// Reads the configuration anew and makes a new client, which can be asked to stop as the last.
pub fn restart(low: &Low, cancel: Cancel) -> Result<Session, Fatal> {
    session(low, configure(low)?, cancel)
}

fn session(low: &Low, configured: (Config, String), cancel: Cancel) -> Result<Session, Fatal> {
    let (config, server) = configured;
    let longest_pause = u64::try_from(config.seconds(opt::SYNC_RECONNECT_MAXWAIT)).ok();
    let persistence = Persistence {
        once: low.connect_once,
        longest_pause: longest_pause.filter(|&seconds| seconds > 0).map(Duration::from_secs),
        ..Persistence::default()
    };
    let console = Console {
        print_actions: low.verbose > 0,
        log_actions: low.log_actions,
        show_wire: low.verbose > 1,
        wire: Mutex::new(Wire::new(low.verbose > 2)),
        ..Console::default()
    };
    let rolling = rolling(low, &config, persistence);
    let allow_repair = allow_repair(low)?;
    let reconnect = Some(persistence);
    let options = Options { cancel, allow_repair, reconnect, ..options(low, server) };
    let client = crate::client::new(config, options, Arc::new(console))?;
    let policy = Policy { persistence, require_compress: low.require_compress };
    Ok(Session { client, policy, rolling })
}

fn rolling(low: &Low, config: &Config, persistence: Persistence) -> Rolling {
    let channel = text(low.channel.as_ref());
    let channel = channel.as_deref();
    let seconds = |number: i32| Duration::from_secs(u64::try_from(number).unwrap_or(0));
    let configured = config.channel_string(channel, opt::SYNC_SHUTDOWN_FILE).map(PathBuf::from);
    Rolling {
        interval: match low.delay {
            0 => config.channel_duration(channel, opt::SYNC_REPEAT_INTERVAL),
            delay => seconds(delay),
        },
        restart_after: seconds(low.timeout.unwrap_or(RESTART_AFTER)),
        shutdown_file: low.shutdown_file.as_ref().map(PathBuf::from).or(configured),
        once: low.one_log,
        persistence,
    }
}

fn configure(low: &Low) -> Result<(Config, String), Fatal> {
    let config = configuration(low)?;
    let channel = text(low.channel.as_ref());
    let server = text(low.server.as_ref());
    let configured =
        || config.channel_string(channel.as_deref(), opt::SYNC_HOST).map(str::to_owned);
    let server = server
        .or_else(configured)
        .ok_or_else(|| Fatal::new(Exit::Software, "sync_host not defined"))?;
    Ok((config, server))
}

/// Reads imapd.conf, and becomes what it says: the cyrus user, with its log and umask.
pub fn configuration(low: &Low) -> Result<Config, Fatal> {
    let echo = low.verbose > 1;
    let facility = SYSLOG_FACILITY.and_then(Facility::from_name).unwrap_or(Facility::LOCAL6);
    // Before the configuration is read, so that what is wrong with it is logged.
    let prefix = env::var("CYRUS_SYSLOG_PREFIX").ok().or(SYSLOG_PREFIX.map(str::to_owned));
    syslog::open(&ident(prefix.as_deref()), facility, echo);

    let path = low.config.as_deref().unwrap_or(OsStr::new(config::DEFAULT_PATH));
    let config = Config::load(path).map_err(|error| unreadable(path, error))?;
    if identity::is_root() {
        become_cyrus(&config)?;
    }
    reopen_log(&config, facility, echo);
    for note in config.notes() {
        syslog::send(Level::Warning, note);
    }
    identity::set_umask(umask(config.string(opt::UMASK).unwrap_or_default()));
    Ok(config)
}

/// Cyrus's words where the file cannot be opened; the library's where something is in it.
fn unreadable(path: &OsStr, error: LibraryError) -> Fatal {
    let cause = std::error::Error::source(&error).and_then(|e| e.downcast_ref::<io::Error>());
    let message = match cause {
        Some(cause) => {
            format!("can't open configuration file {}: {}", path.display(), list::reason(cause))
        }
        None => error.to_string(),
    };
    Fatal::new(Exit::Config, message)
}

/// `become_cyrus` in `lib/util.c`.
fn become_cyrus(config: &Config) -> Result<(), Fatal> {
    let from_environment = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let user = from_environment("CYRUS_USER")
        .or_else(|| config.string(opt::CYRUS_USER).map(str::to_owned))
        .unwrap_or_else(|| CYRUS_USER.unwrap_or("cyrus").to_owned());
    let group = from_environment("CYRUS_GROUP")
        .or_else(|| config.string(opt::CYRUS_GROUP).map(str::to_owned));
    identity::become_user(&user, group.as_deref()).map_err(|error| {
        let reason = error.to_string();
        complain(&reason);
        syslog::send(Level::Error, &reason);
        Fatal::new(Exit::Usage, "must run as the Cyrus user")
    })
}

fn reopen_log(config: &Config, built_in: Facility, echo: bool) {
    let name = config.string(opt::SYSLOG_FACILITY);
    let prefix = config.string(opt::SYSLOG_PREFIX);
    if name.is_some() || prefix.is_some() {
        let facility = name.map(|name| {
            Facility::from_name(name).unwrap_or_else(|| {
                let line = format!("config error: syslog name {name} not recognised");
                syslog::send(Level::Error, line);
                built_in
            })
        });
        let environment = env::var("CYRUS_SYSLOG_PREFIX").ok();
        let prefix = environment.as_deref().or(prefix).or(SYSLOG_PREFIX);
        syslog::open(&ident(prefix), facility.unwrap_or(built_in), echo);
    }
    if !config.switch(opt::DEBUG) {
        syslog::drop_debug();
    }
}

fn ident(prefix: Option<&str>) -> String {
    match prefix {
        Some(prefix) => format!("{prefix}/sync_client"),
        None => "sync_client".to_owned(),
    }
}

/// Octal digits; anything else between them is passed over, as `cyrus_init` does.
fn umask(text: &str) -> u32 {
    let digits = text.bytes().filter(|byte| (b'0'..=b'7').contains(byte));
    digits.fold(0, |mask: u32, digit| mask.wrapping_mul(8) | u32::from(digit - b'0'))
}

fn text(word: Option<&OsString>) -> Option<String> {
    word.map(|word| word.to_string_lossy().into_owned())
}

/// What repairs may do in this run; a daemon must not go on with that for ever.
fn allow_repair(low: &Low) -> Result<AllowRepair, Fatal> {
    match low.allow_repair.as_deref().filter(|_| low.mode != Some(Mode::Rolling)) {
        Some(words) => AllowRepair::from_words(&words.to_string_lossy())
            .map_err(|error| Fatal::new(Exit::Usage, error.to_string())),
        None => Ok(AllowRepair::default()),
    }
}

fn options(low: &Low, server: String) -> Options {
    // Without -u and -m the partition has no effect, as with Cyrus.
    let has_effect = matches!(low.mode, Some(Mode::Users | Mode::Mailboxes));
    let partition = low.partition.as_ref().filter(|_| has_effect);
    Options {
        channel: text(low.channel.as_ref()),
        server: Some(server),
        dest_partition: partition.map(|name| Text::new(name.as_bytes())),
        local_only: low.local_only,
        skip_locked: low.skip_locked,
        no_copyback: low.no_copyback,
        copyback: low.copyback,
        archive: low.archive,
        require_compress: low.require_compress,
        // Without a channel there is nowhere to put what is locked in a log file.
        lock_patience: match (low.mode, &low.input_file, &low.channel) {
            (Some(Mode::Rolling), Some(_), None) => None,
            (Some(Mode::Rolling), _, _) => Some(LOCK_PATIENCE),
            _ => None,
        },
        ..Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umask_is_octal_and_forgiving() {
        assert_eq!((umask("077"), umask("22"), umask("0x27"), umask("")), (0o77, 0o22, 0o27, 0));
    }

    #[test]
    fn what_was_typed_becomes_the_clients_options() {
        let low = Low {
            mode: Some(Mode::Users),
            partition: Some("fast".into()),
            skip_locked: true,
            ..Low::default()
        };
        let resolved = options(&low, "replica".into());
        assert_eq!(resolved.server.as_deref(), Some("replica"));
        assert_eq!(resolved.dest_partition, Some(Text::from("fast")));
        assert!(resolved.skip_locked && !resolved.no_copyback);
        let all = Low { mode: Some(Mode::All), ..low };
        assert_eq!(options(&all, "replica".into()).dest_partition, None);
    }

    #[test]
    fn repairs_are_allowed_more_for_one_run_only() {
        let low = Low {
            mode: Some(Mode::Mailboxes),
            allow_repair: Some("expunge,scripts".into()),
            ..Low::default()
        };
        let allowed = allow_repair(&low).expect("these are words");
        assert!(allowed.expunge && allowed.scripts && !allowed.annotations && !allowed.uids);
        let rolling = Low { mode: Some(Mode::Rolling), ..low };
        assert_eq!(allow_repair(&rolling).expect("nothing"), AllowRepair::default());
        let wrong =
            Low { mode: Some(Mode::Users), allow_repair: Some("much".into()), ..Low::default() };
        assert_eq!(allow_repair(&wrong).expect_err("no word").exit, Exit::Usage);
    }
}
