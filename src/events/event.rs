//! The type of all events that the library reports.

use std::time::Duration;

use serde::Serialize;

use super::connection::ConnectionEvent;
use super::difference::Difference;
use super::repair::RepairEvent;
use super::report::Item;
use super::run::RunEvent;
use super::step::Step;
use super::store::StoreEvent;
use super::sync::SyncEvent;
use super::verify::VerifyEvent;
use crate::error::Error;
use crate::types::{MboxName, serialize_seconds};

/// An event that the library reports to an [`Observer`](super::Observer).
///
/// ```
/// use cyrsync::{Event, Item, UserId};
///
/// fn is_retry(event: &Event) -> bool {
///     matches!(event, Event::Unreachable { .. })
/// }
///
/// let ended = Event::Ended(Item::new(UserId::from("fred"), Ok(())));
/// assert!(!is_retry(&ended));
/// ```
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The client is about to do a step. `sync_client -v` prints steps.
    Step(Step),
    /// The client is about to send a mailbox.
    #[non_exhaustive]
    Differs {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The difference because of which the mailbox is sent.
        why: Difference,
    },
    /// A connection attempt failed. The client tries again after a pause.
    #[non_exhaustive]
    Unreachable {
        /// The reason for the failure.
        error: Error,
        /// The name of the server in the configuration.
        server: String,
        /// The time until the next attempt.
        #[serde(rename = "pause_seconds", serialize_with = "serialize_seconds")]
        pause: Duration,
    },
    /// An event about the connection to the replica.
    Connection(ConnectionEvent),
    /// An event about the master's data.
    Store(StoreEvent),
    /// An event about the replication of a user or mailbox.
    Sync(SyncEvent),
    /// A finding of a comparison of all records of a mailbox, or how a repair treats it.
    Repair(RepairEvent),
    /// An event about the run as a whole, for example about its sync log or a retry.
    Run(RunEvent),
    /// A requested item, such as a user, has been replicated or has failed.
    Ended(Item),
    /// A finding of a verification.
    Verify(VerifyEvent),
}

impl Event {
    /// Returns the error that the event reports, if it has one.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Event::Unreachable { error, .. } => Some(error),
            Event::Connection(event) => event.error(),
            Event::Store(event) => event.error(),
            Event::Sync(event) => event.error(),
            Event::Run(event) => event.error(),
            Event::Verify(VerifyEvent::Unknown { error, .. }) => Some(error),
            Event::Ended(item) => item.outcome.error(),
            Event::Step(_) | Event::Differs { .. } | Event::Repair(_) | Event::Verify(_) => None,
        }
    }
}

macro_rules! families {
    ($($family:ident => $variant:ident,)*) => {
        $(impl From<$family> for Event {
            fn from(event: $family) -> Self {
                Event::$variant(event)
            }
        })*
    };
}

families! {
    Step => Step,
    ConnectionEvent => Connection,
    StoreEvent => Store,
    SyncEvent => Sync,
    RepairEvent => Repair,
    RunEvent => Run,
    VerifyEvent => Verify,
}
