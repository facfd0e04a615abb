//! The log lines of events about a run as a whole.

use super::output::Line;
use super::phrase::Unreached;
use crate::error::BriefError;
use crate::events::run::RunEvent;
use crate::types::Level;
use crate::types::Text;

/// Returns the log line of an event.
pub(super) fn line(event: &RunEvent) -> Line {
    let (level, text) = match event {
        RunEvent::ConnectFailed { replica, attempts, error } => (
            if *attempts > 1 { Level::Notice } else { Level::Error },
            format!(
                "cannot reach the replica: {replica} error=<{}>",
                Unreached { server: &replica.server, error }
            ),
        ),
        RunEvent::StillUnreachable { replica, time, attempts, next, backlog, error } => (
            Level::Error,
            format!(
                "SYNCERROR: the replica is still unreachable: {replica} since=<{} s> \
                 attempts=<{attempts}> next=<{} s> backlog=<{backlog}> error=<{error}>",
                time.as_secs(),
                next.as_secs()
            ),
        ),
        RunEvent::ReachableAgain { replica, time, attempts } => (
            Level::Notice,
            format!(
                "SYNCNOTICE: the replica is reachable again: {replica} after=<{} s> \
                 attempts=<{attempts}>",
                time.as_secs()
            ),
        ),
        RunEvent::TryingAllTheSame => (
            Level::Notice,
            "trying to connect again, although this failure probably needs an administrator"
                .to_owned(),
        ),
        RunEvent::TryingAgain { error } => (Level::Notice, format!("trying again: {error}")),
        RunEvent::ReplicaGone { error } => (
            Level::Notice,
            format!(
                "the replica shut down and cannot be reached again, ending because of -o: {error}"
            ),
        ),
        RunEvent::StagedFilesReleased => (Level::Info, "sync_client RESTART succeeded".to_owned()),
        RunEvent::ReleaseFailed { error } => {
            (Level::Notice, format!("sync_client RESTART failed: {error}"))
        }
        RunEvent::NoCache { error } => {
            (Level::Warning, format!("DBERROR: working without replication cache: {error}"))
        }
        RunEvent::Excluded { users, mailboxes, names } => {
            return Line::verbose(excluded(*users, *mailboxes, names));
        }
        RunEvent::Reprocessing { path } => {
            (Level::Notice, format!("Reprocessing sync log file {}", path.display()))
        }
        RunEvent::BadLogLine { path, line, why } => (
            Level::Error,
            format!("SYNCERROR: ignoring a line of the sync log: {}:{line}: {why}", path.display()),
        ),
        RunEvent::ShutdownFileFound { path } => (
            Level::Notice,
            format!("SYNCNOTICE: the shutdown file {} exists: shutting down", path.display()),
        ),
        RunEvent::NoSyncLog => (
            Level::Warning,
            "SYNCNOTICE: nothing will be replicated: sync_log is off, so that no program of Cyrus \
             writes a sync log; set sync_log: yes in imapd.conf and restart Cyrus"
                .to_owned(),
        ),
        RunEvent::NotLogged { channel } => {
            let what = match channel {
                Some(channel) => format!("the channel {channel}"),
                None => "the log without a channel (\"\")".to_owned(),
            };
            let text = format!(
                "SYNCNOTICE: nothing will be replicated: {what} is not in sync_log_channels; add \
                 it to sync_log_channels in imapd.conf and restart Cyrus"
            );
            (Level::Warning, text)
        }
        RunEvent::MailNotLogged { mailbox, path, time } => {
            let text = format!(
                "SYNCNOTICE: no program of Cyrus wrote to {} in the {} s since the start, although \
                 mail came to {mailbox}: restart Cyrus, so that all its programs log their \
                 changes; until then only sync_client -A replicates them",
                path.display(),
                time.as_secs()
            );
            (Level::Warning, text)
        }
        RunEvent::StatusNotWritten { error } => (Level::Warning, error.to_string()),
        RunEvent::LogNotTaken { error }
        | RunEvent::UnfinishedNotSaved { error }
        | RunEvent::ChangeNotLogged { error, .. } => (Level::Error, format!("SYNCERROR: {error}")),
        RunEvent::ChannelShared { path } => (
            Level::Warning,
            format!(
                "SYNCNOTICE: another client uses this channel: its work file {} is not changed, \
                 and what is not replicated is returned to the log; stop one of the two clients",
                path.display()
            ),
        ),
        RunEvent::Promoting { item, to } => (Level::Info, format!("  Promoting: {item} -> {to}")),
        RunEvent::Deferred { item } => (Level::Info, format!("  Deferred: {item}")),
        RunEvent::LeftForLater { items, tries, next, error } => {
            let level = if error.kind().is_locked() { Level::Info } else { Level::Error };
            let text = format!(
                "SYNCERROR: left for later: items=<{}> tries=<{tries}> next=<{} s> error=<{}>",
                list(items),
                next.as_secs(),
                BriefError(error)
            );
            (level, text)
        }
        RunEvent::NotReplicated { items, error } => (
            Level::Error,
            format!(
                "SYNCERROR: not replicated: items=<{}> error=<{}>",
                list(items),
                BriefError(error)
            ),
        ),
    };
    Line::log(level, text)
}

/// Returns the text for excluded users and mailboxes, such as
/// `excluded: 2 users, 1 mailbox: ann, bob, lists/rust`.
fn excluded(users: u64, mailboxes: u64, names: &[Text]) -> String {
    let count = |number: u64, what: &str, plural: &str| {
        let what = if number == 1 { what } else { plural };
        (number > 0).then(|| format!("{number} {what}"))
    };
    let counts = [count(users, "user", "users"), count(mailboxes, "mailbox", "mailboxes")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let more = (users + mailboxes).saturating_sub(names.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("excluded: {}: {}{more}", counts.join(", "), list(names))
}

fn list(items: &[Text]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}
