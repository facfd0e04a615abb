//! Several clients change many users of a live master at the same time, while `sync_client -R` runs
//! and is disturbed. Afterwards both servers must be equal.
//!
//! The environment variable `CYRSYNC_CHAOS_OPERATIONS` sets the number of random operations of each
//! client, and `CYRSYNC_CHAOS_SEED` the seed that chooses them.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cyrsync_lab::random::World;
use cyrsync_lab::run::{Running, start_sync_client};
use cyrsync_lab::{
    Cyrus, Difference, Lab, Options, Proxy, Rng, Run, compare, describe, sync_client, tools,
};

use crate::common::{kill_sync_servers, program, until};
use crate::rolling::drained;

/// For each mail client, the first letter of its users.
const CLIENTS: [&str; 3] = ["a", "b", "c"];
/// Default number of random operations of each mail client.
const OPERATIONS: usize = 400;
/// Size of the header of a twoskip database, in bytes.
const TWOSKIP_HEADER: usize = 64;
/// Number of operations after which a user's sessions are closed and opened again.
const LOT: usize = 50;

fn from_environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    let given = env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

fn start(master: &Cyrus) -> Running {
    start_sync_client(program(), master, &["-R", "-l"])
}

/// Waits until the client has connected. From then on it handles signals.
fn connected(running: Running) -> Running {
    until(running, |so_far| so_far[2].contains("Destination supports"))
}

/// Ends the client with SIGTERM.
#[track_caller]
fn ended(running: Running) -> Run {
    running.signal(libc::SIGTERM);
    let run = running.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
    assert!(!run.log.contains("internal error"), "{run}");
    run
}

/// The servers and programs that a disturbance may change.
struct Scene<'s> {
    master: &'s Cyrus,
    replica: &'s mut Cyrus,
    running: Option<Running>,
    /// The log lines of earlier clients.
    logged: String,
    proxy: &'s Proxy,
    rng: Rng,
}

impl Scene<'_> {
    fn running(&self) -> &Running {
        self.running.as_ref().expect("it is only taken to be replaced")
    }
}

/// Starts the mail clients on the master, and calls `disturb` again and again while they run.
/// Afterwards both servers must be equal.
fn chaos(seed: u64, pause: Duration, disturb: impl Fn(&mut Scene<'_>)) {
    turmoil(seed, pause, disturb, false);
}

/// Like [`chaos`], but `disturb` may kill the replica's servers.
fn chaos_with_kills_on_the_replica(seed: u64, pause: Duration, disturb: impl Fn(&mut Scene<'_>)) {
    turmoil(seed, pause, disturb, true);
}

fn turmoil(seed: u64, pause: Duration, disturb: impl Fn(&mut Scene<'_>), servers_are_killed: bool) {
    let seed = from_environment("CYRSYNC_CHAOS_SEED", seed);
    let operations = from_environment("CYRSYNC_CHAOS_OPERATIONS", OPERATIONS);
    println!("seed {seed}, {operations} operations of each client");
    let mut lab = Lab::new(Options {
        conversations: true,
        master_conf: "allowusermoves: yes\n".to_owned(),
        replica_conf: "allowusermoves: yes\n".to_owned(),
        ..Options::default()
    });
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_repeat_interval", Some("0"));
    let Lab { master, replica } = &mut lab;
    let master = &*master;
    let running = Some(connected(start(master)));
    let (rng, logged) = (Rng::new(seed), String::new());
    let mut scene = Scene { master, replica, running, logged, proxy: &proxy, rng };
    let done = thread::scope(|scope| {
        let clients =
            CLIENTS.map(|prefix| scope.spawn(move || client(master, seed, prefix, operations)));
        // Disturb at random times. The test does not wait for events here.
        while !clients.iter().all(|client| client.is_finished()) {
            let longest = pause.as_millis() as usize;
            thread::sleep(Duration::from_millis(scene.rng.below(longest) as u64));
            disturb(&mut scene);
        }
        clients.map(|client| client.join().expect("a world panics with what it did"))
    });
    println!("the clients did:\n{}", done.concat().join("\n"));
    println!("ours logged:\n{}", scene.logged);
    // The client may read a mailbox while it is renamed. It must not report a second mailbox with
    // the same uniqueid.
    assert!(!scene.logged.contains("same uniqueid"), "seed {seed}");
    proxy.never_cut();
    let running = scene.running.take().expect("it is only taken to be replaced");
    let Run { stderr, log, .. } = ended(connected(running));
    println!("and in the end:\n{stderr}{log}");
    assert!(!log.contains("same uniqueid"), "seed {seed}");
    if servers_are_killed {
        remove_unfinished_databases(&mut lab.replica);
    }
    let _tell = Tell(&lab);
    // The next client must also complete the deferred entries.
    let Run { stderr, log, .. } = ended(drained(connected(start(&lab.master)), &lab));
    // Correct quotas: Cyrus leaves a wrong root in mailboxes that are renamed out of the root's
    // subtree.
    tools::quota_complaints(&lab.master);
    tools::quota_complaints(&lab.replica);
    if servers_are_killed {
        remove_stale_scripts(&lab);
    }
    let mut left = compare(&lab.master, &lab.replica);
    left.retain(|difference| !is_stale(difference));
    if servers_are_killed && !left.is_empty() {
        let damage = tools::reconstruct_complaints(&lab.replica, "*");
        println!("the replica's own Cyrus finds there:\n{}", damage.join("\n"));
        left.retain(|difference| !is_damage(difference, &damage));
    }
    assert!(left.is_empty(), "seed {seed}:\n{log}{stderr}{}", describe(&left, 30));
}

/// Returns whether the master itself reports a wrong value. This can be the modseq of a quota root
/// that `quota -f` corrected. After a user was renamed, it can also be checksum and size of
/// annotations that belonged to the old name; the annotations themselves are compared one by one.
fn is_stale(difference: &Difference) -> bool {
    let without_annotations = |quota: &Option<String>| {
        let quota = quota.clone().unwrap_or_default();
        let (before, after) = quota.split_once(" AS (").unwrap_or((&quota, ""));
        let after = after.split_once(')').map_or("", |(_, after)| after);
        format!("{before}{after}")
    };
    let Difference { path, master, replica } = difference;
    let is_quota = path.starts_with("QUOTA ");
    (is_quota && path.ends_with(" MODSEQ"))
        || path.ends_with(" SYNC_CRC_ANNOT")
        || (is_quota && without_annotations(master) == without_annotations(replica))
}

/// Removes databases without a header from the replica, as an administrator would. A server of
/// Cyrus 3.6.1 that is killed while it creates a database leaves such a file, because it writes the
/// header last. Cyrus then refuses the file ("invalid magic header"), and all changes to the
/// mailbox.
fn remove_unfinished_databases(replica: &mut Cyrus) {
    replica.stop_server();
    let mut databases = Vec::new();
    for partition in ["default", "second"] {
        find_all(&replica.partition_dir(partition), "cyrus.annotations", &mut databases);
    }
    for path in databases {
        let bytes = fs::read(&path).expect("nobody else is there");
        if bytes.iter().take(TWOSKIP_HEADER).all(|byte| *byte == 0) {
            println!("a killed server left {} without a header", path.display());
            fs::remove_file(path).expect("own file");
        }
    }
    replica.start_server();
}

/// Finds all files of this name below a directory.
fn find_all(dir: &Path, name: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_all(&path, name, found);
        } else if path.file_name().is_some_and(|n| n == name) {
            found.push(path);
        }
    }
}

/// Removes scripts that only the replica has, as an administrator would. A server of Cyrus 3.6.1
/// that is killed while it deletes a script may expunge it from the user's mailbox for scripts and
/// not remove its file. The mailboxes are then equal, so only `-s` makes the client compare the
/// scripts.
fn remove_stale_scripts(lab: &Lab) {
    let differences = compare(&lab.master, &lab.replica);
    let stale = differences.iter().filter(|difference| difference.master.is_none());
    let paths = stale.filter_map(|difference| difference.path.strip_prefix("USER "));
    let users = paths.filter_map(|path| path.split_once(" SIEVE ").map(|(user, _)| user));
    for user in users.collect::<BTreeSet<_>>() {
        println!("a killed server left a script of {user}");
        sync_client(program(), &lab.master, &["-s", user]).ok();
    }
}

/// Returns whether a quota's use is wrong because of damage that the replica's own Cyrus finds. A
/// server of Cyrus 3.6.1 that is killed between two writes may leave wrong sums in `cyrus.index`.
/// `quota -f` uses these sums, and replication does not send them, so only `reconstruct` can
/// correct them.
fn is_damage(difference: &Difference, found: &[String]) -> bool {
    let words = difference.path.strip_prefix("QUOTA ").and_then(|path| path.rsplit_once(' '));
    let Some((root, "FILE")) = words else { return false };
    found.iter().any(|line| {
        let mailbox = line.split_once(" updating quota_").map_or("", |(mailbox, _)| mailbox);
        let below = mailbox.strip_prefix(root);
        below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
    })
}

/// Prints the replica's log if the test fails.
struct Tell<'l>(&'l Lab);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("the replica's log:\n{}", self.0.replica.log());
        }
    }
}

