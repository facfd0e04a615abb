//! Collects the events of worker threads and passes them to the thread that called the library.
//! That thread reports the events of each task together. So the observer receives the events of
//! workers one at a time, on the caller's thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::inbox::{Inbox, Said};
use super::tally::Tally;
use super::task::WorkerId;
use crate::events::{Direction, Event, FinishedItem, Observer, StoreEvent};
use crate::status::Status;

/// The maximum number of events that a worker thread collects. Collected events are also passed on
/// when the task ends, and before a wait if the first event is older than `OLD`.
const KEPT: usize = 64;
const OLD: Duration = Duration::from_millis(20);

/// The collected events of a worker thread.
struct Speaker {
    worker: WorkerId,
    inbox: Arc<Inbox>,
    /// The events that were not passed on yet.
    kept: Mutex<Kept>,
}

/// Collected events, with the time of the first one.
#[derive(Default)]
struct Kept {
    said: Vec<Said>,
    since: Option<Instant>,
}

impl Speaker {
    fn hand_over(&self, last: Option<Said>) {
        let mut said = std::mem::take(&mut *self.kept.lock()).said;
        said.extend(last);
        self.inbox.put(said);
    }
}

/// An observer for all threads of a client. It collects the events of worker threads, and passes on
/// the events of other threads at once.
pub struct Voices {
    observer: Arc<dyn Observer>,
    tally: Arc<Tally>,
    workers: RwLock<HashMap<ThreadId, Arc<Speaker>>>,
}

impl Voices {
    /// Makes an observer that passes all events on to `observer`.
    pub fn new(observer: Arc<dyn Observer>) -> Voices {
        Voices { observer, tally: Arc::default(), workers: RwLock::default() }
    }

    /// Returns the counters for all events so far.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Passes on an event of a worker. The event was already counted in the worker's thread.
    pub fn pass_on(&self, event: &Event) {
        self.observer.event(event);
    }

    /// Collects the events of this thread as events of `worker`, until the returned value is
    /// dropped.
    pub fn speak_for(&self, worker: WorkerId, inbox: Arc<Inbox>) -> Voice<'_> {
        let speaker = Arc::new(Speaker { worker, inbox, kept: Mutex::default() });
        let thread = thread::current().id();
        self.workers.write().insert(thread, speaker.clone());
        Voice { voices: self, thread, speaker }
    }

    /// Passes on this thread's events if the first of them is older than `OLD`. Called before a
    /// wait. Newer events are kept, because passing them on wakes another thread.
    pub fn hand_over(&self) {
        let Some(speaker) = self.speaker() else { return };
        let since = speaker.kept.lock().since;
        if since.is_some_and(|since| since.elapsed() >= OLD) {
            speaker.hand_over(None);
        }
    }

    /// Returns the worker of this thread. Skips the lookup of the thread id if there are no worker
    /// threads.
    fn speaker(&self) -> Option<Arc<Speaker>> {
        let workers = self.workers.read();
        if workers.is_empty() { None } else { workers.get(&thread::current().id()).cloned() }
    }
}

impl Observer for Voices {
    fn event(&self, event: &Event) {
        self.tally.note(event);
        let Some(speaker) = self.speaker() else { return self.observer.event(event) };
        let mut kept = speaker.kept.lock();
        kept.said.push(Said::Event(speaker.worker, Box::new(event.clone())));
        kept.since.get_or_insert_with(Instant::now);
        let is_much = kept.said.len() >= KEPT || cannot_wait(event);
        drop(kept);
        if is_much {
            speaker.hand_over(None);
        }
    }

    /// Reports a result at once. It is already in order: only the thread that called the library
    /// reports results.
    fn item_finished(&self, item: &FinishedItem) {
        self.observer.item_finished(item);
    }

    fn wire(&self, direction: Direction, bytes: &[u8]) {
        self.observer.wire(direction, bytes);
    }

    fn status(&self, status: &Status, is_alive: bool) {
        self.observer.status(status, is_alive);
    }

    fn wants_wire(&self) -> bool {
        self.observer.wants_wire()
    }
}

/// Returns whether an event must be reported at once, even before the events of earlier tasks.
pub fn cannot_wait(event: &Event) -> bool {
    matches!(event, Event::Store(StoreEvent::LockWait { .. }))
}

/// A guard. Until it is dropped, the events of the thread are events of a worker.
pub struct Voice<'v> {
    voices: &'v Voices,
    thread: ThreadId,
    speaker: Arc<Speaker>,
}

impl Voice<'_> {
    /// Passes on a message after all events that the thread has collected.
    pub fn say(&self, said: Said) {
        self.speaker.hand_over(Some(said));
    }
}

impl Drop for Voice<'_> {
    fn drop(&mut self) {
        self.voices.workers.write().remove(&self.thread);
    }
}
