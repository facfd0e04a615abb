//! Every line that the executor logs, in Cyrus's words.

use std::fmt::Display;
use std::path::Path;

use super::log::entry::LogEntry;
use super::notice::Notice;
use super::outcome::Undone;
use super::retry::Why;
use crate::error::Error;
use crate::observe::{Level, Observer};
use crate::types::UserId;

/// Reports a notice about the work on `server`; `work` is the work file.
pub fn notice(notice: &Notice, work: &Path, server: &str, observer: &dyn Observer) {
    let log = |level, line: String| observer.log(level, &line);
    match notice {
        Notice::Reprocessing => {
            log(Level::Notice, format!("Reprocessing sync log file {}", work.display()));
        }
        Notice::Garbage { line, what } => garbage(work, *line, what, observer),
        Notice::LogFailed(error) => log(Level::Error, format!("SYNCERROR: {error}")),
        Notice::Lent => log(
            Level::Warning,
            format!(
                "SYNCNOTICE: another client works on this channel: its work file {} is left \
                 alone, and what is not done is put back to the log; stop one of the two",
                work.display()
            ),
        ),
        Notice::NotConnected { error, is_new, although_refused, pause } => {
            if *is_new {
                log(Level::Error, error.to_string());
            }
            if *although_refused {
                let line = "trying again all the same, in case somebody puts that right";
                observer.log(Level::Notice, line);
            }
            if let Some(pause) = pause {
                observer.unreachable(error, server, *pause);
            }
        }
        Notice::ReplicaGone(error) => {
            log(Level::Notice, format!("the replica is gone: {error}"));
        }
        Notice::TryingAgain(error) => log(Level::Notice, format!("trying again: {error}")),
        Notice::Deferred { entries, why, tries, pause, error } => {
            let level = if *why == Why::Locked { Level::Info } else { Level::Error };
            let (items, next) = (list(entries), pause.as_secs());
            log(
                level,
                format!(
                    "SYNCERROR: left for later: items=<{items}> tries=<{tries}> next=<{next} s> \
                     error=<{error}>"
                ),
            );
        }
        Notice::NotReleased(error) => {
            log(Level::Notice, format!("sync_client RESTART failed: {error}"));
        }
    }
}

/// Reports a line of a log that is no entry.
pub fn garbage(log: &Path, line: u64, what: &str, observer: &dyn Observer) {
    observer.log(Level::Error, &format!("SYNCERROR: {}:{line}: {what}", log.display()));
}

/// Reports what could not be done for a caller who gave a log.
pub fn undone(undone: &Undone, observer: &dyn Observer) {
    let (items, error) = (list(&undone.items), &undone.error);
    let line = format!("SYNCERROR: not replicated: items=<{items}> error=<{error}>");
    observer.log(Level::Error, &line);
}

/// Reports that `what` is tried as part of something larger (`USER`, `META`) of a user.
pub fn promoting(what: &dyn Display, larger: &str, user: &UserId, observer: &dyn Observer) {
    observer.log(Level::Info, &format!("  Promoting: {what} -> {larger} {user}"));
}

/// Reports that somebody else is at work on what an entry names.
pub fn locked(entry: &LogEntry, observer: &dyn Observer) {
    observer.log(Level::Info, &format!("  Deferred: {entry}"));
}

/// Reports that no replication cache is used.
pub fn no_cache(error: &Error, observer: &dyn Observer) {
    let line = format!("DBERROR: working without replication cache: {error}");
    observer.log(Level::Warning, &line);
}

fn list(entries: &[LogEntry]) -> String {
    let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
    entries.join(", ")
}
