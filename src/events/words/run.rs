//! The lines about a run as a whole.

use super::line::Line;
use crate::events::run::RunEvent;
use crate::types::Level;
use crate::types::Text;

/// The line of an event.
pub(super) fn line(event: &RunEvent) -> Line {
    let (level, text) = match event {
        RunEvent::ConnectFailed { error } => (Level::Error, error.to_string()),
        RunEvent::TryingAllTheSame => (
            Level::Notice,
            "trying again all the same, in case somebody puts that right".to_owned(),
        ),
        RunEvent::TryingAgain { error } => (Level::Notice, format!("trying again: {error}")),
        RunEvent::ReplicaGone { error } => (Level::Notice, format!("the replica is gone: {error}")),
        RunEvent::RestartFailed { error } => {
            (Level::Notice, format!("sync_client RESTART failed: {error}"))
        }
        RunEvent::NoCache { error } => {
            (Level::Warning, format!("DBERROR: working without replication cache: {error}"))
        }
        RunEvent::Reprocessing { path } => {
            (Level::Notice, format!("Reprocessing sync log file {}", path.display()))
        }
        RunEvent::BadLogLine { path, line, why } => {
            (Level::Error, format!("SYNCERROR: {}:{line}: {why}", path.display()))
        }
        RunEvent::LogNotTaken { error }
        | RunEvent::NotNoted { error }
        | RunEvent::ChangeNotLogged { error, .. } => (Level::Error, format!("SYNCERROR: {error}")),
        RunEvent::ChannelShared { path } => (
            Level::Warning,
            format!(
                "SYNCNOTICE: another client works on this channel: its work file {} is left alone, \
                 and what is not done is put back to the log; stop one of the two",
                path.display()
            ),
        ),
        RunEvent::Promoting { item, to } => (Level::Info, format!("  Promoting: {item} -> {to}")),
        RunEvent::Deferred { item } => (Level::Info, format!("  Deferred: {item}")),
        RunEvent::LeftForLater { items, tries, next, error } => {
            let level = if error.kind().is_locked() { Level::Info } else { Level::Error };
            let text = format!(
                "SYNCERROR: left for later: items=<{}> tries=<{tries}> next=<{} s> error=<{error}>",
                list(items),
                next.as_secs()
            );
            (level, text)
        }
        RunEvent::NotReplicated { items, error } => (
            Level::Error,
            format!("SYNCERROR: not replicated: items=<{}> error=<{error}>", list(items)),
        ),
    };
    Line::log(level, text)
}

fn list(items: &[Text]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}
