//! The events by which the library reports what it does.
//!
//! The library itself never prints or logs: it calls an [`Observer`] with an [`Event`]. [`words()`]
//! renders an event as the line that Cyrus's programs write, [`json()`] as a JSON object. A
//! [`Plan`] lists what would be done, and a [`Report`] the results of everything requested.

mod connection;
mod difference;
mod event;
mod json;
mod observer;
mod plan;
mod repair;
mod report;
mod run;
#[cfg(test)]
mod sample_events;
mod shorten;
mod step;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod verify;
mod words;

pub use connection::ConnectionEvent;
pub use difference::Difference;
pub use event::Event;
pub use json::json;
pub use observer::{Direction, Observer, Silent};
pub use plan::{PlanCollector, PlannedStep};
pub use repair::{Fate, Raised, RecordSeen, RepairEvent, Side};
pub use report::{Act, Item, ItemTotals, Outcome, Report, Settled};
pub use run::RunEvent;
pub use shorten::Shortened;
pub use step::Step;
pub use store::StoreEvent;
pub use sync::SyncEvent;
pub use verify::{Finding, Verdict, VerifyEvent, VerifyTotals};
pub use words::{Line, To, words, words_of};

pub use crate::types::Level;
