//! A mailbox made on both sides: one name, two uniqueids.

use cyrsync_lab::{Imap, Lab, Options, cyrus_sync_client};

use crate::check::{assert_sound, copy_of, replicated, subjects_in};
use crate::common::{append, assert_equal, assert_idle, create, errors, ours, sent, uniqueid};

const NAME: &str = "user.fred.sub";

/// Returns a lab with fred's folder on both sides, and a message in the master's.
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
fn one_that_was_never_used_on_the_replica_is_replaced() {
    let mut lab = made_twice();
    let copy = copy_of(&mut lab, Options::default());
    ours(&lab, &["-u", "fred"]).ok();
    assert_replaced(&lab);
    cyrus_sync_client(&copy.master, &["-u", "fred"]).ok();
    assert_replaced(&copy);
}

/// Asserts that both clients replace it only with `-O`.
#[track_caller]
fn left_unless_forced(mut lab: Lab, expected: &[&str]) {
    let id = uniqueid(&lab.replica, NAME);
    let copy = copy_of(&mut lab, Options::default());
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "of another folder");
    let plan = ours(&lab, &["--dry-run", "-u", "fred"]);
    assert!(plan.to_string().contains("holds another mailbox"), "{plan}");
    assert!(!lab.replica.log().contains("uniqueid changed"), "a plan asked the replica: {plan}");
    let run = ours(&lab, &["-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let told = |line: &String| line.contains(NAME) && line.contains("holds another mailbox");
    assert!(errors(&run).iter().any(told), "{run}");
    // The replica itself refuses it, once, and its log has both uniqueids; no message was sent for
    // that.
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
fn one_with_messages_on_the_replica_is_left_unless_forced() {
    let lab = made_twice();
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX.sub", "on the replica");
    left_unless_forced(lab, &["on the replica"]);
}

#[test]
fn one_that_had_messages_on_the_replica_is_left_unless_forced() {
    let lab = made_twice();
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX.sub", "on the replica");
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX.sub");
    there.ok("UID STORE 1 +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    left_unless_forced(lab, &[]);
}
