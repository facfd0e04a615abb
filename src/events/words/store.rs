//! The log lines of events about reading the master's data.

use super::output::Line;
use crate::events::store::StoreEvent;
use crate::types::Level;

/// Returns the log line of an event.
pub(super) fn line(event: &StoreEvent) -> Line {
    match event {
        StoreEvent::MailboxLeftOut { error } => {
            Line::log(Level::Error, format!("DBERROR: mailbox not replicated: {error}"))
        }
        StoreEvent::LockWait { error } => {
            Line::log(Level::Notice, format!("SYNCNOTICE: waiting for a lock: {error}"))
        }
        StoreEvent::CountersIgnored { user, error } => Line::log(
            Level::Error,
            format!("IOERROR: counters of user {user} are damaged, using 0: {error}"),
        ),
        StoreEvent::GroupsIgnored { user, error } => Line::log(
            Level::Error,
            format!("IOERROR: groups of user {user} are not replicated: {error}"),
        ),
        StoreEvent::UnknownData { place, data } => Line::log(
            Level::Warning,
            format!("SYNCNOTICE: unknown data of a newer Cyrus is not replicated: {place}: {data}"),
        ),
        StoreEvent::HeaderOdd { mailbox, why } => Line::log(
            Level::Warning,
            format!(
                "IOERROR: mailbox header inconsistent: mailbox=<{mailbox}> error=<{why}>; run \
                 reconstruct on the mailbox"
            ),
        ),
    }
}
