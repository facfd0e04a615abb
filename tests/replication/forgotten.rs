//! Expunged messages that the master no longer remembers when the replica hears of it.

use cyrsync_lab::{Imap, Lab, Options, tools};

use crate::common::{
    actions, append, assert_cyrus_idle, assert_idle, create, differing, ours, replicate,
    replicate_as_cyrus_would,
};

/// Fred with six messages, all replicated; then the last two are expunged.
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
    lab
}

#[test]
fn messages_that_are_unlinked_at_once_are_expunged_on_the_replica() {
    let lab = two_expunged(Options { delayed_expunge: false, ..Options::default() });
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
}

#[test]
fn messages_that_cyr_expire_took_before_they_were_replicated_are_expunged_there() {
    let lab = two_expunged(Options::default());
    tools::run(&lab.master, "cyr_expire", &["-E", "1", "-X", "0"]);
    let done = actions(&lab, &["-u", "fred"]);
    assert!(done.contains(&"EXPUNGE user.fred (2 records)".to_owned()), "{done:?}");
    // The replica has the records, expunged, until its own cyr_expire takes them.
    let expunged = ["user.fred RECORD 2 ", "user.fred RECORD 6 "];
    for path in differing(&lab) {
        assert!(expunged.iter().any(|record| path.starts_with(record)), "{path}");
    }
    let uids = |cyrus| Imap::login(cyrus, "fred").with_selected("INBOX").uids();
    assert_eq!(uids(&lab.replica), [1, 3, 4, 5, 7]);
    assert_eq!(uids(&lab.replica), uids(&lab.master));
    assert_idle(&lab, &["-u", "fred"]);
    assert_cyrus_idle(&lab, &["-u", "fred"]);
}

#[test]
fn a_message_that_only_the_replica_has_is_not_taken_for_a_forgotten_one() {
    let lab = two_expunged(Options { delayed_expunge: false, ..Options::default() });
    let mut there = Imap::login(&lab.replica, "fred");
    for number in 0..3 {
        append(&mut there, "INBOX", &format!("written to the replica {number}"));
    }
    let before = there.with_selected("INBOX").uids();
    let run = ours(&lab, &["-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("uid"), "{run}");
    assert_eq!(Imap::login(&lab.replica, "fred").with_selected("INBOX").uids(), before);
}
