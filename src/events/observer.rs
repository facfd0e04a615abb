//! Who receives events.

use super::event::Event;
use crate::status::Status;

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the replica.
    Sent,
    /// From the replica.
    Received,
}

/// Receives what the library reports. All methods may be called from any thread
/// that runs the library and must not call back into the same client.
pub trait Observer: Send + Sync {
    /// Something happened. [`words`](super::words()) renders it in Cyrus's words,
    /// [`json`](super::json()) as an object for programs.
    fn event(&self, _event: &Event) {}

    /// Protocol traffic in clear, before compression and encryption; credentials are left out.
    fn wire(&self, _direction: Direction, _bytes: &[u8]) {}

    /// What rolling replication is at, whenever its file is written: at least every five seconds.
    /// `is_alive` tells whether somebody has worked, or waited in good order, since the last time.
    fn status(&self, _status: &Status, _is_alive: bool) {}

    /// Whether [`Observer::wire`] is wanted; asked when a connection begins.
    fn wants_wire(&self) -> bool {
        false
    }
}

/// An observer that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
