//! Tests cyrus-host with Cyrus 3.10 and 3.12: compiled with their headers, linked with their
//! libraries, both from the trees of `scripts/trees`.

use std::fs;
use std::time::{Duration, Instant};

use cyrsync_lab::run::{Running, copy_program, start};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Imap, Lab, Options, compare, describe, tools};

use super::build::program;
use super::checkpoint::{
    Service, cyrus_itself, does, equal, flags_on_replica, options, waits_while_open,
};
use super::crashes::interrupted;
use super::filled::{append, embedded, filled, settle_quotas, subjects};

pub fn newer(release: Release, options: Options) -> Options {
    let tree = Some(Tree::of(release));
    Options { master_tree: tree.clone(), replica_tree: tree, ..options }
}

fn roll(lab: &Lab) -> Running {
    let client = program(&lab.master, "sync_client");
    start(&lab.master, lab.master.linked_program(&client).args(["-v", "-R", "-d", "1"]))
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn cyrus_3_10_is_replicated_and_repaired() {
    replicated_and_repaired(Release::Trixie);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn cyrus_3_12_is_replicated_and_repaired() {
    replicated_and_repaired(Release::Forky);
}

fn replicated_and_repaired(release: Release) {
    let has_groups = release == Release::Forky;
    let lab = filled(newer(release, Options { conversations: true, ..Options::default() }));
    if has_groups {
        Imap::admin(&lab.master).ok("SETUSERGROUP paula group:staff");
    }
    let run = embedded(&lab, &["-v", "-A"]).ok();
    assert_eq!(run.stderr, "", "{run}");
    settle_quotas(&lab.replica);
    let mut differences = compare(&lab.master, &lab.replica);
    differences.retain(|difference| {
        // A change of a group raises the modseq of reverse ACLs. A replica without `reverseacls`
        // does not store it.
        let of_groups = difference.path.ends_with(" RACLMODSEQ") && difference.replica.is_none();
        // `quota -f` gives the roots that it corrects a new modseq.
        let of_quota =
            difference.path.starts_with("QUOTA ") && difference.path.ends_with(" MODSEQ");
        !of_groups && !of_quota
    });
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
    if has_groups {
        let groups = Imap::admin(&lab.replica).ok("GETUSERGROUP paula").lines().join(" ");
        assert!(groups.contains("group:staff"), "{groups}");
    }
    let idle = embedded(&lab, &["-v", "-A"]).ok();
    assert!(!idle.stdout.contains("MAILBOX "), "there was something left to do: {idle}");

    append(&lab.master, "paula", "INBOX", "from the master");
    append(&lab.replica, "paula", "INBOX", "from the replica");
    let run = embedded(&lab, &["-v", "-u", "paula"]).ok();
    assert!(run.stdout.contains("MAILBOX user.paula (on the master)"), "{run}");
    let again = embedded(&lab, &["-v", "-u", "paula"]).ok();
    assert!(!again.stdout.contains("MAILBOX "), "there was something left to do: {again}");
    let all = ["from the master", "from the replica", "one", "two"];
    for cyrus in [&lab.master, &lab.replica] {
        assert_eq!(subjects(cyrus, "paula"), all, "{}", cyrus.name());
        let pattern = cyrus.admin_name("user.*");
        assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{}", cyrus.name());
        assert_eq!(tools::quota_complaints(cyrus), [""; 0], "{}", cyrus.name());
    }
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_rolling_client_replicates_cyrus_3_12() {
    let lab = filled(newer(Release::Forky, Options::default()));
    embedded(&lab, &["-A"]).ok();
    let rolling = roll(&lab);
    append(&lab.master, "paula", "INBOX", "three");
    let end = Instant::now() + Duration::from_secs(60);
    while subjects(&lab.replica, "paula") != ["one", "three", "two"] {
        assert!(Instant::now() < end, "{:?}", rolling.so_far());
        std::thread::sleep(Duration::from_millis(20));
    }
    rolling.signal(libc::SIGTERM);
    let run = rolling.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
    assert_eq!(run.stderr, "", "{run}");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn imapd_and_lmtpd_of_cyrus_3_10_replicate_with_the_engine_before_they_answer() {
    cyrus_itself(newer(Release::Trixie, options()));
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_service_of_cyrus_3_10_answers_when_the_replica_has_the_change() {
    answers_later(Release::Trixie);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_service_of_cyrus_3_12_answers_when_the_replica_has_the_change() {
    answers_later(Release::Forky);
}

fn answers_later(release: Release) {
    let mut lab = equal(newer(release, options()));
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    // STORE calls Cyrus's sync_checkpoint().
    for (command, uid) in [("FLAG", 2), ("STORE", 1)] {
        does(&mut service, &lab, &format!("{command} user.paula {uid}"));
        assert!(flags_on_replica(&lab, uid).contains("\\Flagged"), "{}", lab.master.log());
    }
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn imapd_and_lmtpd_of_cyrus_3_12_replicate_with_the_engine_before_they_answer() {
    cyrus_itself(newer(Release::Forky, options()));
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn nothing_is_replicated_while_a_process_of_cyrus_3_12_has_a_mailbox_open() {
    waits_while_open(newer(Release::Forky, options()));
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn functions_built_for_another_version_change_nothing() {
    let installed = Lab::default();
    let lab = filled(newer(Release::Trixie, options()));
    let file = interrupted(&lab, "user.paula");
    let before = fs::read(&file).expect("it was written");
    let unfit = lab.master.scratch().join("unfit");
    copy_program(&program(&installed.master, "unfit"), &unfit);
    let run = start(&lab.master, &mut lab.master.linked_program(&unfit)).wait().ok();
    assert_eq!(run.stdout, "", "{run}");
    assert!(run.log.contains("cyrus-host was built for another version of Cyrus"), "{run}");
    assert!(!run.log.contains("an interrupted update"), "{run}");
    assert_eq!(fs::read(&file).expect("it is kept"), before);
    // The program of this version completes the update.
    let run = start(&lab.master, &mut lab.master.linked_program(&program(&lab.master, "unfit")));
    let run = run.wait().ok();
    assert!(run.stdout.starts_with("fits\nhost\n"), "{run}");
    assert!(!file.exists(), "{run}");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_library_built_for_another_version_leaves_replication_to_cyrus() {
    let installed = Lab::default();
    let mut lab = equal(newer(Release::Trixie, options()));
    let library = lab.master.scratch().join("built_for_the_installed_cyrus.so");
    copy_program(&program(&installed.master, "libcyrsync_cyrus.so"), &library);
    lab.master.preload("imapd", &library);
    lab.master.stop_server();
    lab.master.start_server();
    let mut imap = Imap::login(&lab.master, "paula").with_selected("INBOX");
    imap.ok("UID STORE 2 +FLAGS (\\Answered)");
    let log = lab.master.log();
    assert!(
        log.contains(
            "cyrus-host was built for another version of Cyrus: for 3.6.1, but this is 3.10"
        ),
        "{log}"
    );
    assert!(!log.contains("cyrsync replicates the changes of this process"), "{log}");
    // Cyrus's own code replicates the change before imapd answers.
    assert!(flags_on_replica(&lab, 2).contains("\\Answered"), "{log}");
}
