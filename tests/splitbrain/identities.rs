//! Tests a mailbox that was created on both sides: one name, two uniqueids.

use cyrsync_lab::{Imap, Lab, Options, Sieve, Status, cyrus_sync_client, scripts};

use crate::check::{assert_sound, copy_of, replicated, subjects_in};
use crate::common::{append, assert_equal, assert_idle, create, errors, ours, sent, uniqueid};

const NAME: &str = "user.fred.sub";

/// Starts a lab in which both sides have created the same folder of fred. The master's has a
/// message.
fn made_twice() -> Lab {
    let lab = replicated(Options::default());
    create(&lab.master, &[NAME]);
    create(&lab.replica, &[NAME]);
    assert_ne!(uniqueid(&lab.master, NAME), uniqueid(&lab.replica, NAME));
    append(&mut Imap::login(&lab.master, "fred"), "INBOX.sub", "on the master");
    lab
}

#[track_caller]
fn assert_replaced(lab: &Lab) {
    assert_eq!(uniqueid(&lab.master, NAME), uniqueid(&lab.replica, NAME));
    assert_equal(lab);
    assert_sound(&lab.replica);
    assert_idle(lab, &["-A"]);
}

#[test]
fn a_mailbox_that_was_never_used_on_the_replica_is_replaced() {
    let mut lab = made_twice();
    let copy = copy_of(&mut lab, Options::default());
    ours(&lab, &["-u", "fred"]).ok();
    assert_replaced(&lab);
    cyrus_sync_client(&copy.master, &["-u", "fred"]).ok();
    assert_replaced(&copy);
}

/// Asserts that both clients replace the replica's mailbox only with `-O`.
#[track_caller]
fn left_unless_forced(mut lab: Lab, expected: &[&str]) {
    let id = uniqueid(&lab.replica, NAME);
    let copy = copy_of(&mut lab, Options::default());
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "of another folder");
    let plan = ours(&lab, &["--dry-run", "-u", "fred"]);
    assert!(plan.to_string().contains("has another mailbox"), "{plan}");
    assert!(!lab.replica.log().contains("uniqueid changed"), "a plan asked the replica: {plan}");
    let run = ours(&lab, &["-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let reported = |line: &String| line.contains(NAME) && line.contains("has another mailbox");
    assert!(errors(&run).iter().any(reported), "{run}");
    // The replica refuses the mailbox once, and its log has both uniqueids. The next run sends no
    // message for the refused mailbox.
    let refused = "MAILBOX received NO response: IMAP_MAILBOX_MOVED";
    assert_eq!(run.log.matches(refused).count(), 1, "{run}");
    assert!(run.log.contains("IOERROR: user replication failed"), "{run}");
    let changed = format!("SYNCERROR: mailbox uniqueid changed - retry: mailbox=<{NAME}>");
    assert!(lab.replica.log().contains(&changed), "{}", lab.replica.log());
    let again = ours(&lab, &["-v", "-v", "-u", "fred"]);
    assert_eq!(again.status.code(), Some(1), "{again}");
    let messages = sent(&again).into_iter().filter(|line| line.starts_with("APPLY MESSAGE"));
    assert_eq!(messages.count(), 0, "{again}");
    assert_eq!(uniqueid(&lab.replica, NAME), id);
    assert_eq!(subjects_in(&lab.replica, "fred", "INBOX.sub"), expected);
    let inbox = subjects_in(&lab.replica, "fred", "INBOX");
    assert!(inbox.contains(&"of another folder".to_owned()), "others go on: {inbox:?}");

    let theirs = cyrus_sync_client(&copy.master, &["-u", "fred"]);
    assert!(!theirs.status.success(), "{theirs}");
    assert!(theirs.log.contains(refused), "{theirs}");
    assert_eq!(uniqueid(&copy.replica, NAME), id);

    ours(&lab, &["-O", "-u", "fred"]).ok();
    assert_replaced(&lab);
    cyrus_sync_client(&copy.master, &["-O", "-u", "fred"]).ok();
    assert_replaced(&copy);
}

#[test]
fn a_mailbox_with_messages_on_the_replica_is_kept_unless_forced() {
    let lab = made_twice();
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX.sub", "on the replica");
    left_unless_forced(lab, &["on the replica"]);
}

#[test]
fn a_mailbox_that_had_messages_on_the_replica_is_kept_unless_forced() {
    let lab = made_twice();
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX.sub", "on the replica");
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX.sub");
    there.ok("UID STORE 1 +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    left_unless_forced(lab, &[]);
}

#[test]
fn scripts_first_stored_on_both_sides_are_kept_unless_they_are_the_same() {
    let lab = replicated(Options::default());
    let put = |cyrus, name: &str, text: &str| {
        let (status, said) = Sieve::login(cyrus, "fred").put(name, text);
        assert_eq!(status, Status::Ok, "{said}");
    };
    put(&lab.master, "main", "keep;\r\n");
    put(&lab.replica, "main", "discard;\r\n");
    let of = |text: &str| vec![("\"main\"".to_owned(), text.to_owned())];
    for _ in 0..2 {
        let run = ours(&lab, &["-u", "fred"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let reported = errors(&run);
        let is_it = |line: &String| line.contains("#sieve") && line.contains("another mailbox");
        assert!(reported.iter().any(is_it), "{run}");
        assert_eq!(scripts(&lab.master, "fred"), of("keep;\r\n"));
        assert_eq!(scripts(&lab.replica, "fred"), of("discard;\r\n"));
    }
    // If the master has every script of the replica, its mailbox replaces the replica's.
    put(&lab.master, "other", "stop;\r\n");
    put(&lab.replica, "main", "keep;\r\n");
    ours(&lab, &["-u", "fred"]).ok();
    assert_equal(&lab);
    assert_eq!(scripts(&lab.replica, "fred"), scripts(&lab.master, "fred"));
}

#[test]
fn an_empty_folder_made_on_the_replica_stays() {
    let lab = replicated(Options::default());
    Imap::login(&lab.replica, "fred").ok("CREATE INBOX.new");
    let id = uniqueid(&lab.replica, "user.fred.new");
    let run = ours(&lab, &["-u", "fred"]).ok();
    let left = "no tombstone for deleted mailbox user.fred.new, left on the replica";
    assert!(run.log.contains(left), "{run}");
    assert_eq!(uniqueid(&lab.replica, "user.fred.new"), id);
}
