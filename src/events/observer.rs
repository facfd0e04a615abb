//! The interface of a receiver of events.

use super::event::Event;
use super::report::Settled;
use crate::status::Status;

/// The direction of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the replica.
    Sent,
    /// From the replica.
    Received,
}

/// Receives events from the library. All methods may be called from any thread that runs the
/// library. They must not call the same client.
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
///         if event::words(event).is_some_and(|line| line.to == event::To::Log(Level::Error)) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// Called for each event. [`words`](super::words()) renders it in Cyrus's words,
    /// [`json`](super::json()) as an object for programs.
    fn event(&self, _event: &Event) {}

    /// Called when a user, a mailbox or an entry of a sync log has come to its end, in calls that
    /// replicate, plan or verify. Items that a call did not reach are not reported: that call fails.
    fn settled(&self, _settled: &Settled) {}

    /// Called with protocol traffic before compression and encryption, without credentials.
    fn wire(&self, _direction: Direction, _bytes: &[u8]) {}

    /// Called with the state of rolling replication when its status file is written, at least every
    /// five seconds. `is_alive` is true if a thread has worked, or waited normally, since the last
    /// call.
    fn status(&self, _status: &Status, _is_alive: bool) {}

    /// Returns whether [`Observer::wire`] shall be called. The library asks this at the start of a
    /// connection.
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
