//! Tests features of Cyrus 3.13. Needs a tree with version 3.13 or later that a developer has
//! built.

use std::time::{Duration, Instant};

use cyrsync_lab::places::places;
use cyrsync_lab::run::{cyrus_sync_client, start_sync_client};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{
    Cyrus, Imap, Lab, Options, another_replica, compare, describe, random_changes, tools,
};

use super::{OPERATIONS, conversations, furnish, is_of_one_side, ours, sent};

/// Lines of imapd.conf that set format twom for every database that is replicated or that
/// replication uses.
const TWOM: &str = "annotation_db: twom\nconversations_db: twom\nmboxlist_db: twom\n\
    mboxkey_db: twom\nquota_db: twom\nseenstate_db: twom\nsubscription_db: twom\n\
    statuscache_db: twom\nsync_cache_db: twom\nuserdeny_db: twom\nduplicate_db: twom\n";

/// Runs a test with each tree of version 3.13 or later.
fn each_recent(test: impl Fn(Tree)) {
    let mut trees = Tree::by_hand();
    trees.retain(|tree| tree.release().version() >= (3, 13));
    if trees.is_empty() {
        eprintln!("skipped: there is no tree with a Cyrus 3.13 that was built by hand");
    }
    trees.into_iter().for_each(test);
}

/// Replicates with our client, and asserts that master and replica are equal. If `theirs` is given,
/// also replicates to it with Cyrus's client and compares, without data that Cyrus's client does
/// not replicate.
#[track_caller]
fn assert_replicated(lab: &Lab, theirs: Option<&Cyrus>) {
    let run = ours(lab, &["-v", "-A"]).ok();
    assert!(!run.log.contains("ERR "), "{run}");
    assert_eq!(sent(&ours(lab, &["-v", "-A"]).ok()), [""; 0]);
    let mut differences = compare(&lab.master, &lab.replica);
    differences.retain(|it| !is_of_one_side(lab, it));
    assert!(differences.is_empty(), "{}", describe(&differences, 40));
    let run = ours(lab, &["--verify=messages", "-A"]).ok();
    assert!(run.stdout.ends_with(": equal\n"), "{run}");
    let Some(theirs) = theirs else { return };
    lab.master.use_replica(theirs);
    cyrus_sync_client(&lab.master, &["-A"]).ok();
    let mut differences = compare(&lab.master, theirs);
    // Leave out data that Cyrus's client does not replicate.
    differences.retain(|it| !is_of_one_side(lab, it) && !it.path.starts_with("SERVER "));
    assert!(differences.is_empty(), "{}", describe(&differences, 40));
    lab.master.use_replica(&lab.replica);
}

fn change(master: &Cyrus, round: u64) {
    random_changes(master, 6_100 + round, OPERATIONS / 2);
    furnish(master, round);
    tools::run(master, "quota", &["-f"]);
}

/// Tests index version 19, as on an upgraded spool. The replica's mailboxes must get the versions
/// of the master's, both new mailboxes and mailboxes whose version changes later.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn replicated_indexes_have_the_versions_of_a_master_of_3_13() {
    each_recent(|tree| {
        let (master_tree, replica_tree) = (Some(tree.clone()), Some(tree));
        let options = Options { master_tree, replica_tree, ..conversations() };
        let lab = Lab::new(options.clone());
        let theirs = another_replica(&lab, "theirs", &options);
        change(&lab.master, 0);
        let fred = lab.master.admin_name("user.fred");
        tools::run(&lab.master, "reconstruct", &["-V", "19", &fred]);
        assert_replicated(&lab, Some(&theirs));
        for server in [&lab.master, &lab.replica, &theirs] {
            assert_eq!(index_version(server, "user.fred"), 19, "{}", server.name());
            assert_eq!(index_version(server, "user.anna"), 20, "{}", server.name());
        }
        change(&lab.master, 1);
        assert_replicated(&lab, Some(&theirs));
    });
}

fn index_version(server: &Cyrus, mailbox: &str) -> u32 {
    let found = places(server, [mailbox]);
    let index = std::fs::read(found[mailbox].meta.join("cyrus.index")).expect("it is there");
    // The version follows the generation and the format in the header.
    u32::from_be_bytes(index[8..12].try_into().expect("four bytes"))
}

