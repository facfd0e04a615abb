//! Plays one history, from its seed to its end.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::chance::Chance;
use super::check;
use super::client::{Client, SimEnv};
use super::disk::Disk;
use super::faults::Faults;
use super::link::{Hear, Link};
use super::master::Master;
use super::plant::Plant;
use super::spool::owner;
use super::world::{People, Shared, World};
use super::writer;
use crate::events::Silent;
use crate::names::Namespace;
use crate::run::daemon::Daemon;
use crate::run::env::Driver;
use crate::run::rules::Rules;
use crate::run::width::Width;
use crate::settings::{self, Jobs, Replication, RetryPolicy, Rolling, Settings};
use crate::sync::{self, Cancel, Pass, Staged};
use crate::types::{MboxName, ThreadIds};

/// The maximum number of inputs from the last fault until everything is replicated.
const PATIENCE: u32 = 4_000;
/// The maximum number of inputs in a history.
const LONGEST: u32 = 40_000;

const PEOPLE: People = People { to_master: writer::act, to_replica: writer::act_on_replica };

/// A history in which a condition was violated.
#[derive(Debug)]
pub(super) struct Failure {
    pub seed: u64,
    pub what: Vec<String>,
    pub story: Vec<String>,
}

/// The settings of all histories.
static SETTINGS: LazyLock<Settings> = LazyLock::new(|| settings::tests::of("sync_host: replica\n"));

fn replication(chance: &mut Chance) -> Replication {
    let sync_batchsize = [0, 2, 3, 1000][chance.below(4)];
    Replication { sync_batchsize, ..SETTINGS.replication.clone() }
}

/// A history while it is played.
struct History {
    world: Shared,
    client: Arc<Client>,
    rules: Rules,
    turns: u32,
    /// Number of inputs since the last fault.
    calm: u32,
}

/// Plays the history of a seed.
pub(super) fn history(seed: u64) -> Result<(), Failure> {
    play(seed, None, false)
}

/// Plays the history of a seed, with a planted bug if there is one. `reported` is whether to record the
/// story, which is a list of all that happened.
pub(super) fn play(seed: u64, plant: Option<Plant>, reported: bool) -> Result<(), Failure> {
    let mut history = History::new(seed, reported);
    history.world.look().plant = plant;
    history.play();
    let mut world = history.world.look();
    if world.wrong.is_empty() {
        Ok(())
    } else {
        let what = std::mem::take(&mut world.wrong);
        Err(Failure { seed, what, story: world.take_story() })
    }
}

fn client(world: &Shared) -> Client {
    let settings = replication(&mut world.look().chance);
    Client {
        world: world.clone(),
        store: Master::new(world),
        names: Namespace::new(&SETTINGS.naming),
        settings,
        cancel: Cancel::default(),
    }
}

impl History {
    fn new(seed: u64, reported: bool) -> History {
        let mut world = World::new(Chance::new(seed), PEOPLE, reported);
        // Both servers have groups of users, like Cyrus 3.12. In all other respects they are like
        // Cyrus 3.6.
        world.master.groups = Some(BTreeMap::new());
        world.replica.groups = Some(BTreeMap::new());
        // In most histories, the two servers compute CRCs differently for thread ids with leading
        // zeros.
        let form = |is_recent| if is_recent { ThreadIds::Padded } else { ThreadIds::Plain };
        world.master.thread_ids = form(seed % 3 == 1);
        world.replica.thread_ids = form(seed % 5 > 2);
        writer::found(&mut world);
        world.changes_left = 5 + world.chance.below(50);
        world.has_strays = world.chance.one_in(4);
        world.strays_left = if world.has_strays { 1 + world.chance.below(4) } else { 0 };
        let workers = if world.chance.one_in(2) { 1 } else { 2 + world.chance.below(3) };
        let sync_repeat_interval = Duration::from_secs(world.chance.below(4) as u64);
        let rolling = Rolling {
            sync_repeat_interval,
            release_staged_after: Duration::ZERO,
            sync_shutdown_file: None,
            rolling_once: false,
            retry_policy: RetryPolicy::default(),
        };
        // Some histories use the automatic number of workers. The number is drawn in any case, so
        // that this does not change later random numbers.
        let jobs = if seed % 4 == 3 && workers > 1 { Jobs::Auto } else { Jobs::Number(workers) };
        let rules = Rules::new(&rolling, jobs, None, false);
        let faults = world.faults;
        world.trace(|| format!("{workers} workers, {faults:?}"));
        let world = Shared::new(world);
        let client = Arc::new(client(&world));
        History { world, client, rules, turns: 0, calm: 0 }
    }

