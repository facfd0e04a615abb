//! A worker: a session with the replica, and the work that is done through this session.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::asked_ahead::AskedAhead;
use super::cache::SharedCache;
use super::carry_out;
use super::freeze::Freeze;
use super::interrupt::{Holders, Interrupts, Meter, Overseer};
use super::outcome::{Attempt, Outcome, SessionState};
use super::step::Work;
use super::task::WorkerId;
use super::voices::Voices;
use crate::error::{Error, Kind, Result};
use crate::limits::REPLY_PER_LIST_BYTE;
use crate::names::Namespace;
use crate::replica::{Destination, Lane, Replica, Session, Traffic, WeakLane};
use crate::settings::Replication;
use crate::store::Store;
use crate::sync::{Cancel, Care, Helpers, Master, Offer, Owners, Pass, Staged};
use crate::types::UserId;

/// Workers that share a session each get this fraction of the memory.
const SHARED_MEMORY: usize = 8;

/// The objects that all workers of a client share.
pub struct Shared {
    /// The master's data.
    pub store: Arc<dyn Store>,
    /// The names of its mailboxes.
    pub names: Namespace,
    /// Receives all events.
    pub observer: Arc<Voices>,
    /// Requests to stop.
    pub cancel: Cancel,
    /// Ends waits for a silent replica.
    pub interrupts: Arc<Interrupts>,
    /// Waited for before writes.
    pub freeze: Freeze,
    /// Measures the work done.
    pub meter: Arc<Meter>,
    /// Which worker is working on each user.
    pub owners: Arc<Holders>,
    /// The open sessions, for workers that share one.
    pub lanes: Mutex<Vec<WeakLane>>,
    /// How to replicate.
    pub settings: Replication,
    /// The replica, and how to connect to it.
    pub destination: Destination,
}

/// A session, if there is one, with its state.
pub struct Worker {
    session: Option<Lane>,
    /// How long it took to connect.
    took: Duration,
    /// Whether it uses the connection of another worker.
    shares: bool,
    staged: Staged,
    /// The number of requests to the replica to release its staged files, at the last check.
    restarts: u64,
    asked: AskedAhead,
    /// The cache of the replica's state.
    cache: Option<SharedCache>,
    /// Writes repairs to the master.
    master: Box<dyn Master + Send>,
    /// Decides about the session's waits.
    overseer: Arc<Overseer>,
}

impl Worker {
    /// Makes a worker without a connection. If `shares` is set, it uses the session of another
    /// worker.
    pub fn new(master: Box<dyn Master + Send>, overseer: Overseer, shares: bool) -> Worker {
        Worker {
            session: None,
            took: Duration::ZERO,
            shares,
            staged: Staged::default(),
            restarts: 0,
            asked: AskedAhead::default(),
            cache: None,
            master,
            overseer: Arc::new(overseer),
        }
    }

    /// Returns what decides about the session's waits.
    pub fn overseer(&self) -> &Arc<Overseer> {
        &self.overseer
    }

    /// Returns whether there is a session.
    pub fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// Returns how long it took to connect, if there is a session.
    pub fn open(&self) -> Option<Duration> {
        self.session.is_some().then_some(self.took)
    }

    /// Connects and logs in, unless there is a session.
    pub fn connect(&mut self, shared: &Shared) -> Result<()> {
        if self.session.is_none() {
            let began = Instant::now();
            let lane = if self.shares { share(shared)? } else { self.own(shared)? };
            self.session = Some(lane);
            self.took = began.elapsed();
            self.staged = Staged::default();
            self.restarts = 0;
            self.asked.clear();
        }
        Ok(())
    }

    /// Makes a new connection.
    fn own(&self, shared: &Shared) -> Result<Lane> {
        let (observer, cancel) = (shared.observer.clone(), shared.cancel.flag().clone());
        let interrupt = Some(self.overseer.clone() as _);
        let mut session = Session::connect(&shared.destination, observer, cancel, interrupt)?;
        session.expect(shared.store.list_bytes().saturating_mul(REPLY_PER_LIST_BYTE));
        let lane = Lane::new(session)?;
        let mut lanes = shared.lanes.lock();
        lanes.retain(|lane| lane.get().is_some());
        lanes.push(lane.weak());
        Ok(lane)
    }

    /// Disconnects from the replica.
    pub fn disconnect(&mut self) {
        self.asked.clear();
        if let Some(session) = self.session.take() {
            session.close();
        }
    }

    /// Uses a cache of the replica's state from now on.
    pub fn set_cache(&mut self, cache: SharedCache) {
        self.cache = Some(cache);
    }

    /// Returns whether there is a cache of the replica's state.
    pub fn has_cache(&self) -> bool {
        self.cache.is_some()
    }

    /// Returns the bytes transferred over the current session, unless it belongs to another worker.
    pub fn traffic(&self) -> Option<Traffic> {
        self.session.as_ref().filter(|_| !self.shares).map(Lane::traffic)
    }

    /// Returns how many message files the replica has staged for this session, as far as known.
    pub fn staged_files(&self) -> u64 {
        self.staged.files()
    }

    /// Returns the session itself.
    pub(super) fn session(&mut self) -> Result<&mut Lane> {
        self.session
            .as_mut()
            .ok_or_else(|| Error::new(Kind::Internal, "use", "connection", "there is none"))
    }

