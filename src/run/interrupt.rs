//! What ends a wait for a replica that says nothing, before `sync_timeout` does: a request to stop
//! or to start over, the shutdown file, a file that asks for the user to be skipped.

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

/// How long nothing comes from a replica that is waited for no longer once somebody wants the wait
/// to end. One that works answers sooner, mostly; a wait that ends too soon costs a connection and
/// nothing else.
const SILENCE: Duration = Duration::from_secs(2);
/// How long a replica that does answer is gone on with once the shutdown file is there: as long as
/// after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// Shared by a client and its connections.
pub struct Interrupts {
    cancel: Cancel,
    store: Arc<dyn Store>,
    rolling: Mutex<Option<Rolling>>,
}

/// What rolling replication is to be ended by.
struct Rolling {
    shutdown_file: Option<PathBuf>,
    /// Nudges that were answered.
    nudges: u32,
    /// When the shutdown file was first seen.
    seen: Option<Instant>,
}

impl Interrupts {
    /// Interrupts by `cancel`, and by what asks for users of `store` to be skipped.
    pub fn new(cancel: Cancel, store: Arc<dyn Store>) -> Arc<Interrupts> {
        Arc::new(Interrupts { cancel, store, rolling: Mutex::default() })
    }

    /// Rolling replication begins, which these end. It ends when the guard is dropped.
    pub fn rolling(self: &Arc<Self>, shutdown_file: Option<PathBuf>, nudges: u32) -> RollingGuard {
        self.set(Some(Rolling { shutdown_file, nudges, seen: None }));
        RollingGuard(self.clone())
    }

    fn set(&self, rolling: Option<Rolling>) {
        *self.rolling.lock().unwrap_or_else(PoisonError::into_inner) = rolling;
    }

    /// Why rolling replication shall not wait on.
    fn ended(&self, quiet: Duration) -> Option<&'static str> {
        let mut rolling = self.rolling.lock().unwrap_or_else(PoisonError::into_inner);
        let rolling = rolling.as_mut()?;
        let is_silent = quiet >= SILENCE;
        if is_silent && self.cancel.is_finishing() {
            return Some("asked to stop");
        }
        if is_silent && self.cancel.nudges() != rolling.nudges {
            return Some("asked to start over");
        }
        if !rolling.shutdown_file.as_ref().is_some_and(|file| file.exists()) {
            return None;
        }
        let seen = *rolling.seen.get_or_insert_with(Instant::now);
        (is_silent || seen.elapsed() >= GRACE).then_some("the shutdown file asks to stop")
    }
}

/// Whom the workers of a client work on, if there are several.
pub type Holders = Mutex<HashMap<Option<UserId>, WorkerId>>;

/// What has been done, by all workers of a client.
#[derive(Debug, Default)]
pub struct Meter {
    /// Bytes of commands that were answered, and of their replies.
    bytes: AtomicU64,
    /// How often somebody showed to be at work or to wait in good order.
    beats: AtomicU64,
}

impl Meter {
    /// All bytes so far.
    pub fn read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Shows that nothing is stuck.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was shown so far.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }
}

/// Who has an eye on the session of one worker.
pub struct Overseer {
    interrupts: Arc<Interrupts>,
    meter: Arc<Meter>,
    voices: Arc<Voices>,
    holders: Arc<Holders>,
    /// The worker that has made the connection, and how many have one of their own.
    of: (WorkerId, usize),
    unwanted: AtomicBool,
    recalled: AtomicBool,
}

impl Overseer {
    /// Of the worker `of.0`, where `of.1` have a connection of their own and `holders` says whom
    /// each works on. Counts what is done to `meter`, and hands over what was said when there is
    /// to be a wait.
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

    /// Why the user who is replicated over this connection is to be skipped. Over which connection
    /// a worker works that shares one is not known.
    fn skipped(&self) -> Option<Error> {
        let skipped = self.interrupts.store.skipped_since()?;
        let user = skipped.subject().user().cloned();
        let (id, own) = self.of;
        let holder =
            self.holders.lock().unwrap_or_else(PoisonError::into_inner).get(&user).copied();
        holder.is_none_or(|holder| holder == id || holder >= own).then_some(skipped)
    }

    /// Nobody needs the connection that the worker makes; or somebody does again.
    pub fn set_unwanted(&self, unwanted: bool) {
        self.unwanted.store(unwanted, Ordering::Relaxed);
    }

    /// Whether the worker is to take no more parts of the task of another.
    pub fn set_recalled(&self, recalled: bool) {
        self.recalled.store(recalled, Ordering::Relaxed);
    }

    /// Whether it is.
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

/// As long as it lives the client rolls.
pub struct RollingGuard(Arc<Interrupts>);

impl Drop for RollingGuard {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
