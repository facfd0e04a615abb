//! Tests pairs of versions of Cyrus. By default these are the versions that a developer has built,
//! in trees beside Debian's: each of them as master and as replica, with every available version
//! and with itself.
//!
//! The environment variable `CYRSYNC_PAIRS` selects other pairs: `bookworm:master bullseye:forky`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Options, random_changes};

use super::{OPERATIONS, conversations, follow_changes, follow_log, furnish, repair};

/// The tree of a server; `None` is the installed version.
pub type Server = Option<Tree>;

fn name(server: &Server) -> String {
    let installed = || Release::installed().name().expect("a release of Debian").to_owned();
    server.as_ref().map_or_else(installed, Tree::name)
}

fn release(server: &Server) -> Release {
    server.as_ref().map_or_else(Release::installed, Tree::release)
}

/// Returns the pairs to test. Leaves out replicas of 3.2, because Cyrus requires a replica that is
/// at least as new as its master (although 3.6 works with one).
fn pairs() -> Vec<(Server, Server)> {
    let all = Tree::all().into_iter().map(Some);
    let servers: Vec<Server> = [None].into_iter().chain(all).collect();
    let is_by_hand = |server: &Server| matches!(release(server), Release::ByHand(..));
    let only = std::env::var("CYRSYNC_PAIRS").ok();
    let mut found = Vec::new();
    for master in &servers {
        for replica in servers.iter().filter(|replica| release(replica) != Release::Bullseye) {
            let wanted = match &only {
                Some(only) => only.split_whitespace().any(|one| one == pair(master, replica)),
                None => is_by_hand(master) || is_by_hand(replica),
            };
            if wanted {
                found.push((master.clone(), replica.clone()));
            }
        }
    }
    found
}

fn pair(master: &Server, replica: &Server) -> String {
    format!("{}:{}", name(master), name(replica))
}

/// Tests each pair, even if other pairs fail.
fn each_pair(test: impl Fn(Server, Server)) {
    let pairs = pairs();
    if pairs.is_empty() {
        eprintln!("skipped: there are no trees for these pairs");
    }
    let tried = pairs.into_iter().map(|(master, replica)| {
        let pair = pair(&master, &replica);
        (pair, catch_unwind(AssertUnwindSafe(|| test(master, replica))).is_ok())
    });
    let failed: Vec<String> = tried.filter(|(_, good)| !good).map(|(pair, _)| pair).collect();
    assert_eq!(failed, [""; 0]);
}

/// Replicates each pair over several rounds of changes.
fn each_pair_follows(options: &Options, seed: u64) {
    each_pair(|master_tree, replica_tree| {
        let options = Options { master_tree, replica_tree, ..options.clone() };
        follow_changes(&options, |master, round| {
            random_changes(master, seed * 100 + round, OPERATIONS);
            furnish(master, round);
        });
    });
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn every_pair() {
    each_pair_follows(&Options::default(), 40);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn every_pair_with_conversations_and_slashes() {
    each_pair_follows(&conversations(), 41);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn every_pair_by_the_log() {
    each_pair(|master_tree, replica_tree| {
        follow_log(Options { master_tree, replica_tree, ..conversations() }, 42);
    });
}

/// The master's own sync_server must write changes of the replica to the master.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn repairs_in_every_pair() {
    each_pair(|master_tree, replica_tree| {
        repair(Options { master_tree, replica_tree, ..conversations() });
    });
}
