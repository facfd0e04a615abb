//! What workers say goes to the thread that called the library, which passes it on task by task:
//! an observer hears of one thing after the other, and from no thread that it does not know.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use parking_lot::RwLock;

use super::inbox::{Inbox, Said};
use super::task::WorkerId;
use crate::events::{Direction, Event, Observer};

/// The observer of a client, for all of its threads.
pub struct Voices {
    observer: Arc<dyn Observer>,
    workers: RwLock<HashMap<ThreadId, (WorkerId, Arc<Inbox>)>>,
}

impl Voices {
    /// All that is said goes to `observer` in the end.
    pub fn new(observer: Arc<dyn Observer>) -> Voices {
        Voices { observer, workers: RwLock::default() }
    }

    /// What this thread says from now on is what a worker says.
    pub fn speak_for(&self, worker: WorkerId, inbox: Arc<Inbox>) -> Voice<'_> {
        let thread = thread::current().id();
        self.workers.write().insert(thread, (worker, inbox));
        Voice { voices: self, thread }
    }
}

impl Observer for Voices {
    fn event(&self, event: &Event) {
        let worker = self.workers.read().get(&thread::current().id()).cloned();
        match worker {
            Some((worker, inbox)) => inbox.put(Said::Event(worker, Box::new(event.clone()))),
            None => self.observer.event(event),
        }
    }

    fn wire(&self, direction: Direction, bytes: &[u8]) {
        self.observer.wire(direction, bytes);
    }

    fn wants_wire(&self) -> bool {
        self.observer.wants_wire()
    }
}

/// As long as it lives a thread speaks for a worker.
pub struct Voice<'v> {
    voices: &'v Voices,
    thread: ThreadId,
}

impl Drop for Voice<'_> {
    fn drop(&mut self) {
        self.voices.workers.write().remove(&self.thread);
    }
}
