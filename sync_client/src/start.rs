//! Creates a client from the command line: reads the configuration, opens the log, becomes the
//! cyrus user (`cyrus_init` in Cyrus's `imap/global.c`), and finds the replica's name.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::sys::daemon::{self, Side};
use crate::sys::identity;
use crate::sys::syslog::{self, Facility};
use cyrsync::option::{DEFAULT_PATH, Persistence, Process, Rolling};
use cyrsync::{
    Cancel, Client, Config, Error as LibraryError, Level, Observer, Progress, Settings, Waited,
};

use crate::console::{Console, There};
use crate::exit::{Exit, Fatal};
use crate::flags::{Low, Mode};
use crate::list;
use crate::overrides::{exclude_from, overrides, text};
use crate::progress::Reporter;
use crate::signals::{self, Stop};
use crate::terminal::complain;
use crate::traffic::Wire;

/// Defaults that are fixed at build time, as in Cyrus. A packager sets them with environment
/// variables of the build. Debian's Cyrus logs as `cyrus/sync_client` to `mail`.
const CYRUS_USER: Option<&str> = option_env!("CYRSYNC_CYRUS_USER");
const SYSLOG_PREFIX: Option<&str> = option_env!("CYRSYNC_SYSLOG_PREFIX");
const SYSLOG_FACILITY: Option<&str> = option_env!("CYRSYNC_SYSLOG_FACILITY");

/// A function that creates the client: [`Client::new`], or one that uses another mail store.
pub type NewClient = fn(Settings, Cancel, Arc<dyn Observer>) -> cyrsync::Result<Client>;

/// A client with everything that a mode needs to run.
pub struct Session {
    /// Creates a new client after the configuration was read again.
    pub new_client: NewClient,
    pub client: Client,
    pub console: Arc<Console>,
    pub reporter: Arc<Reporter>,
    pub policy: Policy,
    /// Settings of rolling replication.
    pub rolling: Rolling,
}

/// The settings that control how the program connects.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// `-o`, `sync_reconnect_maxwait`
    pub persistence: Persistence,
    /// `-z`
    pub require_compression: bool,
}

/// Prepares a run. Returns `Err` if the program should end now: with an exit code, or with an error
/// to report.
pub fn start(mode: Mode, low: &Low, new_client: NewClient) -> Result<Session, Result<Exit, Fatal>> {
    let configured = configure(low).map_err(Err)?;
    let rolls_on = low.background && low.input_file.is_none() && !low.dry_run;
    if rolls_on && env::var_os("CYRUS_ISDAEMON").is_none() {
        // This must come before the first thread starts: a fork copies only one thread.
        match daemon::detach() {
            Ok(Side::Daemon) => {}
            Ok(Side::Caller) => return Err(Ok(Exit::Ok)),
            Err(error) => return Err(Err(Fatal::new(Exit::Failed, format!("fork: {error}")))),
        }
    }
    let stop = if mode == Mode::Rolling { Stop::Soon } else { Stop::Now };
    let cancel = Cancel::default();
    let reporter = Arc::new(Reporter::default());
    signals::answer(stop, cancel.clone(), reporter.on_request()).map_err(|error| {
        Err(Fatal::new(Exit::TempFail, format!("unable to install signal handlers: {error}")))
    })?;
    if let Some(seconds) = u64::try_from(low.wait).ok().filter(|&seconds| seconds > 0) {
        complain(format!("Waiting for {seconds} seconds for gdb attach..."));
        if cancel.wait(Duration::from_secs(seconds)) == Waited::Stop {
            return Err(Ok(Exit::TempFail));
        }
    }
    session(low, configured, cancel, reporter, new_client).map_err(Err)
}

/// Reads the configuration again and creates a new client. The new client shares the last one's
/// handle to cancel it, so signals still stop it.
pub fn restart(low: &Low, last: &Session) -> Result<Session, Fatal> {
    let (cancel, reporter) = (last.client.canceller(), last.reporter.clone());
    session(low, configure(low)?, cancel, reporter, last.new_client)
}

/// Creates the console, which writes events and traffic.
pub fn console(low: &Low) -> Console {
    Console {
        // With `--dry-run --json`, stdout contains only the plan in JSON.
        print_actions: low.verbose > 0 && !(low.json && low.dry_run),
        log_actions: low.log_actions,
        json: low.json && !low.dry_run,
        show_wire: low.verbose > 1,
        wire: Mutex::new(Wire::new(low.verbose > 2)),
        there: Mutex::new((low.mode != Some(Mode::Rolling)).then(There::default)),
        is_followed: low.progress || io::stderr().is_terminal(),
        names_typed: matches!(low.mode, Some(Mode::Users | Mode::Mailboxes | Mode::Meta)),
        ..Console::default()
    }
}

