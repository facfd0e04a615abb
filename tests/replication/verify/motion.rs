//! Tests that verification reports changes of the master that are not replicated yet separately.

use std::fs;

use cyrsync_lab::index_file::IndexFile;
use cyrsync_lab::{Imap, Options};

use super::world::{mail, verify_equal, verify_only, world};
use crate::common::{start_ours, until};
use crate::rolling::drained;

#[test]
fn a_change_in_the_log_of_a_client_is_reported_as_not_replicated_yet() {
    let lab = world(Options::default());
    let log = lab.master.config_dir().join("sync/log");
    // No client works on the channel, so the log does not show that a change will be replicated.
    assert!(fs::metadata(&log).is_ok_and(|found| found.len() > 0), "the lab logs");
    mail(&lab, "INBOX", "not yet");
    let found = verify_only(&lab, &["-u", "fred"]);
    assert_eq!(found.code, 2, "{}", found.run);
    assert!(!found.lines.iter().any(|line| line.contains("yet")), "{}", found.run);

    // A client works on the channel, but is stopped before the change.
    let rolling = start_ours(&lab, &["-v", "-R"]);
    let rolling = until(rolling, |said| said[0].contains("user.fred"));
    until_equal(&lab);
    // A stopped client must not hold a lock of a mailbox.
    let rolling = drained(rolling, &lab);
    rolling.signal(libc::SIGSTOP);
    mail(&lab, "INBOX", "nor this");
    Imap::login(&lab.master, "fred").ok("SUBSCRIBE INBOX.Open");
    for args in [&["-u", "fred"][..], &["-A"]] {
        let found = verify_only(&lab, args);
        assert_eq!(found.code, 1, "{}", found.run);
        let waits = |line: &String| line.ends_with(" (not replicated yet)");
        assert!(found.lines.iter().all(waits), "{}", found.run);
        let has = |start: &str| found.lines.iter().any(|line| line.starts_with(start));
        assert!(has("UID 8 of user.fred is only on the master"), "{}", found.run);
        assert!(has("user.fred: LAST_UID is 8 on the master and 7"), "{}", found.run);
        assert!(has("user fred: SUB user.fred.Open is subscribed"), "{}", found.run);
        assert!(found.summary.contains(" not replicated yet"), "{}", found.run);
    }
    // A change on the replica is a real difference, even if the log has an entry for the mailbox.
    let mut index = IndexFile::of(&lab.replica, "user.fred");
    index.flip(2, 35, &[4]);
    index.clone().save_records();
    let found = verify_only(&lab, &["-u", "fred"]);
    assert_eq!(found.code, 2, "{}", found.run);
    let differing = found.lines.iter().filter(|line| !line.ends_with(" (not replicated yet)"));
    let differing: Vec<&String> = differing.collect();
    assert!(
        matches!(differing.as_slice(), [line] if line.starts_with("UID 2 of user.fred: FLAGS is ")),
        "{}",
        found.run
    );
    index.flip(2, 35, &[4]);
    index.save_records();
    rolling.signal(libc::SIGCONT);
    until_equal(&lab);
    rolling.signal(libc::SIGTERM);
    rolling.wait();
}

#[track_caller]
fn until_equal(lab: &cyrsync_lab::Lab) {
    for _ in 0..50 {
        let found = verify_only(lab, &["-u", "fred"]);
        assert_ne!(found.code, 2, "{}", found.run);
        if found.code == 0 {
            return;
        }
    }
    panic!("it does not become equal");
}

#[test]
fn nothing_is_found_while_mail_arrives_and_is_replicated() {
    let lab = world(Options::default());
    let rolling = start_ours(&lab, &["-v", "-R", "-d", "1"]);
    let rolling = until(rolling, |said| said[0].contains("MAILBOX"));
    until_equal(&lab);
    let (mut found_pending, mut uids) = (0, 7..);
    for round in 0..20 {
        mail(&lab, "INBOX", &format!("round {round}"));
        let uid = uids.next().unwrap_or_default();
        Imap::login(&lab.master, "fred")
            .with_selected("INBOX")
            .ok(&format!("UID STORE {uid} +FLAGS (\\Flagged)"));
        let found = verify_only(&lab, &["-u", "fred"]);
        assert_ne!(found.code, 2, "{}", found.run);
        assert_eq!(found.code == 1, !found.lines.is_empty(), "{}", found.run);
        for line in &found.lines {
            assert!(line.ends_with(" (not replicated yet)"), "{}", found.run);
        }
        found_pending += usize::from(found.code == 1);
    }
    println!("{found_pending} of 20 found something that was not replicated yet");
    until_equal(&lab);
    rolling.signal(libc::SIGTERM);
    rolling.wait();
    verify_equal(&lab, &["-A"]);
}
