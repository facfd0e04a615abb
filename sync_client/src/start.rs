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
use cyrsync::option::{DEFAULT_PATH, RetryPolicy, Rolling};
use cyrsync::program::Process;
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

/// A function that creates the client. A program with another mail store passes its own.
pub type NewClient = fn(Settings, Cancel, Arc<dyn Observer>) -> cyrsync::Result<Client>;

/// A client with everything that a mode needs to run.
pub struct Session {
    /// Creates a new client after the configuration was read again.
    pub new_client: NewClient,
    pub client: Client,
    pub console: Arc<Console>,
    pub reporter: Arc<Reporter>,
    pub policy: Policy,
    pub rolling: Rolling,
}

/// The settings that control how the program connects.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// When to retry a failed connection (`-o`, `sync_reconnect_maxwait`).
    pub retry_policy: RetryPolicy,
    /// Whether a connection without compression is an error (`-z`).
    pub require_compression: bool,
}

/// Prepares a run. Returns `Err` if the program should end without a run: with an exit code, or
/// with an error that must be reported.
pub fn start(mode: Mode, low: &Low, new_client: NewClient) -> Result<Session, Result<Exit, Fatal>> {
    let configured = configure(low).map_err(Err)?;
    let rolls_on = low.background && low.input_file.is_none() && !low.dry_run;
    if rolls_on && env::var_os("CYRUS_ISDAEMON").is_none() {
        // Forks before the first thread starts, because a fork copies only one thread.
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

/// Reads the configuration again and creates a new client. The new client gets the cancel handle of
/// the last client, so signals stop the new client too. If this fails, the last client can continue:
/// nothing of this process was changed.
pub fn restart(low: &Low, last: &Session) -> Result<Session, Fatal> {
    let config = load(low)?;
    let settings = with_replica(resolve(&config, low)?)?;
    let (cancel, reporter) = (last.client.canceller(), last.reporter.clone());
    let mut session = session(low, settings, cancel, reporter, last.new_client)?;
    // A running client tries again even if a file of certificates is just being replaced.
    session.rolling.retry_policy.even_if_refused = true;
    apply(&config, low)?;
    Ok(session)
}

/// Creates the console, which writes events and traffic.
pub fn console(low: &Low) -> Console {
    Console {
        // With `--dry-run --json`, stdout contains only the plan, in JSON.
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
    let policy = Policy {
        retry_policy: settings.rolling().retry_policy,
        require_compression: settings.require_compression(),
    };
    let rolling = settings.rolling().clone();
    let client = new_client(settings, cancel, console.clone())?;
    reporter.follow(Progress::from(&client));
    Ok(Session { new_client, client, console, reporter, policy, rolling })
}

/// Reads the settings. Fails with [`Exit::Software`] if they name no replica.
fn configure(low: &Low) -> Result<Settings, Fatal> {
    with_replica(settings(low)?)
}

fn with_replica(settings: Settings) -> Result<Settings, Fatal> {
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

/// Reads imapd.conf and applies it to this process: user, log and umask. Logs notes about doubtful
/// lines, such as outdated options.
pub fn config(low: &Low) -> Result<Config, Fatal> {
    open_log(low);
    let config = load(low)?;
    apply(&config, low)?;
    Ok(config)
}

fn load(low: &Low) -> Result<Config, Fatal> {
    Config::load(config_file(low)).map_err(|error| unreadable(config_file(low), error))
}

/// Applies a configuration to this process, and logs its notes.
fn apply(config: &Config, low: &Low) -> Result<(), Fatal> {
    become_what_it_says(config, low)?;
    config.notes().iter().for_each(|note| syslog::send(Level::Warning, note));
    Ok(())
}

fn config_file(low: &Low) -> &OsStr {
    low.config.as_deref().unwrap_or(OsStr::new(DEFAULT_PATH))
}

fn built_in_facility() -> Facility {
    SYSLOG_FACILITY.and_then(Facility::from_name).unwrap_or(Facility::LOCAL6)
}

/// Opens the log, then reads imapd.conf.
pub fn read(low: &Low) -> Result<Config, LibraryError> {
    // The log is opened first, so that errors in the configuration are logged.
    open_log(low);
    Config::load(config_file(low))
}

/// Opens the log with the settings that apply before imapd.conf is read.
fn open_log(low: &Low) {
    let prefix = env::var("CYRUS_SYSLOG_PREFIX").ok().or(SYSLOG_PREFIX.map(str::to_owned));
    syslog::open(&ident(prefix.as_deref()), built_in_facility(), low.verbose > 1);
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

/// Converts an error of imapd.conf. If the file cannot be opened, the message is that of Cyrus. For
/// an error within the file, or of a file that it includes, the message is that of the library.
fn unreadable(path: &OsStr, error: LibraryError) -> Fatal {
    let cause = std::error::Error::source(&error).and_then(|e| e.downcast_ref::<io::Error>());
    let is_main = *error.subject() == path.display().to_string();
    let message = match cause.filter(|_| is_main) {
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
    let facility = name.map(|name| {
        Facility::from_name(name).unwrap_or_else(|| {
            let line = format!("config error: syslog name {name} not recognised");
            syslog::send(Level::Error, line);
            built_in
        })
    });
    let environment = env::var("CYRUS_SYSLOG_PREFIX").ok();
    let prefix = environment.as_deref().or(prefix).or(SYSLOG_PREFIX);
    // Opens the log even if no option is set: before SIGHUP, one may have been set.
    syslog::open(&ident(prefix), facility.unwrap_or(built_in), echo);
    syslog::show_debug(process.debug);
}

fn ident(prefix: Option<&str>) -> String {
    match prefix {
        Some(prefix) => format!("{prefix}/sync_client"),
        None => "sync_client".to_owned(),
    }
}
