//! Replicates a real master after random changes and compares field by field. Afterwards Cyrus's
//! client must find nothing to do, and after Cyrus's client ours must find nothing.

use cyrsync_lab::run::{Run, cyrus_sync_client};
use cyrsync_lab::{Cyrus, Lab, Options, compare, describe, random_changes, tools};

use crate::common::ours;

/// Number of operations between two replications.
const OPERATIONS: usize = 150;
const ROUNDS: u64 = 3;

/// Changes the master. Adds the operations to `done`, for the message of a failed test.
fn change(lab: &Lab, seed: u64, done: &mut Vec<String>) {
    done.extend(random_changes(&lab.master, seed, OPERATIONS));
    settle_quotas(&lab.master);
}

/// Corrects quota roots with `quota -f`, like an administrator. Cyrus leaves a wrong root in
/// mailboxes that are renamed out of the root's subtree, on both servers, and the protocol cannot
/// correct it.
fn settle_quotas(cyrus: &Cyrus) {
    tools::run(cyrus, "quota", &["-f"]);
}

fn assert_equal(lab: &Lab, seed: u64, done: &[String], run: &Run) {
    settle_quotas(&lab.replica);
    let mut differences = compare(&lab.master, &lab.replica);
    // `quota -f` gives the roots that it corrects a new modseq.
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

/// Asserts that a run with `-v` printed no line about a change.
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
        // Cyrus's client completes some renames only in a second run.
        cyrus_sync_client(&lab.master, &["-A"]);
        cyrus_sync_client(&lab.master, &["-A"]);
        if compare(&lab.master, &lab.replica).is_empty() {
            assert_nothing_sent(&ours(&lab, &["-v", "-A"]).ok());
        }
    }
    // Our client must also complete what Cyrus's client could not replicate.
    let run = ours(&lab, &["-v", "-A"]);
    assert!(run.status.success(), "{run:?}");
    assert_equal(&lab, 500, &done, &run);
}
