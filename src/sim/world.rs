//! The world that a history plays in: both spools, the locks on the master's, time, chance, and the
//! story of what happened. Shared by all who act in it; one acts at a time.

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

/// How a mailbox of the master is held open.
#[derive(Debug, Clone)]
struct Held {
    name: MboxName,
    id: UniqueId,
    index: bool,
}

/// What people do, to the master and to the replica.
#[derive(Debug, Clone, Copy)]
pub(super) struct People {
    pub to_master: fn(&mut World),
    pub to_replica: fn(&mut World),
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub master: Spool,
    pub replica: Spool,
    pub files: Files,
    /// Whether something was logged that nobody was told of.
    pub log_news: bool,
    /// What the client remembers of the replica.
    pub remembered: BTreeMap<MboxName, RemoteFolder>,
    pub chance: Chance,
    /// A bug that was planted.
    pub plant: Option<Plant>,
    pub faults: Faults,
    people: People,
    /// How much users will still do.
    pub changes_left: usize,
    /// How often somebody will still write to the replica.
    pub strays_left: usize,
    /// Whether somebody writes to the replica in this history.
    pub has_strays: bool,
    /// Messages that came to the replica, by mailbox.
    pub strays: BTreeSet<(UniqueId, Guid)>,
    /// Messages that somebody expunged, here or there.
    pub expunged: BTreeSet<(UniqueId, Guid)>,
    /// What Cyrus will log in a moment: it does so after the change can be seen.
    unlogged: Vec<LogEntry>,
    story: Option<Vec<String>>,
    /// What must never be, and is.
    pub wrong: Vec<String>,
    /// Whether nothing goes wrong any more.
    pub is_calm: bool,
    /// Whether the client was killed.
    pub is_dead: bool,
    clock: Moment,
    /// The modseq at which the client last read a mailbox of the master.
    pub seen: BTreeMap<UniqueId, Modseq>,
    held: BTreeMap<u64, Held>,
    next_handle: u64,
    sync_locks: BTreeSet<Option<UserId>>,
    /// Owners whom another client replicates, and until when.
    others: BTreeMap<Option<UserId>, Moment>,
    /// How many messages were delivered: each has another text.
    pub delivered: u64,
}

/// The world, in as many hands as needed.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    world: Arc<Mutex<World>>,
    pub baton: Arc<Baton>,
}

impl Shared {
    pub fn new(world: World) -> Shared {
        Shared { world: Arc::new(Mutex::new(world)), baton: Arc::default() }
    }

