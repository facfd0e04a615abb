//! The world of a history: both spools, the master's locks, time, random numbers, and the story.
//! All actors use it, but only one at a time. Actors are the client's threads and the simulated
//! users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::baton::{Baton, EXECUTOR};
use super::chance::Chance;
use super::faults::Faults;
use super::files::Files;
use super::plant::Plant;
use super::spool::{START, Spool, is_within, owner};
use crate::protocol::RemoteFolder;
use crate::run::log::disk::LogFile;
use crate::run::log::entry::LogEntry;
use crate::run::step::Moment;
use crate::types::{Guid, MboxName, Modseq, UniqueId, UserId};

/// A mailbox of the master that the client has open.
#[derive(Debug, Clone)]
struct Held {
    name: MboxName,
    id: UniqueId,
    index: bool,
}

/// The functions that change the master and the replica like users do.
#[derive(Debug, Clone, Copy)]
pub(super) struct People {
    pub to_master: fn(&mut World),
    pub to_replica: fn(&mut World),
}

/// The state of a history.
#[derive(Debug)]
pub(super) struct World {
    pub master: Spool,
    pub replica: Spool,
    pub files: Files,
    /// Whether the log has entries that were not reported to the client.
    pub log_news: bool,
    /// The client's cache of the replica's state.
    pub remembered: BTreeMap<MboxName, RemoteFolder>,
    pub chance: Chance,
    /// The planted bug, if any.
    pub plant: Option<Plant>,
    pub faults: Faults,
    people: People,
    /// Number of changes that users will still make on the master.
    pub changes_left: usize,
    /// Number of changes that will still be made on the replica.
    pub strays_left: usize,
    /// Whether the replica is changed in this history, except by the client.
    pub has_strays: bool,
    /// Messages that were delivered to the replica: uniqueid of the mailbox and GUID.
    pub strays: BTreeSet<(UniqueId, Guid)>,
    /// Messages that were expunged on the master or the replica.
    pub expunged: BTreeSet<(UniqueId, Guid)>,
    /// Changes that Cyrus has made but not logged yet.
    unlogged: Vec<LogEntry>,
    story: Option<Vec<String>>,
    /// Conditions that were violated.
    pub wrong: Vec<String>,
    /// Whether faults have ended.
    pub is_calm: bool,
    /// Whether the client was killed.
    pub is_dead: bool,
    clock: Moment,
    /// For each mailbox of the master, its modseq when the client last opened it.
    pub seen: BTreeMap<UniqueId, Modseq>,
    held: BTreeMap<u64, Held>,
    next_handle: u64,
    sync_locks: BTreeSet<Option<UserId>>,
    /// Users that another client has locked, and until when.
    others: BTreeMap<Option<UserId>, Moment>,
    /// Number of delivered messages, which is part of the text of each message.
    pub delivered: u64,
}

/// A shared handle to the world.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    world: Arc<Mutex<World>>,
    pub baton: Arc<Baton>,
}

impl Shared {
    pub fn new(world: World) -> Shared {
        Shared { world: Arc::new(Mutex::new(world)), baton: Arc::default() }
    }

    /// Returns the world at once. Other actors get no turn.
    pub fn look(&self) -> MutexGuard<'_, World> {
        self.world.lock()
    }

    /// Gives other actors a turn, then returns the world.
    pub fn enter(&self) -> MutexGuard<'_, World> {
        self.yield_now();
        let mut world = self.world.lock();
        world.pass();
        world
    }

    /// Passes the baton to another thread, if the random numbers decide so.
    fn yield_now(&self) {
        let busy = self.baton.busy();
        if Baton::me() == EXECUTOR || busy.len() < 2 {
            return;
        }
        let next = {
            let mut world = self.world.lock();
            match world.chance.below(8) {
                0 => world.chance.pick(&busy).copied(),
                1 if world.chance.one_in(4) => Some(EXECUTOR),
                _ => None,
            }
        };
        if let Some(next) = next {
            self.baton.pass(next);
        }
    }
}

impl World {
    pub fn new(mut chance: Chance, people: People, story: bool) -> World {
        World {
            people,
            master: Spool::new("m"),
            replica: Spool::new("r"),
            files: Files::default(),
            log_news: false,
            remembered: BTreeMap::new(),
            faults: Faults::draw(&mut chance),
            chance,
            plant: None,
            seen: BTreeMap::new(),
            changes_left: 0,
            strays_left: 0,
            has_strays: false,
            strays: BTreeSet::new(),
            expunged: BTreeSet::new(),
            unlogged: Vec::new(),
            story: story.then(Vec::new),
            wrong: Vec::new(),
            is_calm: false,
            is_dead: false,
            clock: Moment::ZERO,
            held: BTreeMap::new(),
            next_handle: 0,
            sync_locks: BTreeSet::new(),
            others: BTreeMap::new(),
            delivered: 0,
        }
    }

    /// Adds a line to the story, if it is recorded.
    pub fn trace(&mut self, line: impl FnOnce() -> String) {
        let who = Baton::me();
        if let Some(lines) = &mut self.story {
            let worker = if who == EXECUTOR { String::new() } else { format!("worker {who}: ") };
            lines.push(format!("{:>9.3}  {worker}{}", self.clock.as_secs_f64(), line()));
        }
    }

