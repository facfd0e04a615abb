//! The world that a history plays in: the master's spool, the locks on it, time, chance, and the
//! story of what happened. Shared by all who act in it; one acts at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::chance::Chance;
use super::spool::{Spool, is_within, owner};
use super::writer;
use crate::run::log::entry::LogEntry;
use crate::types::{MboxName, Time, UniqueId, UserId};

/// How a mailbox of the master is held open.
#[derive(Debug, Clone)]
struct Held {
    name: MboxName,
    id: UniqueId,
    index: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub master: Spool,
    pub chance: Chance,
    /// What happens next to the master while it is being read.
    pub writers: bool,
    /// What Cyrus has written to the sync log and nobody has taken yet.
    pub log: Vec<LogEntry>,
    /// What Cyrus will log in a moment: it does so after the change can be seen.
    unlogged: Vec<LogEntry>,
    /// What was logged, in all.
    pub story: Story,
    held: BTreeMap<u64, Held>,
    next_handle: u64,
    sync_locks: BTreeSet<Option<UserId>>,
    /// Owners whom another client replicates at the moment.
    pub locked_by_others: BTreeSet<Option<UserId>>,
    /// How many messages were delivered: each has another text.
    pub delivered: u64,
}

/// What happened, for people. Not kept unless somebody will read it.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub lines: Option<Vec<String>>,
}

impl Story {
    pub fn tell(&mut self, now: Time, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>6}  {}", now - super::spool::START, line()));
        }
    }
}

/// The world, in as many hands as needed.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub fn new(world: World) -> Shared {
        Shared(Arc::new(Mutex::new(world)))
    }

    /// The world as it is.
    pub fn look(&self) -> MutexGuard<'_, World> {
        self.0.lock()
    }

    /// The world after somebody else may have acted.
    pub fn enter(&self) -> MutexGuard<'_, World> {
        let mut world = self.0.lock();
        world.pass();
        world
    }
}

impl World {
    pub fn new(chance: Chance) -> World {
        World {
            master: Spool::new("m"),
            chance,
            writers: false,
            log: Vec::new(),
            unlogged: Vec::new(),
            story: Story::default(),
            held: BTreeMap::new(),
            next_handle: 0,
            sync_locks: BTreeSet::new(),
            locked_by_others: BTreeSet::new(),
            delivered: 0,
        }
    }

    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        self.story.tell(self.master.now, line);
    }

    /// A moment in which somebody else may act.
    fn pass(&mut self) {
        self.flush_log();
        if self.writers && self.chance.one_in(25) {
            writer::act(self);
        }
    }

    /// Cyrus logs a change: at once or in a moment.
    pub fn log_changes(&mut self, entries: impl IntoIterator<Item = LogEntry>) {
        self.unlogged.extend(entries);
        if !self.writers || self.chance.one_in(2) {
            self.flush_log();
        }
    }

    /// What is not logged yet is logged now.
    pub fn flush_log(&mut self) {
        self.log.append(&mut self.unlogged);
    }

    /// What will be logged.
    pub fn unlogged(&self) -> &[LogEntry] {
        &self.unlogged
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
        !self.locked_by_others.contains(&user) && self.sync_locks.insert(user)
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
