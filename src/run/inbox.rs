//! Queues messages from worker threads to the thread that called the library.

use std::any::Any;
use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use super::step::Input;
use super::task::WorkerId;
use crate::events::{Event, PlannedStep};
use crate::sync::{Cancel, SharedParts};

/// The maximum number of queued messages. A worker waits before it adds more.
const ROOM: usize = 1024;

/// A message of a worker.
pub enum Said {
    /// An event of the worker's task.
    Event(WorkerId, Box<Event>),
    /// Other workers may take parts of the worker's task.
    Offered(WorkerId, SharedParts),
    /// The first worker starts a part of the second worker's task. Its next messages belong to this
    /// part. Both may be the same worker.
    Part(WorkerId, WorkerId),
    /// An order was carried out. Contains the input for the machine and, for a plan, the planned
    /// steps.
    Ended(Input, Vec<PlannedStep>),
    /// The worker panicked. Contains the panic's payload.
    Panicked(Box<dyn Any + Send>),
}

#[derive(Default)]
struct Waiting {
    said: VecDeque<Said>,
    is_closed: bool,
}

/// The messages that were not taken yet, in order.
pub struct Inbox {
    waiting: Mutex<Waiting>,
    room: Condvar,
    cancel: Cancel,
}

impl Inbox {
    /// Makes an inbox. A new message wakes the thread that waits on `cancel`.
    pub fn new(cancel: Cancel) -> Inbox {
        Inbox { waiting: Mutex::default(), room: Condvar::new(), cancel }
    }

    /// Adds messages. Waits while the inbox is full.
    pub fn put(&self, said: Vec<Said>) {
        if said.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        while waiting.said.len() >= ROOM && !waiting.is_closed {
            self.room.wait(&mut waiting);
        }
        let is_first = waiting.said.is_empty();
        waiting.said.extend(said);
        drop(waiting);
        if is_first {
            self.cancel.ring();
        }
    }

    /// Removes and returns the first message. Returns `None` if there is none.
    pub fn take(&self) -> Option<Said> {
        let mut waiting = self.waiting.lock();
        let said = waiting.said.pop_front();
        if waiting.said.len() < ROOM {
            self.room.notify_all();
        }
        said
    }

    /// Returns whether there is a message.
    pub fn has_news(&self) -> bool {
        !self.waiting.lock().said.is_empty()
    }

    /// Closes the inbox. A thread that waits in [`Inbox::put`] continues, because no message will
    /// be taken out again.
    pub fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.room.notify_all();
    }
}