    pub fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }

    /// Records that a condition was violated.
    pub fn is_wrong(&mut self, what: String) {
        self.trace(|| format!("WRONG: {what}"));
        self.wrong.push(what);
    }

    pub fn clock(&self) -> Moment {
        self.clock
    }

    /// Advances the clock by `time`, at least by a millisecond.
    pub fn advance(&mut self, time: Moment) {
        self.clock += time.max(Duration::from_millis(1));
        let elapsed = i64::try_from(self.clock.as_secs()).unwrap();
        self.master.now = self.master.now.max(START + elapsed);
    }

    /// Gives users and faults a turn: random changes, and jumps of the clock.
    fn pass(&mut self) {
        self.flush_log();
        if self.changes_left > 0 && self.chance.one_in(40) {
            self.change();
        }
        if self.strays_left > 0 && self.changes_left > 0 && self.chance.one_in(60) {
            self.strays_left -= 1;
            (self.people.to_replica)(self);
        }
        let one_in = self.faults.clock;
        if self.chance.strikes(one_in) {
            let jump = self.chance.below(7_200);
            self.trace(|| format!("the master's clock jumps by {jump} s"));
            self.master.now += jump as i64;
        }
    }

    /// Makes a random change on the master.
    pub fn change(&mut self) {
        self.changes_left = self.changes_left.saturating_sub(1);
        (self.people.to_master)(self);
    }

    /// Logs changes like Cyrus, at once or later.
    pub fn log_changes(&mut self, entries: impl IntoIterator<Item = LogEntry>) {
        self.unlogged.extend(entries);
        if self.chance.one_in(2) {
            self.flush_log();
        }
    }

    /// Writes the entries that were not logged yet to the log.
    pub fn flush_log(&mut self) {
        for entry in std::mem::take(&mut self.unlogged) {
            let mut line = Vec::new();
            entry.write(&mut line);
            self.trace(|| format!("master: logs {entry}"));
            self.files.append(LogFile::Log, &line);
            self.log_news = true;
        }
    }

    /// Returns whether the client is killed before its next write. A client that was killed stays
    /// killed.
    pub fn is_killed_before(&mut self, what: impl FnOnce() -> String) -> bool {
        let one_in = self.faults.crash;
        if !self.is_dead && self.chance.strikes(one_in) {
            self.is_dead = true;
            self.trace(|| format!("client: is killed before {}", what()));
        }
        self.is_dead
    }

    /// Ends all faults.
    pub fn calm_down(&mut self) {
        self.is_calm = true;
        self.trace(|| "nothing goes wrong any more".to_owned());
        self.faults = Faults::default();
        self.others.clear();
        if self.has_strays {
            // Cyrus does not log changes on a replica. Log everything on the master, so that the
            // client compares it.
            let users = self.users().into_iter().map(LogEntry::User).collect::<Vec<_>>();
            let shared = self.master.entries.keys().filter(|name| owner(name).is_none());
            let shared: Vec<_> = shared.cloned().map(LogEntry::Mailbox).collect();
            self.log_changes(users.into_iter().chain(shared));
            self.flush_log();
        }
    }

    /// Starts a new client.
    pub fn restart(&mut self) {
        self.is_dead = false;
        self.sync_locks.clear();
        self.held.clear();
        self.advance(Duration::from_secs(1));
        self.trace(|| "client: starts".to_owned());
    }

    /// Opens a mailbox for the client and locks its index. Returns a handle.
    pub fn hold(&mut self, name: &MboxName, id: &UniqueId) -> u64 {
        self.next_handle += 1;
        let held = Held { name: name.clone(), id: id.clone(), index: true };
        self.held.insert(self.next_handle, held);
        self.next_handle
    }

    pub fn unlock_index(&mut self, handle: u64) {
        if let Some(held) = self.held.get_mut(&handle) {
            held.index = false;
        }
    }

    pub fn has_index(&self, handle: u64) -> bool {
        self.held.get(&handle).is_some_and(|held| held.index)
    }

    pub fn let_go(&mut self, handle: u64) {
        self.held.remove(&handle);
    }

    /// Returns whether records of a mailbox may be written. This is not allowed while the client
    /// has the index locked.
    pub fn may_write(&self, id: &UniqueId) -> bool {
        !self.held.values().any(|held| held.id == *id && held.index)
    }

    /// Returns whether files of a mailbox may be removed. This is not allowed while the client has
    /// the mailbox open.
    pub fn may_unlink(&self, id: &UniqueId) -> bool {
        !self.held.values().any(|held| held.id == *id)
    }

    /// Returns whether mailboxes of an owner may be created, renamed and deleted. This is not
    /// allowed while the client has one of them open.
    pub fn may_move(&self, user: Option<&UserId>) -> bool {
        !self.held.values().any(|held| owner(&held.name).as_ref() == user)
    }

    /// Takes the sync lock of an owner for the client. Returns `false` if another client or worker
    /// has it.
    pub fn lock(&mut self, user: Option<&UserId>) -> bool {
        let user = user.cloned();
        let clock = self.clock;
        self.others.retain(|_, until| *until > clock);
        let one_in = self.faults.locked;
        if self.chance.strikes(one_in) && !self.sync_locks.contains(&user) {
            let time = Duration::from_millis(500 * (1 + self.chance.below(20)) as u64);
            self.trace(|| format!("another client replicates {user:?} for {time:?}"));
            self.others.insert(user.clone(), clock + time);
        }
        !self.others.contains_key(&user) && self.sync_locks.insert(user)
    }

    pub fn unlock(&mut self, user: Option<&UserId>) {
        self.sync_locks.remove(&user.cloned());
    }

    /// Returns the users that exist on the master.
    pub fn users(&self) -> Vec<UserId> {
        let inbox = |name: &&MboxName| name.as_bytes().iter().filter(|b| **b == b'.').count() == 1;
        let names = self.master.entries.keys().filter(|name| is_within(name, b"user"));
        let living = names.filter(inbox).filter(|name| self.master.living(name).is_some());
        living.filter_map(owner).collect()
    }
}
