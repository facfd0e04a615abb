//! Ends a wait for a silent replica before `sync_timeout` is over, if there is a reason: a request
//! to stop or to start over, the shutdown file, or a file `skipuser-USERID` for the current user.

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

/// How long the replica must have been silent before a reason ends the wait. A working replica
/// usually replies sooner. If a wait is ended too early, only the connection is lost.
const SILENCE: Duration = Duration::from_secs(2);
/// How long to continue with a replica that does reply after the shutdown file has appeared. A
/// request to stop by a signal has the same limit.
const GRACE: Duration = Duration::from_secs(10);

/// The reasons to end waits. A client and all its connections share this object.
pub struct Interrupts {
    cancel: Cancel,
    store: Arc<dyn Store>,
    rolling: Mutex<Option<Rolling>>,
}

/// Further reasons to end waits during rolling replication.
struct Rolling {
    shutdown_file: Option<PathBuf>,
    /// The number of calls of [`Cancel::wake`] that were handled before.
    wakes: u32,
    /// When the shutdown file was first seen.
    seen: Option<Instant>,
}

impl Interrupts {
    /// Makes an object that decides when a pause must end: when `cancel` is set, or when a file
    /// `skipuser-USERID` of `store` excludes the user.
    pub fn new(cancel: Cancel, store: Arc<dyn Store>) -> Arc<Interrupts> {
        Arc::new(Interrupts { cancel, store, rolling: Mutex::default() })
    }

    /// Adds the reasons of rolling replication, until the returned guard is dropped.
    pub fn rolling(self: &Arc<Self>, shutdown_file: Option<PathBuf>, wakes: u32) -> RollingGuard {
        self.set(Some(Rolling { shutdown_file, wakes, seen: None }));
        RollingGuard(self.clone())
    }

    fn set(&self, rolling: Option<Rolling>) {
        *self.rolling.lock().unwrap_or_else(PoisonError::into_inner) = rolling;
    }

    /// Returns why a wait in rolling replication must end, or `None` if it may continue. `quiet` is
    /// how long the replica has been silent.
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

/// The worker that is working on each user, if there are several workers. The key `None` stands for
/// shared mailboxes.
pub type Holders = Mutex<HashMap<Option<UserId>, WorkerId>>;

/// Counts what all workers of a client have done.
#[derive(Debug, Default)]
pub struct Meter {
    /// Number of bytes of answered commands and of their replies.
    bytes: AtomicU64,
    /// Number of calls of [`Meter::beat`].
    beats: AtomicU64,
}

impl Meter {
    /// Returns the number of bytes exchanged so far.
    pub fn read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Records that a worker is making progress or is waiting normally. The watchdog of systemd
    /// depends on this.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often [`Meter::beat`] was called.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }
}

/// Decides when the session of one worker stops waiting for the replica.
pub struct Overseer {
    interrupts: Arc<Interrupts>,
    meter: Arc<Meter>,
    voices: Arc<Voices>,
    holders: Arc<Holders>,
    /// The worker that made the connection, and the number of workers with a connection of their
    /// own.
    of: (WorkerId, usize),
    unwanted: AtomicBool,
    recalled: AtomicBool,
}

impl Overseer {
    /// Makes the overseer of worker `of.0`. `of.1` is the number of workers with a connection of
    /// their own, and `holders` contains the worker of each user. The overseer counts exchanged
    /// bytes in `meter`, and passes on the collected events of `voices` before a wait.
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

    /// Returns an error if the user who is replicated over this connection must be skipped. A
    /// worker without a connection of its own may use any connection, so its user ends the wait on
    /// every connection.
    fn skipped(&self) -> Option<Error> {
        let skipped = self.interrupts.store.skipped_since()?;
        let user = skipped.subject().user().cloned();
        let (id, own) = self.of;
        let holder =
            self.holders.lock().unwrap_or_else(PoisonError::into_inner).get(&user).copied();
        holder.is_none_or(|holder| holder == id || holder >= own).then_some(skipped)
    }

    /// Sets whether the attempt to connect is to be cancelled.
    pub fn set_unwanted(&self, unwanted: bool) {
        self.unwanted.store(unwanted, Ordering::Relaxed);
    }

    /// Sets whether the worker must take no more parts of another worker's task.
    pub fn set_recalled(&self, recalled: bool) {
        self.recalled.store(recalled, Ordering::Relaxed);
    }

    /// Returns whether the worker must take no more parts of another worker's task.
    pub fn is_recalled(&self) -> bool {
        self.recalled.load(Ordering::Relaxed)
    }
}

impl Interrupt for Overseer {
    fn asked(&self, quiet: Duration) -> Option<Error> {
        self.meter.beat();
        let replica = "the replica";
        if let Some(why) = self.interrupts.ended(quiet) {
            let detail = format!("{why} while the client waited for its answer");
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

/// A guard. The reasons of rolling replication apply until it is dropped.
pub struct RollingGuard(Arc<Interrupts>);

impl Drop for RollingGuard {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
