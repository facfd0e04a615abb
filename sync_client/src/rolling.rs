//! Runs rolling replication: processes the channel's log repeatedly, or one log file once.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};

use crate::sys::syslog;
use cyrsync::event::Mention;
use cyrsync::{Client, Ended, Error, Kind, Level, Undone};

use crate::connect::{self, NotConnected};
use crate::console::Console;
use crate::exit::{Exit, Fatal};
use crate::flags::Low;
use crate::list;
use crate::start::{self, Session};
use crate::systemd;
use crate::terminal::complain;

/// Replicates what the channel's log or the given log file lists.
pub fn work(low: Low, mut session: Session) -> Result<Exit, Fatal> {
    if let Some(path) = &low.input_file {
        return Ok(file(path, &mut session));
    }
    loop {
        let Session { client, policy, rolling, .. } = &mut session;
        let exit = match client.roll(rolling) {
            Ok(Ended::Woken) => {
                syslog::send(Level::Info, "SIGHUP: starting over with a new configuration");
                systemd::reloading();
                session = start::restart(&low, &session)?;
                continue;
            }
            Ok(Ended::Stopped) => Exit::TempFail,
            // Deferred entries are in the log for the next run, as with Cyrus's client.
            Ok(Ended::ShutdownFile | Ended::Goodbye | Ended::Once { failed: 0, .. }) => Exit::Ok,
            Ok(Ended::Once { failed, .. }) => {
                complain(format!("{failed} parts of the log could not be replicated"));
                Exit::Failed
            }
            Err(error) if error.kind() == Kind::Locked || !error.is_connection() => {
                return Err(error.into());
            }
            Err(error) => {
                connect::give_up(client.server(), policy, &error);
                Exit::Failed
            }
        };
        systemd::stopping();
        client.disconnect();
        return Ok(exit);
    }
}

/// Replicates what a log file lists, once. Does not change the file.
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
        console.alarm(format!("{line}{}", Mention(error)));
    };
    match client.process_log(log, name) {
        Ok(undone) if undone.is_empty() => Exit::Ok,
        Ok(undone) => {
            for Undone { items, error, .. } in &undone {
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