fn session(
    low: &Low,
    settings: Settings,
    cancel: Cancel,
    reporter: Arc<Reporter>,
    new_client: NewClient,
) -> Result<Session, Fatal> {
    let replica = settings.replica()?;
    let console = Arc::new(Console { reporter: reporter.clone(), replica, ..console(low) });
    let rolling = settings.rolling().clone();
    let policy = Policy {
        persistence: rolling.persistence,
        require_compression: settings.require_compression(),
    };
    let client = new_client(settings, cancel, console.clone())?;
    reporter.follow(Progress::from(&client));
    Ok(Session { new_client, client, console, reporter, policy, rolling })
}

/// Reads the settings. Fails with [`Exit::Software`] if they name no replica.
fn configure(low: &Low) -> Result<Settings, Fatal> {
    let settings = settings(low)?;
    match settings.replica() {
        Ok(_) => Ok(settings),
        Err(_) => Err(Fatal::new(Exit::Software, "sync_host not defined")),
    }
}

/// Reads imapd.conf, applies it to this process like [`config`], and returns the settings.
pub fn settings(low: &Low) -> Result<Settings, Fatal> {
    // Errors of the command line are reported before imapd.conf is read.
    overrides(low)?;
    resolve(&config(low)?, low)
}

/// Combines a configuration with the command line.
pub fn resolve(config: &Config, low: &Low) -> Result<Settings, Fatal> {
    let channel = text(low.channel.as_ref());
    let mut overrides = overrides(low)?;
    overrides.exclude.extend(exclude_from(low)?);
    Ok(Settings::resolve(config, channel.as_deref(), &overrides)?)
}

/// Reads imapd.conf and applies it to this process: user, log and umask. Logs what is wrong in it.
pub fn config(low: &Low) -> Result<Config, Fatal> {
    let config = read(low).map_err(|error| unreadable(config_file(low), error))?;
    become_what_it_says(&config, low)?;
    for note in config.notes() {
        syslog::send(Level::Warning, note);
    }
    Ok(config)
}

fn config_file(low: &Low) -> &OsStr {
    low.config.as_deref().unwrap_or(OsStr::new(DEFAULT_PATH))
}

fn built_in_facility() -> Facility {
    SYSLOG_FACILITY.and_then(Facility::from_name).unwrap_or(Facility::LOCAL6)
}

/// Reads imapd.conf.
pub fn read(low: &Low) -> Result<Config, LibraryError> {
    // Opens the log first, so that errors in the configuration are logged.
    let prefix = env::var("CYRUS_SYSLOG_PREFIX").ok().or(SYSLOG_PREFIX.map(str::to_owned));
    syslog::open(&ident(prefix.as_deref()), built_in_facility(), low.verbose > 1);
    Config::load(config_file(low))
}

/// Applies a configuration to this process: becomes the cyrus user and sets its log and umask.
pub fn become_what_it_says(config: &Config, low: &Low) -> Result<(), Fatal> {
    let process = Process::of(config);
    if identity::is_root() {
        become_cyrus(&process)?;
    }
    reopen_log(&process, built_in_facility(), low.verbose > 1);
    identity::set_umask(process.umask);
    Ok(())
}

/// Converts an error of imapd.conf. A file that cannot be opened gets Cyrus's message; an error
/// within the file keeps the library's.
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

/// Becomes the cyrus user (`become_cyrus` in `lib/util.c`).
fn become_cyrus(process: &Process) -> Result<(), Fatal> {
    let from_environment = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let user = from_environment("CYRUS_USER")
        .or_else(|| process.cyrus_user.clone())
        .unwrap_or_else(|| CYRUS_USER.unwrap_or("cyrus").to_owned());
    let group = from_environment("CYRUS_GROUP").or_else(|| process.cyrus_group.clone());
    identity::become_user(&user, group.as_deref()).map_err(|error| {
        let reason = error.to_string();
        complain(&reason);
        syslog::send(Level::Error, &reason);
        Fatal::new(Exit::Usage, "must run as the Cyrus user")
    })
}

fn reopen_log(process: &Process, built_in: Facility, echo: bool) {
    let name = process.syslog_facility.as_deref();
    let prefix = process.syslog_prefix.as_deref();
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
    if !process.debug {
        syslog::drop_debug();
    }
}

fn ident(prefix: Option<&str>) -> String {
    match prefix {
        Some(prefix) => format!("{prefix}/sync_client"),
        None => "sync_client".to_owned(),
    }
}
