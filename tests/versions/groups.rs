//! Tests groups of users, which mailboxes.db contains since Cyrus 3.12.

use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Cyrus, Imap, Lab, Options};

use super::{ours, sent};

/// Starts a lab with a master of 3.12 and two users. `replica` is the version of the replica;
/// `None` is the installed version.
fn lab(replica: Option<Release>, master_conf: &str) -> Lab {
    let lab = Lab::new(Options {
        master_tree: Some(Tree::of(Release::Forky)),
        replica_tree: replica.map(Tree::of),
        master_conf: master_conf.to_owned(),
        ..Options::default()
    });
    for user in ["fred", "anna"] {
        admin(&lab.master, &format!("CREATE {}", lab.master.admin_name(&format!("user.{user}"))));
    }
    Imap::login(&lab.master, "fred").ok("CREATE INBOX.Work");
    lab
}

fn admin(server: &Cyrus, command: &str) {
    Imap::admin(server).ok(command);
}

/// Returns the groups of a user as the server reports them. An empty answer means no groups.
fn groups(server: &Cyrus, user: &str) -> Vec<String> {
    let lines = Imap::admin(server).command(&format!("GETUSERGROUP {user}")).lines();
    let (_, list) = lines.first().and_then(|line| line.split_once(" (")).expect("a list");
    let list = list.split_once(')').expect("it ends").0;
    list.split(' ').filter(|group| !group.is_empty()).map(str::to_owned).collect()
}

#[track_caller]
pub fn are_in(server: &Cyrus, expected: [&[&str]; 2]) {
    for (user, expected) in ["fred", "anna"].into_iter().zip(expected) {
        assert_eq!(groups(server, user), expected, "{user}");
    }
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn groups_are_replicated_to_3_12_by_a_full_run_and_by_the_log() {
    let lab = lab(Some(Release::Forky), "");
    admin(&lab.master, "SETUSERGROUP fred group:staff");
    admin(&lab.master, "SETUSERGROUP fred group:board");
    ours(&lab, &["-A"]).ok();
    are_in(&lab.replica, [&["group:board", "group:staff"], &[]]);
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
    ours(&lab, &["-1"]).ok();

    // Cyrus logs a change of groups as a change of the INBOX, although nothing else there has
    // changed.
    admin(&lab.master, "SETUSERGROUP anna group:staff");
    admin(&lab.master, "UNSETUSERGROUP fred group:board");
    let log = std::fs::read_to_string(lab.master.config_dir().join("sync/log")).unwrap();
    assert_eq!(log.lines().collect::<Vec<_>>(), ["MAILBOX user.anna", "MAILBOX user.fred"]);
    ours(&lab, &["-1"]).ok();
    are_in(&lab.replica, [&["group:staff"], &["group:staff"]]);

    // Remove a user's last group. Cyrus's client would leave it on the replica.
    admin(&lab.master, "UNSETUSERGROUP anna group:staff");
    ours(&lab, &["-1"]).ok();
    are_in(&lab.replica, [&["group:staff"], &[]]);

    // Both sides are equal, so nothing is sent.
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
    let run = ours(&lab, &["--verify", "-A"]).ok();
    assert_eq!(run.stdout.lines().count(), 1, "{run}");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn groups_only_on_a_replica_of_3_12_are_found_and_removed() {
    let lab = lab(Some(Release::Forky), "");
    admin(&lab.master, "SETUSERGROUP fred group:staff");
    ours(&lab, &["-A"]).ok();
    admin(&lab.replica, "SETUSERGROUP fred group:planted");
    admin(&lab.replica, "SETUSERGROUP anna group:planted");
    for user in ["fred", "anna"] {
        let run = ours(&lab, &["--verify", "-u", user]);
        assert!(!run.status.success(), "{run}");
        assert!(run.stdout.contains("USERGROUPS"), "{run}");
        assert!(run.stdout.contains("group:planted"), "{run}");
    }
    ours(&lab, &["-u", "fred", "anna"]).ok();
    are_in(&lab.replica, [&["group:staff"], &[]]);
    ours(&lab, &["--verify", "-A"]).ok();
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
}

/// If the master has no groups, such as a master of an earlier version, the replica keeps its own.
/// A master with `auth_mech: mboxgroups` counts as having groups, even if no user is in one.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn the_last_group_is_removed_if_a_master_of_3_12_has_groups() {
    for (conf, left) in [("", &["group:planted"][..]), ("auth_mech: mboxgroups\n", &[])] {
        let lab = lab(Some(Release::Forky), conf);
        ours(&lab, &["-A"]).ok();
        admin(&lab.replica, "SETUSERGROUP fred group:planted");
        assert_eq!(ours(&lab, &["--verify", "-A"]).status.success(), !left.is_empty(), "{conf}");
        ours(&lab, &["-A"]).ok();
        are_in(&lab.replica, [left, &[]]);
        assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0], "{conf}");
    }
}

/// A replica whose version has no groups ignores them. They must not cause repeated updates.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn groups_of_3_12_cause_no_updates_of_a_replica_of_3_6() {
    let lab = lab(None, "auth_mech: mboxgroups\n");
    admin(&lab.master, "SETUSERGROUP fred group:staff");
    for port in [lab.replica.csync_port(), lab.replica.imap_port()] {
        lab.master.use_port(port);
        let imap = if port == lab.replica.imap_port() { "yes" } else { "no" };
        lab.master.set_config("sync_try_imap", Some(imap));
        ours(&lab, &["-A"]).ok();
        ours(&lab, &["-1"]).ok();
        admin(&lab.master, &format!("SETUSERGROUP fred group:{imap}"));
        let run = ours(&lab, &["-v", "-1"]).ok();
        assert_eq!(sent(&run), [""; 0], "{run}");
        assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
        let run = ours(&lab, &["--verify", "-A"]).ok();
        assert_eq!(run.stdout.lines().count(), 1, "{run}");
    }
}

/// If imapd hides its version, its capabilities show that it supports groups.
#[test]
#[ignore = "needs scripts/trees: make versions"]
fn groups_reach_an_imapd_of_3_12_that_hides_its_version() {
    let lab = lab(Some(Release::Forky), "");
    lab.replica.set_config("serverinfo", Some("off"));
    lab.master.use_port(lab.replica.imap_port());
    lab.master.set_config("sync_try_imap", Some("yes"));
    ours(&lab, &["-A"]).ok();
    admin(&lab.master, "SETUSERGROUP fred group:staff");
    ours(&lab, &["-A"]).ok();
    are_in(&lab.replica, [&["group:staff"], &[]]);
    assert_eq!(sent(&ours(&lab, &["-v", "-A"]).ok()), [""; 0]);
}
