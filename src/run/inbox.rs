//! What workers on threads of their own tell the one that gives them work.

use std::any::Any;
use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use super::step::Input;
use super::task::WorkerId;
use crate::events::{Event, PlannedStep};
use crate::sync::{Cancel, Offer};

/// As much as may wait to be taken: who says more waits until it is.
const ROOM: usize = 1024;

/// What a worker has to say.
pub enum Said {
    /// Something happened in its task.
    Event(WorkerId, Box<Event>),
    /// Others may take parts of its task.
    Offered(WorkerId, Offer),
    /// What it says from now on belongs to another part of the task that another worker has, or
    /// itself.
    Part(WorkerId, WorkerId),
    /// What it was asked for is done; what would be done for a task that was only planned.
    Ended(Input, Vec<PlannedStep>),
    /// It panicked.
    Panicked(Box<dyn Any + Send>),
}

#[derive(Default)]
struct Waiting {
    said: VecDeque<Said>,
    is_closed: bool,
}

/// What was said and not taken yet, in order.
pub struct Inbox {
    waiting: Mutex<Waiting>,
    room: Condvar,
    cancel: Cancel,
}

impl Inbox {
    /// Who waits for `cancel` is woken by what comes in.
    pub fn new(cancel: Cancel) -> Inbox {
        Inbox { waiting: Mutex::default(), room: Condvar::new(), cancel }
    }

    /// Puts these in; waits for room.
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

    /// Takes out what came first.
    pub fn take(&self) -> Option<Said> {
        let mut waiting = self.waiting.lock();
        let said = waiting.said.pop_front();
        if waiting.said.len() < ROOM {
            self.room.notify_all();
        }
        said
    }

    /// Whether there is something.
    pub fn has_news(&self) -> bool {
        !self.waiting.lock().said.is_empty()
    }

    /// Nobody takes anything any more: nobody waits for room.
    pub fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.room.notify_all();
    }
}
