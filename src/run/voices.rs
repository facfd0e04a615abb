//! Passes the events of workers to the thread that called the library, which reports them task by
//! task. So an observer gets one event at a time, and only on threads that it knows.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::inbox::{Inbox, Said};
use super::tally::Tally;
use super::task::WorkerId;
use crate::events::{Direction, Event, Observer, Settled, StoreEvent};
use crate::status::Status;

/// A worker's events are passed on when its task ends, after this many events, or before a wait if
/// the first of them is older than `OLD`.
const KEPT: usize = 64;
const OLD: Duration = Duration::from_millis(20);

/// A worker that belongs to a thread.
struct Speaker {
    worker: WorkerId,
    inbox: Arc<Inbox>,
    /// Events that were not passed on yet.
    kept: Mutex<Kept>,
}

/// Events, and when the first of them happened.
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

/// The observer of a client, for all its threads.
pub struct Voices {
    observer: Arc<dyn Observer>,
    tally: Arc<Tally>,
    workers: RwLock<HashMap<ThreadId, Arc<Speaker>>>,
}

impl Voices {
    /// Passes all events to `observer` in the end.
    pub fn new(observer: Arc<dyn Observer>) -> Voices {
        Voices { observer, tally: Arc::default(), workers: RwLock::default() }
    }

    /// Returns the counts of all events so far.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Passes on an event that was counted before.
    pub fn pass_on(&self, event: &Event) {
        self.observer.event(event);
    }

    /// Assigns this thread to a worker, until the returned value is dropped.
    pub fn speak_for(&self, worker: WorkerId, inbox: Arc<Inbox>) -> Voice<'_> {
        let speaker = Arc::new(Speaker { worker, inbox, kept: Mutex::default() });
        let thread = thread::current().id();
        self.workers.write().insert(thread, speaker.clone());
        Voice { voices: self, thread, speaker }
    }

    /// Passes on this thread's events before a wait, if the first of them is older than `OLD`.
    /// Newer events stay, because each call wakes another thread.
    pub fn hand_over(&self) {
        let Some(speaker) = self.speaker() else { return };
        let since = speaker.kept.lock().since;
        if since.is_some_and(|since| since.elapsed() >= OLD) {
            speaker.hand_over(None);
        }
    }

    /// Returns the worker of this thread. If no worker has its own thread, avoids the lookup of the
    /// thread id.
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

    /// Called only on the thread that called the library, already in the order of the tasks.
    fn settled(&self, settled: &Settled) {
        self.observer.settled(settled);
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

/// Returns whether an event is useful only now, even before events of earlier tasks.
pub fn cannot_wait(event: &Event) -> bool {
    matches!(event, Event::Store(StoreEvent::LockWait { .. }))
}

/// A guard: the thread belongs to a worker until it is dropped.
pub struct Voice<'v> {
    voices: &'v Voices,
    thread: ThreadId,
    speaker: Arc<Speaker>,
}

impl Voice<'_> {
    /// Sends a message after all events so far.
    pub fn say(&self, said: Said) {
        self.speaker.hand_over(Some(said));
    }
}

impl Drop for Voice<'_> {
    fn drop(&mut self) {
        self.voices.workers.write().remove(&self.thread);
    }
}