    /// Carries out a task. `others` are the workers beside this one.
    pub fn run(&mut self, shared: &Shared, work: Work, others: Others<'_>) -> Attempt {
        let Work { goal, mut care, ahead, .. } = work;
        let mut asked = std::mem::take(&mut self.asked);
        let result = self.with_pass(shared, (&mut care, others), |pass| {
            asked.ask(&goal, &ahead, pass)?;
            let observer = shared.observer.as_ref();
            carry_out::carry_out(&goal, pass, &mut asked, &shared.names, observer)
        });
        self.asked = asked;
        Attempt { outcome: Outcome::of(result), care, session: self.after_use() }
    }

    /// Takes parts of the task of another worker. That worker reports the results.
    pub fn help(
        &mut self,
        shared: &Shared,
        offer: &Offer,
        helpers: Option<&dyn Helpers>,
    ) -> Attempt {
        let mut asked = std::mem::take(&mut self.asked);
        let overseer = self.overseer.clone();
        let (care, mut begin) = (&mut Care::default(), || {
            helpers.into_iter().for_each(Helpers::begin_part);
        });
        let result = self.with_pass(shared, (care, Others::default()), |pass| {
            asked.discard(pass);
            offer.0.help(pass, &mut begin, &|| overseer.is_recalled());
            Ok(Vec::new())
        });
        Attempt { outcome: Outcome::of(result), care: Care::default(), session: self.after_use() }
    }

    /// Tells the replica to release its staged files.
    pub fn release(&mut self, shared: &Shared) -> Result<()> {
        let no_care = &mut Care::default();
        let result = self.with_pass(shared, (no_care, Others::default()), |pass| pass.restart());
        if result.is_err() {
            self.session = None;
        }
        result
    }

    /// Calls `work` with a pass over the session.
    fn with_pass<T>(
        &mut self,
        shared: &Shared,
        (care, others): (&mut Care, Others<'_>),
        work: impl FnOnce(&mut Pass<'_>) -> Result<T>,
    ) -> Result<T> {
        self.connect(shared)?;
        let Worker { session, staged, restarts, cache, master, shares, .. } = self;
        let Some(session) = session else {
            return Err(Error::new(Kind::Internal, "use", "connection", "there is none"));
        };
        let task = session.begin_task();
        if *restarts != task.restarts() {
            // Another worker that shares the session has told the replica to release them.
            staged.clear();
        }
        let mut pass = Pass::new(
            shared.store.as_ref(),
            &shared.names,
            session,
            &shared.settings,
            shared.observer.as_ref(),
            &shared.cancel,
            staged,
        );
        pass.cache = cache.as_mut().map(|cache| cache as _);
        pass.master = Some(master.as_mut());
        pass.care = Some(care);
        pass.helpers = others.helpers;
        pass.owners = others.owners;
        pass.sharers = if *shares { SHARED_MEMORY } else { 1 };
        let result = work(&mut pass);
        *restarts = task.restarts();
        if result.as_ref().is_err_and(Error::is_connection) {
            self.session = None;
        }
        result
    }

    /// Returns whether the master's own Cyrus would move scripts. Returns `false` if this is
    /// unknown.
    pub(super) fn moves_scripts(&self) -> bool {
        self.master.moves_scripts().unwrap_or(false)
    }

    /// Returns the state of the session after it was used. After a wait was ended early, the
    /// session cannot be used any more.
    pub(super) fn after_use(&mut self) -> SessionState {
        if self.session.as_ref().is_some_and(Lane::is_dead) {
            self.session = None;
        }
        if self.session.is_none() {
            self.asked.clear();
            return SessionState::Gone;
        }
        SessionState::Open { staged: self.staged.files() > 0 }
    }
}

/// Access to the other workers.
#[derive(Clone, Copy, Default)]
pub struct Others<'o> {
    /// Asks other workers to help with a large task.
    pub helpers: Option<&'o dyn Helpers>,
    /// Knows which users the other workers hold.
    pub owners: Option<&'o dyn Owners>,
}

/// The owners that a worker holds until its task ends.
pub struct Holding<'s> {
    shared: &'s Shared,
    id: WorkerId,
}

impl<'s> Holding<'s> {
    /// Makes a holding without owners.
    pub fn new(shared: &'s Shared, id: WorkerId) -> Holding<'s> {
        Holding { shared, id }
    }
}

impl Owners for Holding<'_> {
    fn hold(&self, owner: Option<&UserId>) -> bool {
        let mut holders = self.shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        *holders.entry(owner.cloned()).or_insert(self.id) == self.id
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let mut holders = self.shared.owners.lock().unwrap_or_else(PoisonError::into_inner);
        holders.retain(|_, holder| *holder != self.id);
    }
}

/// Returns the session that the fewest workers share.
fn share(shared: &Shared) -> Result<Lane> {
    let lanes = shared.lanes.lock();
    let alive = lanes.iter().filter_map(WeakLane::get).filter(|lane| !lane.is_dead());
    alive.min_by_key(Lane::sharers).ok_or_else(|| {
        let detail = "there is none any more";
        Error::new(Kind::Connect, "share", "a connection", detail)
    })
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.disconnect();
    }
}
