//! Tests expunged messages whose records the master has already removed before it replicates again.

use cyrsync_lab::{Imap, Lab, Options, tools};

use crate::common::{
    actions, append, assert_cyrus_idle, assert_idle, create, differing, ours, replicate,
    replicate_as_cyrus_would,
};

/// Starts a lab in which fred has six messages, all replicated. Then expunges two of them on the
/// master, and adds another message.
fn two_expunged(options: Options) -> Lab {
    let lab = Lab::new(options);
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for number in 0..6 {
        append(&mut fred, "INBOX", &format!("message {number}"));
    }
    replicate(&lab, &["-u", "fred"]);
    fred.ok("SELECT INBOX");
    fred.ok("UID STORE 2,6 +FLAGS (\\Deleted)");
    fred.ok("EXPUNGE");
    append(&mut fred, "INBOX", "one more");
    // Cyrus removes expunged records when the mailbox is closed, if nobody else has it open.
    fred.ok("UNSELECT");
    lab
}

#[test]
fn messages_that_are_unlinked_at_once_are_expunged_on_the_replica() {
    let lab = two_expunged(Options { delayed_expunge: false, ..Options::default() });
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}

#[test]
fn messages_whose_records_cyr_expire_removed_are_expunged_on_the_replica() {
    let lab = two_expunged(Options::default());
    tools::run(&lab.master, "cyr_expire", &["-E", "1", "-X", "0"]);
    let done = actions(&lab, &["-u", "fred"]);
    for uid in [2, 6] {
        let line =
            format!("SYNCNOTICE: record only exists on replica: mailbox=<user.fred> uid=<{uid}>");
        assert!(done.iter().any(|reported| reported.starts_with(&line)), "{done:?}");
    }
    // The replica keeps the expunged records until its own cyr_expire removes them.
    let expunged = ["user.fred RECORD 2 ", "user.fred RECORD 6 "];
    for path in differing(&lab) {
        assert!(expunged.iter().any(|record| path.starts_with(record)), "{path}");
    }
    assert_idle(&lab, &["-u", "fred"]);
    assert_cyrus_idle(&lab, &["-u", "fred"]);
    let uids = |cyrus| Imap::login(cyrus, "fred").with_selected("INBOX").uids();
    assert_eq!(uids(&lab.replica), [1, 3, 4, 5, 7]);
    assert_eq!(uids(&lab.replica), uids(&lab.master));
}

#[test]
fn new_messages_of_the_replica_are_not_expunged_as_forgotten() {
    let lab = two_expunged(Options { delayed_expunge: false, ..Options::default() });
    let mut there = Imap::login(&lab.replica, "fred");
    for number in 0..3 {
        append(&mut there, "INBOX", &format!("written to the replica {number}"));
    }
    ours(&lab, &["-u", "fred"]).ok();
    assert_idle(&lab, &["-u", "fred"]);
    // Compare only the numbers of messages, because opening a mailbox changes its RECENTTIME.
    let count = |cyrus| Imap::login(cyrus, "fred").with_selected("INBOX").uids().len();
    assert_eq!((count(&lab.master), count(&lab.replica)), (4 + 1 + 3, 4 + 1 + 3));
}
