//! What workers say goes to the thread that called the library, which passes it on task by task:
//! an observer gets one thing after the other, and from no thread that it does not know.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::inbox::{Inbox, Said};
use super::tally::Tally;
use super::task::WorkerId;
use crate::events::{Direction, Event, Observer, StoreEvent};
use crate::status::Status;

/// What a worker says is handed over when its task ends, after so many events, or when it waits for
/// something and has said it so long ago.
const KEPT: usize = 64;
const OLD: Duration = Duration::from_millis(20);

/// A worker, as its thread is known.
struct Speaker {
    worker: WorkerId,
    inbox: Arc<Inbox>,
    /// What was not handed over yet.
    kept: Mutex<Kept>,
}

/// What was said, and when the first of it was.
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

/// The observer of a client, for all of its threads.
pub struct Voices {
    observer: Arc<dyn Observer>,
    tally: Arc<Tally>,
    workers: RwLock<HashMap<ThreadId, Arc<Speaker>>>,
}

impl Voices {
    /// All that is said goes to `observer` in the end.
    pub fn new(observer: Arc<dyn Observer>) -> Voices {
        Voices { observer, tally: Arc::default(), workers: RwLock::default() }
    }

    /// What was said so far, counted.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Passes on what was said and counted before.
    pub fn pass_on(&self, event: &Event) {
        self.observer.event(event);
    }

    /// What this thread says from now on is what a worker says.
    pub fn speak_for(&self, worker: WorkerId, inbox: Arc<Inbox>) -> Voice<'_> {
        let speaker = Arc::new(Speaker { worker, inbox, kept: Mutex::default() });
        let thread = thread::current().id();
        self.workers.write().insert(thread, speaker.clone());
        Voice { voices: self, thread, speaker }
    }

    /// Hands over what this thread has said some time ago, for it may be silent for long. Each time
    /// wakes another thread.
    pub fn hand_over(&self) {
        let Some(speaker) = self.speaker() else { return };
        let since = speaker.kept.lock().since;
        if since.is_some_and(|since| since.elapsed() >= OLD) {
            speaker.hand_over(None);
        }
    }

    /// For whom this thread speaks. Without workers on threads of their own it need not be known
    /// which one it is.
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

/// Whether an event is of use only now, whatever others have to say before.
pub fn cannot_wait(event: &Event) -> bool {
    matches!(event, Event::Store(StoreEvent::LockWait { .. }))
}

/// As long as it lives a thread speaks for a worker.
pub struct Voice<'v> {
    voices: &'v Voices,
    thread: ThreadId,
    speaker: Arc<Speaker>,
}

impl Voice<'_> {
    /// Says something itself, after all that was said before.
    pub fn say(&self, said: Said) {
        self.speaker.hand_over(Some(said));
    }
}

impl Drop for Voice<'_> {
    fn drop(&mut self) {
        self.voices.workers.write().remove(&self.thread);
    }
}
