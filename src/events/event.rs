//! Everything that the library reports, as one type.

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

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// Something is about to be done: what `-v` prints.
    Step(Step),
    /// A mailbox is about to be sent, and why.
    Differs {
        /// Its name.
        mailbox: MboxName,
        /// Why.
        why: Difference,
    },
    /// There is no connection; after a pause it is tried again.
    Unreachable {
        /// Why not.
        error: Error,
        /// The server's name as configured.
        server: String,
        /// The time until the next attempt.
        #[serde(rename = "pause_seconds", serialize_with = "serialize_seconds")]
        pause: Duration,
    },
    /// Something about the connection to the replica.
    Connection(ConnectionEvent),
    /// Something about the master's data.
    Store(StoreEvent),
    /// Something about the replication of a user or mailbox.
    Sync(SyncEvent),
    /// Something that a full comparison of a mailbox found.
    Repair(RepairEvent),
    /// Something about the run as a whole: its sync log, its tries.
    Run(RunEvent),
    /// What was asked for ended: a user, say.
    Ended(Item),
    /// Something that a verification found.
    Verify(VerifyEvent),
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
