//! Tests the replication cache of rolling mode. It saves commands and must not cause a wrong
//! result.

use cyrsync_lab::{Imap, Lab, Run};

use crate::common::{append, assert_equal, create, errors, ours, sent};

/// Starts a lab whose master has a cache, with the user fred on both sides.
fn cached() -> Lab {
    let lab = Lab::default();
    let path = lab.master.config_dir().join("cache");
    lab.master.set_config("sync_cache_db_path", Some(&path.display().to_string()));
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    roll(&lab);
    lab
}

/// Replicates the log once, and asserts that both sides are equal.
#[track_caller]
fn roll(lab: &Lab) -> Run {
    let run = ours(lab, &["-1", "-v", "-v"]).ok();
    assert_equal(lab);
    run
}

fn asked(run: &Run) -> usize {
    sent(run).iter().filter(|line| line.starts_with("GET MAILBOXES")).count()
}

#[test]
fn cached_states_are_not_requested_again() {
    let lab = cached();
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX", "one");
    assert_eq!(asked(&roll(&lab)), 0);
    fred.ok("SELECT INBOX");
    fred.ok("UID STORE 1 +FLAGS (\\Flagged)");
    fred.ok("UID COPY 1 INBOX.Sent");
    assert_eq!(asked(&roll(&lab)), 0);
    assert!(lab.master.config_dir().join("cache.cyrsync").exists());
}

#[test]
fn a_changed_replica_is_noticed_in_spite_of_the_cache() {
    let lab = cached();
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "from the master");
    let run = ours(&lab, &["-1", "-v", "-v"]).ok();
    assert!(asked(&run) > 0, "{run}");
    let uids = |cyrus| Imap::login(cyrus, "fred").with_selected("INBOX").uids();
    assert_eq!(uids(&lab.master), [2, 3]);
    assert_eq!(uids(&lab.replica), [2, 3]);
}

#[test]
fn the_cache_is_right_after_renames_and_deletes() {
    let lab = cached();
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX.Sent", "one");
    fred.ok("RENAME INBOX.Sent INBOX.Gone");
    fred.ok("CREATE INBOX.Sent");
    roll(&lab);
    append(&mut fred, "INBOX.Sent", "two");
    append(&mut fred, "INBOX.Gone", "three");
    assert_eq!(asked(&roll(&lab)), 0);
    fred.ok("DELETE INBOX.Gone");
    append(&mut fred, "INBOX.Sent", "four");
    let run = roll(&lab);
    assert_eq!(errors(&run), [""; 0]);
}

#[test]
fn a_damaged_cache_is_only_slower() {
    let lab = cached();
    let path = lab.master.config_dir().join("cache.cyrsync");
    for damage in [&b""[..], b"nonsense", &[0xff; 4096]] {
        std::fs::write(&path, damage).expect("own file");
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one more");
        roll(&lab);
    }
}
