//! Ends a wait for a silent replica before `sync_timeout` does, if something asks for it: a request
//! to stop or to start over, the shutdown file, or a file that asks for the user to be skipped.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::task::WorkerId;
use super::voices::Voices;
use crate::error::{Error, Kind};
use crate::replica::Interrupt;
use crate::store::Store;
use crate::sync::Cancel;
use crate::types::UserId;

/// If somebody wants a wait to end, it ends once the replica has been silent for this time. A
/// working replica usually answers sooner. If a wait ends too soon, this only costs a connection.
const SILENCE: Duration = Duration::from_secs(2);
/// How long work with a replica that does answer continues after the shutdown file appeared: as
/// long as after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// The reasons to end waits. A client and its connections share them.
pub struct Interrupts {
    cancel: Cancel,
    store: Arc<dyn Store>,
    rolling: Mutex<Option<Rolling>>,
}

/// The reasons to end rolling replication.
struct Rolling {
    shutdown_file: Option<PathBuf>,
    /// The number of wake-ups that were handled.
    wakes: u32,
    /// When the shutdown file was first seen.
    seen: Option<Instant>,
}

impl Interrupts {
    /// Ends waits because of `cancel`, and because of skip files for users of `store`.
    pub fn new(cancel: Cancel, store: Arc<dyn Store>) -> Arc<Interrupts> {
        Arc::new(Interrupts { cancel, store, rolling: Mutex::default() })
    }

    /// Starts rolling replication, with more reasons to end waits. It ends when the guard is
    /// dropped.
    pub fn rolling(self: &Arc<Self>, shutdown_file: Option<PathBuf>, wakes: u32) -> RollingGuard {
        self.set(Some(Rolling { shutdown_file, wakes, seen: None }));
        RollingGuard(self.clone())
    }

    fn set(&self, rolling: Option<Rolling>) {
        *self.rolling.lock().unwrap_or_else(PoisonError::into_inner) = rolling;
    }

    /// Returns why rolling replication must not wait any longer.
    fn ended(&self, quiet: Duration) -> Option<&'static str> {
        let mut rolling = self.rolling.lock().unwrap_or_else(PoisonError::into_inner);
        let rolling = rolling.as_mut()?;
        let is_silent = quiet >= SILENCE;
        if is_silent && self.cancel.is_finishing() {
            return Some("asked to stop");
        }
        if is_silent && self.cancel.wakes() != rolling.wakes {
            return Some("asked to start over");
        }
        if !rolling.shutdown_file.as_ref().is_some_and(|file| file.exists()) {
            return None;
        }
        let seen = *rolling.seen.get_or_insert_with(Instant::now);
        (is_silent || seen.elapsed() >= GRACE).then_some("the shutdown file asks to stop")
    }
}

/// Which worker is working on each user (`None`: on shared mailboxes), if there are several
/// workers.
pub type Holders = Mutex<HashMap<Option<UserId>, WorkerId>>;

/// Measures the work of all workers of a client.
#[derive(Debug, Default)]
pub struct Meter {
    /// Bytes of commands that were answered, and of their replies.
    bytes: AtomicU64,
    /// How often a worker has shown that it is working or waits for a good reason.
    beats: AtomicU64,
}

impl Meter {
    /// Returns all bytes so far.
    pub fn read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Records that a worker is not stuck.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often [`Meter::beat`] was called.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }
}

/// Decides about waits in the session of one worker.
pub struct Overseer {
    interrupts: Arc<Interrupts>,
    meter: Arc<Meter>,
    voices: Arc<Voices>,
    holders: Arc<Holders>,
    /// The worker that made the connection, and the number of workers with their own connection.
    of: (WorkerId, usize),
    unwanted: AtomicBool,
    recalled: AtomicBool,
}

impl Overseer {
    /// Makes the overseer of worker `of.0`. `of.1` is the number of workers with their own
    /// connection, and `holders` tells which worker is working on each user. Counts work in
    /// `meter`, and passes on what was reported before a wait.
    pub fn new(
        interrupts: Arc<Interrupts>,
        meter: Arc<Meter>,
        voices: Arc<Voices>,
        holders: Arc<Holders>,
        of: (WorkerId, usize),
    ) -> Overseer {
        let (unwanted, recalled) = Default::default();
        Overseer { interrupts, meter, voices, holders, of, unwanted, recalled }
    }

    /// Returns an error if the user that is replicated over this connection is to be skipped. It is
    /// unknown which connection a worker without its own connection uses, so such workers match
    /// every connection.
    fn skipped(&self) -> Option<Error> {
        let skipped = self.interrupts.store.skipped_since()?;
        let user = skipped.subject().user().cloned();
        let (id, own) = self.of;
        let holder =
            self.holders.lock().unwrap_or_else(PoisonError::into_inner).get(&user).copied();
        holder.is_none_or(|holder| holder == id || holder >= own).then_some(skipped)
    }

    /// Sets whether the connection that the worker is making is not needed any more.
    pub fn set_unwanted(&self, unwanted: bool) {
        self.unwanted.store(unwanted, Ordering::Relaxed);
    }

    /// Sets whether the worker must take no more parts of another worker's task.
    pub fn set_recalled(&self, recalled: bool) {
        self.recalled.store(recalled, Ordering::Relaxed);
    }

    /// Returns whether the worker must take no more parts.
    pub fn is_recalled(&self) -> bool {
        self.recalled.load(Ordering::Relaxed)
    }
}

impl Interrupt for Overseer {
    fn asked(&self, quiet: Duration) -> Option<Error> {
        self.meter.beat();
        let replica = "the replica";
        if let Some(why) = self.interrupts.ended(quiet) {
            let detail = format!("{why} while its answer was waited for");
            return Some(Error::new(Kind::Cancelled, "wait for", replica, detail));
        }
        if quiet < SILENCE {
            return None;
        }
        let detail = format!("it does not answer, and {}", self.skipped()?.detail());
        Some(Error::new(Kind::Timeout, "wait for", replica, detail))
    }

    fn waits(&self) {
        self.voices.hand_over();
    }

    fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Relaxed)
    }

    fn exchanged(&self, bytes: u64) {
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.meter.beat();
    }
}

/// A guard: rolling replication runs until it is dropped.
pub struct RollingGuard(Arc<Interrupts>);

impl Drop for RollingGuard {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
