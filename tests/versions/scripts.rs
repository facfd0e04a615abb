//! Tests scripts in a sieve directory, and replicas that do not create mailboxes for scripts.

use std::path::Path;

use cyrsync_lab::run::Run;
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Imap, Lab, Options, Sieve, SieveDirectory, Status, scripts};

use crate::{ours, sent};

/// Replicates scripts of a user without a `#sieve` mailbox. With `moved`, the master's own Cyrus
/// can move them there. A replica of 3.12 or later aborts if it must create that mailbox itself.
#[track_caller]
fn scripts_in_directory(master: Option<Release>, replica: Option<Release>, moved: bool) {
    let moves = "allowusermoves: yes\n";
    let path = if moved { "" } else { "sync_server_path: /nonexistent/sync_server\n" };
    for args in [&["-u", "fred"][..], &["-A"], &["-s", "fred"], &["-1"]] {
        let lab = Lab::new(Options {
            master_tree: master.map(Tree::of),
            replica_tree: replica.map(Tree::of),
            master_conf: format!("{moves}{path}"),
            replica_conf: format!("{moves}replicaonly: yes\n"),
            ..Options::default()
        });
        let mut admin = Imap::admin(&lab.master);
        admin.ok("CREATE user.fred");
        admin.ok("CREATE user.fred.Sent");
        if args[0] != "-u" {
            ours(&lab, &["-A"]).ok();
            // Add files of scripts on the replica to which no mailbox refers: a third script, and
            // an older one.
            let there = SieveDirectory::of(&lab.replica, "user.fred");
            there.put("main", "discard;\r\n");
            there.put("third", "discard;\r\n");
            there.activate("third.bc");
        }
        if master == Some(Release::Bullseye) {
            let mut sieve = Sieve::login(&lab.master, "fred");
            assert_eq!(sieve.put("main", "keep;\r\n").0, Status::Ok);
            assert_eq!(sieve.put("other", "stop;\r\n").0, Status::Ok);
            assert_eq!(sieve.activate("main").0, Status::Ok);
        } else {
            let directory = SieveDirectory::of(&lab.master, "user.fred");
            directory.put("main", "keep;\r\n");
            directory.put("other", "stop;\r\n");
            directory.activate("main.bc");
        }
        let log = lab.master.config_dir().join("sync/log");
        std::fs::write(&log, "META fred\n").expect("own directory");
        let run = ours(&lab, &[&["-v"], args].concat()).ok();
        assert!(!run.log.contains("ERR "), "{run}");
        assert_eq!(run.stdout.contains("SIEVE fred (on the master)"), moved, "{run}");
        assert_eq!(run.stdout.contains("SIEVE fred main.script"), !moved, "{run}");
        assert_scripts(&lab, "fred", "main", &run);
        admin.ok("RENAME user.fred user.frida");
        let run = ours(&lab, &["-v", "-u", "frida"]).ok();
        assert!(!run.log.contains("ERR "), "{run}");
        assert_scripts(&lab, "frida", "main", &run);
    }
}

/// Asserts that both scripts are on the replica and that `active` is active. Also asserts that both
/// sides are equal, that a second run sends nothing, and that no server of the replica has aborted.
#[track_caller]
fn assert_scripts(lab: &Lab, user: &str, active: &str, run: &Run) {
    let again = ours(lab, &["-v", "-A"]).ok();
    assert_eq!(sent(&again), [""; 0], "{run} {again}");
    let verified = ours(lab, &["--verify", "-A"]);
    assert_eq!(verified.status.code(), Some(0), "{run} {verified}");
    let log = lab.replica.log();
    let died = |line: &str| line.contains("signaled to death") && line.contains("sync_server");
    assert!(!log.contains("assertion failed") && !log.lines().any(died), "{log}");
    let found = scripts(&lab.replica, user);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let of = |name: &str| {
        if name == active { format!("\"{name}\" ACTIVE") } else { format!("\"{name}\"") }
    };
    assert_eq!(names, [of("main"), of("other")], "{run}");
    let place = SieveDirectory::of(&lab.replica, &format!("user.{user}"));
    let target = std::fs::read_link(place.path().join("defaultbc")).expect("one is active");
    assert_eq!(target, Path::new(&format!("{active}.bc")));
    assert!(place.path().join(target).exists(), "{:?}", place.files());
    for (name, content) in found {
        let wanted = if name.starts_with("\"main") { "keep;\r\n" } else { "stop;\r\n" };
        assert_eq!(content, wanted, "{name}");
    }
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn scripts_in_a_directory_of_3_6_reach_a_replica_that_makes_no_mailboxes() {
    scripts_in_directory(None, Some(Release::Forky), true);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn scripts_in_a_directory_of_3_6_that_stay_there_reach_a_replica_that_makes_no_mailboxes() {
    scripts_in_directory(None, Some(Release::Forky), false);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn scripts_in_a_directory_of_3_12_reach_a_replica_that_makes_no_mailboxes() {
    scripts_in_directory(Some(Release::Forky), Some(Release::Forky), true);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn scripts_in_a_directory_of_3_12_that_stay_there_reach_a_replica_that_makes_no_mailboxes() {
    scripts_in_directory(Some(Release::Forky), Some(Release::Forky), false);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn scripts_of_3_2_reach_3_6_before_and_after_a_rename() {
    scripts_in_directory(Some(Release::Bullseye), None, false);
}