/// Changes the users of one mail client. Returns the operations.
fn client(master: &Cyrus, seed: u64, prefix: &'static str, operations: usize) -> Vec<String> {
    let mut done = Vec::new();
    let first = u64::from(prefix.as_bytes()[0]) << 32;
    for lot in 0..operations.div_ceil(LOT) {
        let seed = first + (seed << 16) + lot as u64;
        let mut world = World::among(master, seed, prefix).deleting_users();
        for _ in 0..LOT.min(operations - lot * LOT) {
            world.step();
        }
        done.extend_from_slice(world.done());
    }
    done
}

#[test]
fn many_clients_are_followed() {
    chaos(1, Duration::from_millis(100), |_| {});
}

#[test]
fn many_clients_are_followed_by_a_client_that_is_killed_again_and_again() {
    chaos(2, Duration::from_millis(300), |scene| {
        let running = scene.running.take().expect("it is only taken to be replaced");
        running.signal(libc::SIGKILL);
        scene.logged.push_str(&running.wait().log);
        scene.running = Some(start(scene.master));
    });
}

#[test]
fn many_clients_are_followed_to_a_replica_that_is_killed_and_restarted() {
    chaos_with_kills_on_the_replica(3, Duration::from_millis(400), |scene| {
        if scene.rng.one_in(3) {
            scene.replica.stop_server();
            scene.replica.start_server();
            // The client may wait for its next attempt. SIGHUP makes it try at once.
            scene.running().signal(libc::SIGHUP);
        } else {
            kill_sync_servers(scene.replica);
        }
    });
}

#[test]
fn many_clients_are_followed_over_a_connection_that_is_cut_at_any_byte() {
    chaos(4, Duration::from_millis(200), |scene| {
        scene.proxy.reset();
        scene.proxy.never_cut();
        let bytes = scene.rng.below(20_000) as u64;
        match scene.rng.one_in(2) {
            true => scene.proxy.cut_after(bytes),
            false => scene.proxy.cut_answers_after(bytes / 4),
        }
        if scene.rng.one_in(3) {
            scene.running().signal(libc::SIGHUP);
        }
    });
}