    fn play(&mut self) {
        loop {
            let is_idle = self.run_client();
            let mut world = self.world.look();
            if !world.wrong.is_empty() {
                return;
            }
            if is_idle {
                let mut found = check::differences(&world);
                found.extend(check::lost_strays(&world));
                found.into_iter().for_each(|difference| world.is_wrong(difference));
                return;
            }
            world.restart();
        }
    }

    /// Runs a client until it is killed or ends. Returns whether everything is replicated.
    fn run_client(&mut self) -> bool {
        let names = &self.client.names;
        let mut driver =
            Driver::new(Daemon::new(self.rules, names, &"replica".into(), "log-run".into()));
        // Sessions are not shared in the simulation: each worker has its own.
        let workers = Width::new(self.rules.jobs).workers();
        let mut env = SimEnv::new(self.client.clone(), workers);
        let mut disk = Disk::new(&self.world);
        loop {
            let end = driver.turn(&mut env, Some(&mut disk));
            self.turns += 1;
            let mut world = self.world.look();
            if let Some(end) = end {
                world.trace(|| format!("client: ends with {end:?}"));
                return env.is_idle;
            }
            if world.is_dead || !world.wrong.is_empty() {
                return false;
            }
            if world.changes_left == 0 && !world.is_calm {
                world.calm_down();
            }
            self.calm += u32::from(world.is_calm);
            if self.calm > PATIENCE || self.turns > LONGEST {
                let left: Vec<String> =
                    world.files.entries().iter().map(ToString::to_string).collect();
                world.is_wrong(format!("this is never replicated: {}", left.join(", ")));
                return false;
            }
        }
    }
}

/// Plays a longer history without faults. Calls `hear` with each command and its reply.
pub(super) fn beside(seed: u64, hear: &Arc<parking_lot::Mutex<Box<Hear>>>) {
    let mut world = World::new(Chance::new(seed), PEOPLE, false);
    world.faults = Faults::default();
    writer::found(&mut world);
    let world = Shared::new(world);
    for _ in 0..20 {
        for _ in 0..20 {
            writer::act(&mut world.look());
        }
        // Each run uses a new session, so the real server must release its staged files.
        (hear.lock())(b"RESTART\r\n", b"OK Restarting\r\n");
        let heard = hear.clone();
        let hear = Box::new(move |command: &[u8], reply: &[u8]| (heard.lock())(command, reply));
        sync_all(&client(&world), Link::new(&world, Some(hear)));
    }
}

fn sync_all(client: &Client, mut link: Link) {
    let mut staged = Staged::default();
    let users = client.world.look().users();
    let shared: Vec<MboxName> = {
        let world = client.world.look();
        world.master.entries.keys().filter(|name| owner(name).is_none()).cloned().collect()
    };
    let mut pass = Pass::new(
        &client.store,
        &client.names,
        &mut link,
        &client.settings,
        &Silent,
        &client.cancel,
        &mut staged,
    );
    for user in &users {
        // Errors are ignored: only commands and replies are compared.
        let _ = sync::user(&mut pass, user, None);
    }
    let _ = sync::mailboxes(&mut pass, &shared);
}
