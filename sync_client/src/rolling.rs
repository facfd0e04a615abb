//! Runs rolling replication: processes the channel's log repeatedly, or one log file once.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};

use crate::sys::syslog;
use cyrsync::program::BriefError;
use cyrsync::{Client, Ended, Error, Kind, Level, Pending};

use crate::connect::{self, NotConnected};
use crate::console::Console;
use crate::exit::{Exit, Fatal};
use crate::flags::Low;
use crate::list;
use crate::start::{self, Session};
use crate::systemd;
use crate::terminal::complain;

/// Replicates the entries of the channel's log, or of the given log file.
pub fn work(low: Low, mut session: Session) -> Result<Exit, Fatal> {
    if let Some(path) = &low.input_file {
        return Ok(file(path, &mut session));
    }
    loop {
        let Session { client, policy, rolling, .. } = &mut session;
        let exit = match client.roll_with(rolling) {
            Ok(Ended::Woken) => {
                systemd::reloading();
                reload(&low, &mut session);
                continue;
            }
            Ok(Ended::Stopped) => Exit::TempFail,
            // Deferred entries were put back into the log for the next run, as in Cyrus's client.
            Ok(Ended::ShutdownFile | Ended::Goodbye | Ended::Once { failed: 0, .. }) => Exit::Ok,
            Ok(Ended::Once { failed, .. }) => {
                complain(format!("{failed} parts of the log could not be replicated"));
                Exit::Failed
            }
            Ok(ended) => {
                complain(format!("rolling replication ended: {ended:?}"));
                Exit::Failed
            }
            Err(error) if is_of_connecting(&error) => {
                connect::give_up(client.server(), policy, &error);
                Exit::Failed
            }
            Err(error) => return Err(error.into()),
        };
        systemd::stopping();
        client.disconnect();
        return Ok(exit);
    }
}

/// Replaces the session by one with the current configuration. If that configuration cannot be
/// used, reports this and keeps the session, so that a typo does not stop replication.
fn reload(low: &Low, session: &mut Session) {
    match start::restart(low, session) {
        Ok(new) => {
            syslog::send(Level::Info, "SIGHUP: starting over with a new configuration");
            *session = new;
        }
        Err(fatal) => {
            let line = format!(
                "SIGHUP: the new configuration cannot be used, continuing with the old one: {}",
                fatal.message
            );
            complain(&line);
            syslog::send(Level::Error, &line);
            session.console.systemd.reloaded();
        }
    }
}

/// Returns whether rolling replication ended because it could not connect. imapd.conf was read
/// before, so an error of the configuration is one of the files that a connection needs.
fn is_of_connecting(error: &Error) -> bool {
    error.is_connection() || matches!(error.kind(), Kind::Config | Kind::Unsupported)
}

/// Replicates the entries of a log file once. Does not change the file.
fn file(path: &OsStr, session: &mut Session) -> Exit {
    let opened: io::Result<Box<dyn Read>> = if path == "-" {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(path).map(|file| Box::new(file) as _)
    };
    let log = match opened {
        Ok(log) => log,
        Err(error) => {
            let line = format!("Failed to open {}: {}", path.display(), list::reason(&error));
            complain(&line);
            session.console.alarm(line);
            return Exit::Failed;
        }
    };
    let Session { client, policy, console, .. } = session;
    let exit = match connect::connect(client, policy) {
        Ok(()) => process(client, console, log, &path.to_string_lossy()),
        Err(NotConnected::Stopped) => Exit::TempFail,
        Err(NotConnected::Unreachable) => Exit::Failed,
    };
    client.disconnect();
    exit
}

fn process(client: &mut Client, console: &Console, log: Box<dyn Read>, name: &str) -> Exit {
    let failed = |what: &str, error: &Error| {
        let line = format!("Processing sync log file failed: {what}: ");
        complain(format!("{line}{error}"));
        console.alarm(format!("{line}{}", BriefError(error)));
    };
    match client.process_log(log, name) {
        Ok(pending) if pending.is_empty() => Exit::Ok,
        Ok(pending) => {
            for Pending { items, error, .. } in &pending {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                failed(&items.join(", "), error);
            }
            Exit::Failed
        }
        Err(error) if error.kind() == Kind::Cancelled => Exit::TempFail,
        Err(error) => {
            failed(name, &error);
            Exit::Failed
        }
    }
}
