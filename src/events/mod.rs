//! The events by which the library reports its work.
//!
//! The library itself never prints or logs. It calls an [`Observer`] with an [`Event`]. [`line()`]
//! formats an event as the line that Cyrus's programs write, and [`json()`] as a JSON object. A
//! [`Plan`] lists the steps of a dry run, and a [`Report`] the results of everything that was
//! requested.

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
pub use repair::{RaisedValue, RecordSeen, RepairAction, RepairEvent, Side};
pub use report::{Act, FinishedItem, Item, ItemTotals, Outcome, Report};
pub use run::RunEvent;
pub use shorten::Shortener;
pub use step::Step;
pub use store::StoreEvent;
pub use sync::SyncEvent;
pub use verify::{Finding, Verdict, VerifyEvent, VerifyTotals};
pub use words::{Line, To, line, line_for};

pub use crate::types::Level;
