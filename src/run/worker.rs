//! A worker: one session with the replica, and the functions that run a task through this session.

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
use crate::sync::{Cancel, Care, Helpers, Master, Owners, Pass, QuotaTurns, SharedParts, Staged};
use crate::types::UserId;

/// Workers that share a session each use this fraction (1/8) of the memory.
const SHARED_MEMORY: usize = 8;

/// The objects that all workers of a client share.
pub struct Shared {
    /// Reads the master's data.
    pub store: Arc<dyn Store>,
    /// Rules for the names of the master's mailboxes and users.
    pub names: Namespace,
    /// Receives all events.
    pub observer: Arc<Voices>,
    /// Requests to stop.
    pub cancel: Cancel,
    /// Reasons to stop waiting for a replica that does not answer.
    pub interrupts: Arc<Interrupts>,
    /// The lock that holds the server still. Writes without a user's lock wait for it.
    pub freeze: Freeze,
    /// Counts the bytes that all workers exchange with the replica.
    pub meter: Arc<Meter>,
    /// The worker that holds each user.
    pub owners: Arc<Holders>,
    /// Lets only one session at a time create and delete quota roots.
    pub quota_turns: QuotaTurns,
    /// The open sessions, for workers that share the session of another worker.
    pub lanes: Mutex<Vec<WeakLane>>,
    /// The settings for replication.
    pub settings: Replication,
    /// The replica, and how to connect to it.
    pub destination: Destination,
}

/// A session with the replica, if there is one, and its state.
pub struct Worker {
    session: Option<Lane>,
    /// How long it took to connect, for the current session.
    took: Duration,
    /// Whether this worker uses the session of another worker.
    shares: bool,
    staged: Staged,
    /// The number of `RESTART` commands over this session that this worker has noticed. After each
    /// one the replica has no staged files.
    restarts: u64,
    asked: AskedAhead,
    /// The cache of the replica's state. `None` without a cache.
    cache: Option<SharedCache>,
    /// Writes repairs to the master.
    master: Box<dyn Master + Send>,
    /// Decides when to stop waiting for the replica.
    overseer: Arc<Overseer>,
}

impl Worker {
    /// Makes a worker without a session. If `shares` is set, it will use the session of another
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

    /// Returns the object that decides when this worker stops waiting for the replica.
    pub fn overseer(&self) -> &Arc<Overseer> {
        &self.overseer
    }

    /// Returns whether there is a session.
    pub fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// Returns how long it took to connect, or `None` if there is no session.
    pub fn open(&self) -> Option<Duration> {
        self.session.is_some().then_some(self.took)
    }

    /// Returns whether there is no session, or one that ended while other workers used it.
    pub fn must_connect(&self) -> bool {
        self.session.as_ref().is_none_or(Lane::is_dead)
    }

    /// Connects and logs in, unless there is a session that can be used.
    pub fn connect(&mut self, shared: &Shared) -> Result<()> {
        if self.must_connect() {
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

    /// Makes a connection of its own.
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

    /// Ends the session, if there is one.
    pub fn disconnect(&mut self) {
        let session = self.session.take();
        self.asked.clear();
        if let Some(session) = session {
            session.close();
        }
    }

    /// Makes the worker use a cache of the replica's state.
    pub fn set_cache(&mut self, cache: SharedCache) {
        self.cache = Some(cache);
    }

    /// Returns whether there is a cache of the replica's state.
    pub fn has_cache(&self) -> bool {
        self.cache.is_some()
    }

    /// Returns the bytes transferred over the current session. Returns `None` without a session, or
    /// if the session belongs to another worker.
    pub fn traffic(&self) -> Option<Traffic> {
        self.session.as_ref().filter(|_| !self.shares).map(Lane::traffic)
    }

    /// Returns the number of message files that the replica has staged for this session, as far as
    /// known.
    pub fn staged_files(&self) -> u64 {
        self.staged.files()
    }

    /// Returns the session. Fails if there is no session.
    pub(super) fn session(&mut self) -> Result<&mut Lane> {
        self.session.as_mut().ok_or_else(|| {
            Error::new(Kind::Internal, "use", "connection", "there is no connection")
        })
    }

    /// Carries out a task. `others` gives access to the other workers.
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

    /// Takes parts of the task of another worker and replicates them. The other worker reports the
    /// results.
    pub fn help(
        &mut self,
        shared: &Shared,
        parts: &SharedParts,
        helpers: Option<&dyn Helpers>,
    ) -> Attempt {
        if self.must_connect() {
            // Otherwise requests over the lost session would be taken for requests over the new one.
            self.disconnect();
        }
        let mut asked = std::mem::take(&mut self.asked);
        let overseer = self.overseer.clone();
        let (care, mut begin) = (&mut Care::default(), || {
            helpers.into_iter().for_each(Helpers::begin_part);
        });
        let result = self.with_pass(shared, (care, Others::default()), |pass| {
            asked.discard(pass);
            parts.0.help(pass, &mut begin, &|| overseer.is_recalled());
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

    /// Calls `work` with a [`Pass`] over the session, and connects first if there is no session.
    fn with_pass<T>(
        &mut self,
        shared: &Shared,
        (care, others): (&mut Care, Others<'_>),
        work: impl FnOnce(&mut Pass<'_>) -> Result<T>,
    ) -> Result<T> {
        self.connect(shared)?;
        let Worker { session, staged, restarts, cache, master, shares, .. } = self;
        let Some(session) = session else {
            return Err(Error::new(Kind::Internal, "use", "connection", "there is no connection"));
        };
        let task = session.begin_task();
        let quota_turns = Some((&shared.quota_turns, session.id()));
        if *restarts != task.restarts() {
            // Another worker has sent `RESTART` over the shared session, so the replica has no
            // staged files.
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
        pass.quota_turns = quota_turns;
        pass.sharers = if *shares { SHARED_MEMORY } else { 1 };
        let result = work(&mut pass);
        *restarts = task.restarts();
        if result.as_ref().is_err_and(Error::is_connection) {
            self.session = None;
        }
        result
    }

    /// Returns whether the master's own Cyrus would move scripts from a directory to `#sieve`
    /// mailboxes. Returns `false` if this is unknown.
    pub(super) fn moves_scripts(&self) -> bool {
        self.master.moves_scripts().unwrap_or(false)
    }

    /// Returns the state of the session after a task. If a wait for a reply was ended early, the
    /// session cannot be used again.
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

/// Access to the other workers. Each part is `None` if there are no other workers.
#[derive(Clone, Copy, Default)]
pub struct Others<'o> {
    /// Offers parts of a large task to other workers.
    pub helpers: Option<&'o dyn Helpers>,
    /// Records which users this worker holds, and refuses users that another worker holds.
    pub owners: Option<&'o dyn Owners>,
}

/// Releases the users that a worker holds when it is dropped.
pub struct Holding<'s> {
    shared: &'s Shared,
    id: WorkerId,
}

impl<'s> Holding<'s> {
    /// Makes the value for worker `id`, which holds no user yet.
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

/// Returns the open session that is shared by the fewest workers.
fn share(shared: &Shared) -> Result<Lane> {
    let lanes = shared.lanes.lock();
    let alive = lanes.iter().filter_map(WeakLane::get).filter(|lane| !lane.is_dead());
    alive.min_by_key(Lane::sharers).ok_or_else(|| {
        let detail = "there is no connection any more";
        Error::new(Kind::Connect, "share", "a connection", detail)
    })
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.disconnect();
    }
}
