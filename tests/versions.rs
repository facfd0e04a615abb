//! Spools and servers of other versions of Cyrus: 3.2.6 and 3.10.2, as `scripts/trees` brings them.
//! Each master is replicated twice: by ours, and by the client that belongs to it.
//!
//! `make versions` makes the trees and runs these.

use std::collections::HashSet;

use cyrsync_lab::run::{Run, cyrus_sync_client, sync_client};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{
    Cyrus, Difference, Imap, Lab, Options, Sieve, Status, another_replica, compare, describe,
    quote, random_changes, tools,
};

const OPERATIONS: usize = 120;
const ROUNDS: u64 = 3;

fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, args)
}

/// What random changes do not touch: quotas, annotations of mailboxes, messages and the server,
/// scripts, seen state in others' mailboxes.
fn furnish(master: &Cyrus, round: u64) {
    let user = |local: &str| master.admin_name(&format!("user.{local}"));
    let (fred, anna) = (user("fred"), user("anna"));
    let mut admin = Imap::admin(master);
    if round == 0 {
        admin.ok(&format!("CREATE {}", quote(&fred)));
        admin.ok(&format!("CREATE {}", quote(&anna)));
        admin.ok(&format!("SETACL {} anna lrs", quote(&fred)));
    }
    let comment = format!("round {round}");
    assert!(admin.set_quota(&fred, &format!("STORAGE {}", 90_000 + round)).is_ok());
    assert!(admin.set_metadata(&anna, "/shared/comment", Some(comment.as_bytes())).is_ok());
    assert!(admin.set_metadata("", "/shared/comment", Some(comment.as_bytes())).is_ok());
    let mut imap = Imap::login(master, "fred");
    let text = format!("Subject: {round}\r\nMessage-ID: <{round}@example.com>\r\n\r\nround\r\n");
    assert!(imap.append("INBOX", "\\Flagged Work", text.as_bytes()).is_ok());
    imap.ok("SELECT INBOX");
    assert!(imap.annotate_messages("1", "/comment", true, Some(comment.as_bytes())).is_ok());
    imap.ok("UNSELECT");
    let mut imap = Imap::login(master, "anna");
    let inbox = quote(&master.others_name("user.fred"));
    imap.ok(&format!("SUBSCRIBE {inbox}"));
    imap.ok(&format!("SELECT {inbox}"));
    imap.ok("UID STORE 1:* +FLAGS (\\Seen)");
    imap.ok("UNSELECT");
    let mut sieve = Sieve::login(master, "fred");
    assert_eq!(sieve.put("main", &format!("# {round}\r\nkeep;\r\n")).0, Status::Ok);
    assert_eq!(sieve.activate("main").0, Status::Ok);
}

#[track_caller]
fn assert_equal(left: &Cyrus, right: &Cyrus, what: &str, excused: impl Fn(&Difference) -> bool) {
    let mut differences = compare(left, right);
    differences.retain(|difference| !excused(difference));
    assert!(differences.is_empty(), "{what}: {}", describe(&differences, 40));
}

/// Each replica makes a mailbox of its own for scripts, where the master has none; its own name is
/// in the messages, and so in their size.
fn is_of_scripts(path: &str) -> bool {
    path.contains(".#sieve")
        || path.starts_with("mailboxes.db I ")
        || (path.starts_with("QUOTA ") && path.ends_with(" FILE"))
        || (path.contains(" SIEVE ") && path.ends_with(" LAST_UPDATE"))
        // Bytecode, which each server makes itself.
        || path.contains(".bc ")
}

/// Replicates a master over some rounds of changes.
#[track_caller]
fn follow(options: Options, seed: u64) {
    let lab = Lab::new(options.clone());
    let theirs = another_replica(&lab, "theirs", &options);
    for round in 0..ROUNDS {
        random_changes(&lab.master, seed * 100 + round, OPERATIONS);
        furnish(&lab.master, round);
        tools::run(&lab.master, "quota", &["-f"]);
        let run = ours(&lab, &["-v", "-A"]).ok();
        assert!(!run.log.contains("ERR "), "round {round}: {run}");
        lab.master.use_replica(&theirs);
        let run = cyrus_sync_client(&lab.master, &["-A"]);
        // Some renames in a ring are beyond it.
        assert!(run.status.success() || run.log.contains("failed to order folders"), "{run}");
        lab.master.use_replica(&lab.replica);
        let excused = |difference: &Difference| {
            lab.master.release() == Release::Bullseye && is_of_scripts(&difference.path)
        };
        assert_equal(&lab.master, &lab.replica, "master and replica", excused);
        // Some things theirs leaves as they were: server annotations, a mailbox of which only
        // the name is left as an intermediate, users whose renames it cannot order.
        let left: HashSet<String> =
            compare(&lab.master, &theirs).into_iter().map(|difference| difference.path).collect();
        assert_equal(&theirs, &lab.replica, "what the two clients made", |difference| {
            excused(difference) || left.contains(&difference.path)
        });
    }
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
    let mut left = sent(&cyrus_sync_client(&lab.master, &["-v", "-A"]).ok());
    if lab.master.release() == Release::Bullseye {
        // It does away with the intermediates that its master has.
        left.retain(|line| !line.starts_with("UNMAILBOX "));
    }
    assert_eq!(left, [""; 0]);
}

/// What a client with `-v` sent beside questions.
fn sent(run: &Run) -> Vec<String> {
    let asks = |line: &str| ["USER ", "MAILBOXES ", "ENABLE "].iter().any(|w| line.starts_with(w));
    run.stdout.lines().filter(|line| !asks(line)).map(str::to_owned).collect()
}

fn conversations() -> Options {
    Options { conversations: true, ..Options::modern() }
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_2_to_3_6() {
    let master_tree = Some(Tree::of(Release::Bullseye));
    follow(Options { master_tree, ..Options::default() }, 1);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_2_to_3_6_with_conversations_and_slashes() {
    let master_tree = Some(Tree::of(Release::Bullseye));
    follow(Options { master_tree, hashimapspool: false, ..conversations() }, 4);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_10_to_3_6() {
    let master_tree = Some(Tree::of(Release::Trixie));
    follow(Options { master_tree, ..Options::default() }, 2);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_10_to_3_6_with_conversations_and_slashes() {
    let master_tree = Some(Tree::of(Release::Trixie));
    follow(Options { master_tree, ..conversations() }, 5);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_6_to_3_10() {
    let replica_tree = Some(Tree::of(Release::Trixie));
    follow(Options { replica_tree, ..Options::default() }, 3);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn from_3_6_to_3_10_with_conversations_and_slashes() {
    let replica_tree = Some(Tree::of(Release::Trixie));
    follow(Options { replica_tree, ..conversations() }, 6);
}
