//! Random histories of a real master, replicated and compared field by field; what Cyrus's own
//! client finds afterwards, and what ours finds after Cyrus's.

use cyrsync_lab::run::{Run, cyrus_sync_client, sync_client};
use cyrsync_lab::{Cyrus, Lab, Options, compare, describe, random_changes, tools};

/// Operations between two replications.
const OPERATIONS: usize = 150;
const ROUNDS: u64 = 3;

fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, args)
}

/// Changes the master; gives back what was done, for the message of a failure.
fn change(lab: &Lab, seed: u64, done: &mut Vec<String>) {
    done.extend(random_changes(&lab.master, seed, OPERATIONS));
    settle_quotas(&lab.master);
}

/// Cyrus leaves a stale quota root in mailboxes that are renamed out of its subtree, on the master
/// as on the replica, and the protocol cannot set it. `quota -f` is what administrators run then.
fn settle_quotas(cyrus: &Cyrus) {
    tools::run(cyrus, "quota", &["-f"]);
}

fn assert_equal(lab: &Lab, seed: u64, done: &[String], run: &Run) {
    settle_quotas(&lab.replica);
    let mut differences = compare(&lab.master, &lab.replica);
    // What `quota -f` mends gets a new modseq.
    differences.retain(|d| !(d.path.starts_with("QUOTA ") && d.path.ends_with(" MODSEQ")));
    assert!(
        differences.is_empty(),
        "seed {seed}, after:\n{}\nit did:\n{}\n{}\n{}",
        done.join("\n"),
        run.stdout,
        run.log,
        describe(&differences, 40)
    );
}

/// What a client with `-v` prints that has nothing to send.
fn assert_nothing_sent(run: &Run) {
    let idle = |line: &&str| {
        ["USER ", "MAILBOXES ", "ENABLE ", "SUMMARY "].iter().any(|word| line.starts_with(word))
    };
    let sent: Vec<&str> = run.stdout.lines().filter(|line| !idle(line)).collect();
    assert!(sent.is_empty(), "{sent:#?}\n{}", run.log);
}

fn ours_then_cyrus(seed: u64, options: Options) {
    let lab = Lab::new(options);
    let mut done = Vec::new();
    for round in 0..ROUNDS {
        change(&lab, seed * 100 + round, &mut done);
        let run = ours(&lab, &["-v", "-A"]);
        assert!(run.status.success(), "seed {seed}: {run:?}");
        assert_equal(&lab, seed, &done, &run);
    }
    assert_nothing_sent(&ours(&lab, &["-v", "-A"]).ok());
    assert_nothing_sent(&cyrus_sync_client(&lab.master, &["-v", "-A"]).ok());
}

#[test]
fn random_spools_become_equal_and_cyrus_finds_nothing_to_send() {
    ours_then_cyrus(1, Options::default());
}

#[test]
fn random_spools_with_conversations_become_equal() {
    ours_then_cyrus(2, Options { conversations: true, ..Options::default() });
}

#[test]
fn random_spools_with_slashes_and_reverse_acls_become_equal() {
    let options = Options { conversations: true, reverseacls: true, ..Options::modern() };
    ours_then_cyrus(3, options);
}

#[test]
fn random_spools_without_hashed_directories_become_equal() {
    ours_then_cyrus(4, Options { hashimapspool: false, ..Options::default() });
}

#[test]
fn random_spools_with_immediate_expunges_become_equal() {
    ours_then_cyrus(5, Options { delayed_expunge: false, ..Options::default() });
}

#[test]
fn after_cyruss_client_ours_finds_nothing_to_send() {
    let lab = Lab::new(Options { conversations: true, ..Options::default() });
    let mut done = Vec::new();
    for round in 0..2 {
        change(&lab, 500 + round, &mut done);
        // Cyrus's client settles some renames only when it is asked once more.
        cyrus_sync_client(&lab.master, &["-A"]);
        cyrus_sync_client(&lab.master, &["-A"]);
        if compare(&lab.master, &lab.replica).is_empty() {
            assert_nothing_sent(&ours(&lab, &["-v", "-A"]).ok());
        }
    }
    // Where Cyrus's client gave up, ours does not.
    let run = ours(&lab, &["-v", "-A"]);
    assert!(run.status.success(), "{run:?}");
    assert_equal(&lab, 500, &done, &run);
}