/// Tests removed records (`DELETEDMODSEQ`), short ids (`COMPACT_EMAILIDS`), users' files in another
/// place (`mboxname_userpath`), and all databases in format twom.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn features_of_3_13_are_replicated_to_3_13() {
    each_recent(|tree| {
        for (master, replica) in [
            (format!("{TWOM}mboxname_userpath: {{dir}}/people\n"), String::new()),
            ("mboxname_userpath: {dir}/conf/people\n".to_owned(), TWOM.to_owned()),
        ] {
            let lab = Lab::new(Options {
                master_tree: Some(tree.clone()),
                replica_tree: Some(tree.clone()),
                master_conf: master,
                replica_conf: replica,
                ..conversations()
            });
            for round in 0..3 {
                change(&lab.master, round);
                assert_replicated(&lab, None);
                // Remove the expunged records. Updates must also work without them.
                for server in [&lab.master, &lab.replica] {
                    tools::run(server, "cyr_expire", &["-E", "1000", "-X", "0", "-D", "0"]);
                }
            }
            tools::run(&lab.master, "ctl_conversationsdb", &["-I", "on", "fred"]);
            let mut fred = Imap::login(&lab.master, "fred");
            assert!(fred.append("INBOX", "", b"Subject: short\r\n\r\nshort\r\n").is_ok());
            assert_replicated(&lab, None);
        }
    });
}

/// On average one thread id in sixteen begins with a zero, so a hundred threads test leading zeros.
/// Replicates to a newer and to an older replica, also over an imapd that hides its version.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_hundred_threads_are_replicated_in_one_run_between_3_13_and_others() {
    each_recent(|tree| {
        let others = [None, Some(Tree::of(Release::Forky))];
        for other in others {
            for (master_tree, replica_tree) in
                [(other.clone(), Some(tree.clone())), (Some(tree.clone()), other.clone())]
            {
                let lab = Lab::new(Options { master_tree, replica_tree, ..conversations() });
                threads(&lab, 0);
                assert_replicated(&lab, None);
                lab.master.use_port(lab.replica.imap_port());
                lab.master.set_config("sync_try_imap", Some("yes"));
                for (round, reported) in ["on", "min", "off"].into_iter().enumerate() {
                    lab.replica.set_config("serverinfo", Some(reported));
                    threads(&lab, round + 1);
                    assert_replicated(&lab, None);
                }
            }
        }
    });
}

fn threads(lab: &Lab, round: usize) {
    let user = format!("user{round}");
    Imap::admin(&lab.master).ok(&format!("CREATE user/{user}"));
    let mut imap = Imap::login(&lab.master, &user);
    for number in 0..100 {
        let text = format!(
            "Subject: {number} of {round}\r\nMessage-ID: <{number}.{round}@example.com>\r\n\r\nx\r\n"
        );
        assert!(imap.append("INBOX", "", text.as_bytes()).is_ok());
    }
}

/// Tests that `-R` keeps up while users work. Master and replica have the same version, 3.12 or
/// later.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn rolling_keeps_up_with_3_12_and_later() {
    rolled(Tree::of(Release::Forky));
    each_recent(rolled);
}

fn rolled(tree: Tree) {
    let (master_tree, replica_tree) = (Some(tree.clone()), Some(tree));
    let master_conf = "sync_repeat_interval: 0\n".to_owned();
    let lab = Lab::new(Options { master_tree, replica_tree, master_conf, ..conversations() });
    let program = env!("CARGO_BIN_EXE_sync_client");
    let mut running = start_sync_client(program, &lab.master, &["-R", "-l"]);
    for round in 0..4 {
        random_changes(&lab.master, 6_200 + round, OPERATIONS);
        furnish(&lab.master, round);
    }
    let files = ["sync/log", "sync/log-run"].map(|name| lab.master.config_dir().join(name));
    let end = Instant::now() + Duration::from_secs(120);
    while files.iter().any(|file| file.exists()) {
        assert!(Instant::now() < end, "it is not done: {:#?}", running.so_far());
        // No event announces a change of these files, so check again.
        match running.wait_within(Duration::from_millis(5)) {
            Ok(run) => panic!("it ended before that: {run}"),
            Err(still_running) => running = still_running,
        }
    }
    running.signal(libc::SIGTERM);
    let run = running.wait();
    // Mailboxes that users rename during a run are tried again, but there must be no error.
    assert!(!run.log.contains("same uniqueid"), "{run}");
    // Correct quotas: Cyrus leaves a wrong root in mailboxes that are renamed out of the root's
    // subtree.
    for server in [&lab.master, &lab.replica] {
        tools::run(server, "quota", &["-f"]);
    }
    let mut differences = compare(&lab.master, &lab.replica);
    // A flag name that no message uses is replicated only with the next change of its mailbox.
    differences.retain(|it| !is_of_one_side(&lab, it) && !it.path.ends_with(" USERFLAGS"));
    assert!(differences.is_empty(), "{}", describe(&differences, 40));
}
