//! The lines for events about the master's data.

use super::line::Line;
use crate::events::store::StoreEvent;
use crate::types::Level;

/// Returns the line of an event.
pub(super) fn line(event: &StoreEvent) -> Line {
    match event {
        StoreEvent::MailboxLeftOut { error } => {
            Line::log(Level::Error, format!("DBERROR: mailbox left out: {error}"))
        }
        StoreEvent::LockWait { error } => {
            Line::log(Level::Notice, format!("SYNCNOTICE: waiting for a lock: {error}"))
        }
        StoreEvent::CountersIgnored { error, .. } => {
            Line::log(Level::Error, format!("IOERROR: counters ignored: {error}"))
        }
        StoreEvent::GroupsIgnored { error, .. } => {
            Line::log(Level::Error, format!("IOERROR: groups ignored: {error}"))
        }
        StoreEvent::UnknownData { place, data } => Line::log(
            Level::Warning,
            format!(
                "SYNCNOTICE: not replicated, written by a later Cyrus than is known here: {place}: \
                 {data}"
            ),
        ),
        StoreEvent::HeaderOdd { mailbox, why } => Line::log(
            Level::Warning,
            format!("IOERROR: mailbox header odd: mailbox=<{mailbox}> error=<{why}>"),
        ),
    }
}
