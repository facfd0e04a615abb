//! The interface of objects that receive events.

use super::event::Event;
use super::report::FinishedItem;
use crate::status::Status;

/// The direction of protocol traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the replica.
    Sent,
    /// From the replica.
    Received,
}

/// Receives events from the library. The library may call the methods from any of its threads. The
/// methods must not call the client that reports the event.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use cyrsync::{Event, Level, Observer, event};
///
/// #[derive(Default)]
/// struct Alarms(AtomicU32);
///
/// impl Observer for Alarms {
///     fn event(&self, event: &Event) {
///         if event::line(event).is_some_and(|line| line.to == event::To::Log(Level::Error)) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Called for each event. [`line`](super::line()) formats an event as a line like Cyrus's,
    /// [`json`](super::json()) as an object for programs.
    fn event(&self, _event: &Event) {}

    /// Called when a user, a mailbox or an entry of a sync log is finished, by calls that
    /// replicate, plan or verify. If a call fails early, the items that it did not reach are not
    /// reported.
    fn item_finished(&self, _item: &FinishedItem) {}

    /// Called with the bytes of the protocol, before compression and encryption. Credentials are
    /// left out.
    fn wire(&self, _direction: Direction, _bytes: &[u8]) {}

    /// Called with the state of rolling replication when the client writes its status file, at
    /// least every five seconds. `is_alive` is false if no thread has worked, or waited as
    /// expected, since the last call.
    fn status(&self, _status: &Status, _is_alive: bool) {}

    /// Returns whether the library shall call [`Observer::wire`]. The library calls this method at
    /// the start of each connection.
    fn wants_wire(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
///
/// ```
/// use cyrsync::{Observer, Silent};
///
/// assert!(!Silent.wants_wire());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