    /// The world as it is.
    pub fn look(&self) -> MutexGuard<'_, World> {
        self.world.lock()
    }

    /// The world after others may have acted.
    pub fn enter(&self) -> MutexGuard<'_, World> {
        self.yield_now();
        let mut world = self.world.lock();
        world.pass();
        world
    }

    /// Lets another worker go on, or the executor, if chance says so.
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

    /// Adds a line to the story, if somebody will read it.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        let who = Baton::me();
        if let Some(lines) = &mut self.story {
            let worker = if who == EXECUTOR { String::new() } else { format!("worker {who}: ") };
            lines.push(format!("{:>9.3}  {worker}{}", self.clock.as_secs_f64(), line()));
        }
    }

    pub fn take_story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }

    /// Notes something that must never be.
    pub fn is_wrong(&mut self, what: String) {
        self.tell(|| format!("WRONG: {what}"));
        self.wrong.push(what);
    }

    pub fn clock(&self) -> Moment {
        self.clock
    }

    /// Time passes; not less than a millisecond.
    pub fn advance(&mut self, time: Moment) {
        self.clock += time.max(Duration::from_millis(1));
        let elapsed = i64::try_from(self.clock.as_secs()).unwrap();
        self.master.now = self.master.now.max(START + elapsed);
    }

    /// A moment in which somebody else may act.
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
            self.tell(|| format!("the master's clock jumps by {jump} s"));
            self.master.now += jump as i64;
        }
    }

    /// Somebody does something to the master.
    pub fn change(&mut self) {
        self.changes_left = self.changes_left.saturating_sub(1);
        (self.people.to_master)(self);
    }

    /// Cyrus logs a change: at once or in a moment.
    pub fn log_changes(&mut self, entries: impl IntoIterator<Item = LogEntry>) {
        self.unlogged.extend(entries);
        if self.chance.one_in(2) {
            self.flush_log();
        }
    }

    /// What is not logged yet is logged now.
    pub fn flush_log(&mut self) {
        for entry in std::mem::take(&mut self.unlogged) {
            let mut line = Vec::new();
            entry.write(&mut line);
            self.tell(|| format!("master: logs {entry}"));
            self.files.append(LogFile::Log, &line);
            self.log_news = true;
        }
    }

    /// Whether the client does not live to do its next write.
    pub fn is_killed_before(&mut self, what: impl FnOnce() -> String) -> bool {
        let one_in = self.faults.crash;
        if !self.is_dead && self.chance.strikes(one_in) {
            self.is_dead = true;
            self.tell(|| format!("client: is killed before {}", what()));
        }
        self.is_dead
    }

    /// From now on nothing goes wrong any more.
    pub fn calm_down(&mut self) {
        self.is_calm = true;
        self.tell(|| "nothing goes wrong any more".to_owned());
        self.faults = Faults::default();
        self.others.clear();
        if self.has_strays {
            // Nobody logs what is written to a replica: somebody has all looked at.
            let users = self.users().into_iter().map(LogEntry::User).collect::<Vec<_>>();
            let shared = self.master.entries.keys().filter(|name| owner(name).is_none());
            let shared: Vec<_> = shared.cloned().map(LogEntry::Mailbox).collect();
            self.log_changes(users.into_iter().chain(shared));
            self.flush_log();
        }
    }

    /// A client begins anew.
    pub fn restart(&mut self) {
        self.is_dead = false;
        self.sync_locks.clear();
        self.held.clear();
        self.advance(Duration::from_secs(1));
        self.tell(|| "client: starts".to_owned());
    }

    /// Opens a mailbox for reading, its index locked; gives a handle.
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

    /// Whether records of a mailbox may be written: nobody has its index locked.
    pub fn may_write(&self, id: &UniqueId) -> bool {
        !self.held.values().any(|held| held.id == *id && held.index)
    }

    /// Whether files of a mailbox may be unlinked: nobody has it open.
    pub fn may_unlink(&self, id: &UniqueId) -> bool {
        !self.held.values().any(|held| held.id == *id)
    }

    /// Whether mailboxes of an owner may be made, renamed and deleted: none of them is open.
    pub fn may_move(&self, user: Option<&UserId>) -> bool {
        !self.held.values().any(|held| owner(&held.name).as_ref() == user)
    }

    /// Takes the sync lock of an owner; `false` if somebody has it.
    pub fn lock(&mut self, user: Option<&UserId>) -> bool {
        let user = user.cloned();
        let clock = self.clock;
        self.others.retain(|_, until| *until > clock);
        let one_in = self.faults.locked;
        if self.chance.strikes(one_in) && !self.sync_locks.contains(&user) {
            let time = Duration::from_millis(500 * (1 + self.chance.below(20)) as u64);
            self.tell(|| format!("another client replicates {user:?} for {time:?}"));
            self.others.insert(user.clone(), clock + time);
        }
        !self.others.contains_key(&user) && self.sync_locks.insert(user)
    }

    pub fn unlock(&mut self, user: Option<&UserId>) {
        self.sync_locks.remove(&user.cloned());
    }

    /// Living users of the master.
    pub fn users(&self) -> Vec<UserId> {
        let inbox = |name: &&MboxName| name.as_bytes().iter().filter(|b| **b == b'.').count() == 1;
        let names = self.master.entries.keys().filter(|name| is_within(name, b"user"));
        let living = names.filter(inbox).filter(|name| self.master.living(name).is_some());
        living.filter_map(owner).collect()
    }
}
