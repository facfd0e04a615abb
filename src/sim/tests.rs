//! Plays thousands of histories. The ignored test [`replay`] plays a single one and prints it.

use std::collections::BTreeMap;
use std::env;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::history::{Failure, history, play};
use super::plant::Plant;
use super::seeds::SEEDS;

/// The number of histories in a test run.
const HISTORIES: u64 = 10_000;
/// A planted bug must be detected within this number of histories.
const FOUND_WITHIN: u64 = 4_000;
/// The maximum number of failures in a report.
const SHOWN: usize = 5;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|number| number.parse().expect("a number"))
}

/// Plays the histories of `seeds` on all cores, until `enough` of them have failed. Returns the
/// failures, sorted by seed.
fn play_all(
    seeds: Range<u64>,
    enough: usize,
    one: impl Fn(u64) -> Result<(), Failure> + Sync,
) -> Vec<Failure> {
    let next = AtomicU64::new(seeds.start);
    let found = parking_lot::Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while found.lock().len() < enough {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    if let Err(failure) = one(seed) {
                        found.lock().push(failure);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner();
    found.sort_by_key(|failure| failure.seed);
    found
}

/// Returns a text with the failures and the commands that replay them.
fn report(failures: &[Failure]) -> String {
    let mut text = String::new();
    for Failure { seed, what, .. } in failures.iter().take(SHOWN) {
        let what = what.join("; ");
        text += &format!(
            "\nseed {seed}: {what}\n  to see it: CYRSYNC_SIM_SEED={seed} cargo test --lib \
             sim::tests::replay -- --ignored --nocapture"
        );
    }
    text
}

#[test]
fn histories_end_with_both_sides_equal() {
    let count = number("CYRSYNC_SIM_HISTORIES").unwrap_or(HISTORIES);
    let first = number("CYRSYNC_SIM_FIRST").unwrap_or(0);
    let failures = play_all(first..first + count, usize::MAX, history);
    assert!(failures.is_empty(), "{} of {count} failed{}", failures.len(), report(&failures));
}

#[test]
fn every_planted_bug_is_found() {
    let is_missed = |plant: &Plant| {
        let found = play_all(0..FOUND_WITHIN, 1, |seed| play(seed, Some(*plant), false));
        if let Some(Failure { seed, what, .. }) = found.first() {
            println!("{plant:?}: seed {seed}: {}", what.join("; "));
        }
        found.is_empty()
    };
    let missed: Vec<Plant> = Plant::ALL.into_iter().filter(is_missed).collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// The bugs of these seeds are fixed.
#[test]
fn seeds_that_once_failed_end_well() {
    for (seed, what) in SEEDS {
        if let Err(failure) = history(*seed) {
            panic!("{what}{}", report(&[failure]));
        }
    }
}

#[test]
fn a_seed_plays_the_same_history_each_time() {
    for seed in 0..20 {
        let story = |seed| match play(seed, Some(Plant::FailedIsDone), true) {
            Ok(()) => Vec::new(),
            Err(failure) => failure.story,
        };
        assert_eq!(story(seed), story(seed), "seed {seed}");
    }
}

/// Plays the history of one seed. If it fails, prints everything that happened.
#[test]
#[ignore = "for people: CYRSYNC_SIM_SEED=1 cargo test --lib sim::tests::replay -- --ignored --nocapture"]
fn replay() {
    let seed = number("CYRSYNC_SIM_SEED").unwrap_or(0);
    let Err(failure) = play(seed, None, true) else {
        println!("seed {seed} ends well");
        return;
    };
    failure.story.iter().for_each(|line| println!("{line}"));
    panic!("{}", report(&[failure]));
}

/// Plays many histories and counts how often each condition was violated. This helps to find the
/// cause.
#[test]
#[ignore = "for people: CYRSYNC_SIM_HISTORIES=100000 cargo test --lib sim::tests::causes -- --ignored --nocapture"]
fn causes() {
    let count = number("CYRSYNC_SIM_HISTORIES").unwrap_or(HISTORIES);
    let first = number("CYRSYNC_SIM_FIRST").unwrap_or(0);
    let mut causes: BTreeMap<String, (u64, u32)> = BTreeMap::new();
    for failure in play_all(first..first + count, usize::MAX, history) {
        for what in failure.what {
            causes.entry(what).or_insert((failure.seed, 0)).1 += 1;
        }
    }
    for (what, (seed, times)) in causes {
        println!("{times:>6} times, seed {seed} first: {what}");
    }
}
