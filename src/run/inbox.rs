//! Queues messages from the threads of workers to the thread that controls them.

use std::any::Any;
use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use super::step::Input;
use super::task::WorkerId;
use crate::events::{Event, PlannedStep};
use crate::sync::{Cancel, Offer};

/// How many messages may be queued. A worker that sends more waits.
const ROOM: usize = 1024;

/// A message of a worker.
pub enum Said {
    /// An event of its task.
    Event(WorkerId, Box<Event>),
    /// Other workers may take parts of its task.
    Offered(WorkerId, Offer),
    /// Its next messages belong to another part of the task that the second worker runs. Both may
    /// be the same worker.
    Part(WorkerId, WorkerId),
    /// An order was carried out. With the planned steps, if its task was only planned.
    Ended(Input, Vec<PlannedStep>),
    /// The worker panicked.
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
    /// Makes an inbox. New messages wake a thread that waits on `cancel`.
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

    /// Removes and returns the first message.
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

    /// Closes the inbox: nobody takes messages any more, so nobody waits for room any more.
    pub fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.room.notify_all();
    }
}
