//! Mailboxes that both sides were written to: they are compared, repaired, and made equal again.

use std::fs;
use std::time::Duration;

use cyrsync_lab::{Cyrus, Imap, Options, Proxy, Sieve, cyrus_sync_client, quote};

use crate::check::{assert_one, copy_of, replicated, subjects};
use crate::common::{
    actions, append, create, errors, mailbox_field, message_file, ours, replicate, start_ours,
    until,
};

/// The messages that fred has in every scenario.
const COMMON: [&str; 3] = ["common 1", "common 2", "common 3"];

#[test]
fn messages_appended_on_both_sides_are_on_both_afterwards() {
    for conversations in [false, true] {
        let lab = replicated(Options { conversations, ..Options::default() });
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "from the master");
        append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
        append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "and another one");
        let run = ours(&lab, &["-v", "-u", "fred"]).ok();
        assert!(
            run.stdout.contains("SYNCERROR: guid mismatch: mailbox=<user.fred> uid=<4>"),
            "{run}"
        );
        assert!(errors(&run).iter().any(|line| line.contains("guid mismatch")), "{run}");
        assert_one(&lab, &["user.fred"]);
        let all = [
            "and another one",
            "common 1",
            "common 2",
            "common 3",
            "from the master",
            "from the replica",
        ];
        assert_eq!(subjects(&lab.master, "fred"), all);
        assert_eq!(subjects(&lab.replica, "fred"), all);
    }
}

#[test]
fn a_message_appended_on_the_replica_alone_comes_back_under_its_uid() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    actions(&lab, &["-u", "anna"]);
    let run = ours(&lab, &["-v", "-v", "-u", "fred"]).ok();
    // The traffic shows no fetched messages, just as it shows no sent ones.
    assert!(run.stderr.contains(" bytes]") && !run.stderr.contains("Subject: from"), "{run}");
    assert_one(&lab, &["user.fred"]);
    let uids = Imap::login(&lab.master, "fred").with_selected("INBOX").uids();
    assert_eq!(uids, [1, 2, 3, 4]);
}

#[test]
fn flags_and_expunges_of_both_sides_are_merged() {
    let lab = replicated(Options::default());
    let mut here = Imap::login(&lab.master, "fred").with_selected("INBOX");
    here.ok("UID STORE 1 +FLAGS (\\Flagged)");
    here.ok("UID STORE 2 +FLAGS (\\Deleted)");
    here.ok("EXPUNGE");
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX");
    for _ in 0..3 {
        there.ok("UID STORE 1 +FLAGS (\\Answered OnReplica)");
        there.ok("UID STORE 1 -FLAGS (\\Answered)");
    }
    there.ok("UID STORE 3 +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    ours(&lab, &["-u", "fred"]).ok();
    assert_one(&lab, &["user.fred"]);
    assert_eq!(subjects(&lab.master, "fred"), ["common 1"]);
}

#[test]
fn a_repair_is_logged_for_other_channels() {
    let channels = ["", "second"].map(str::to_owned).to_vec();
    let lab = replicated(Options { sync_log_channels: channels, ..Options::default() });
    let log = |name: &str| lab.master.config_dir().join("sync").join(name);
    for name in ["log", "second/log"] {
        std::fs::remove_file(log(name)).expect("the daemons wrote it");
    }
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    ours(&lab, &["-u", "fred"]).ok();
    let second = std::fs::read_to_string(log("second/log")).expect("it is there");
    assert_eq!(second, "MAILBOX user.fred\n");
    assert!(!log("log").exists(), "the replica of this channel has it");
}

#[test]
fn what_needs_the_master_changed_is_an_error_with_no_copyback() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    let run = ours(&lab, &["-O", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert_eq!(subjects(&lab.master, "fred"), COMMON);
    assert!(subjects(&lab.replica, "fred").contains(&"from the replica".to_owned()));
}

/// Appends one more message on each side, with the same UID; then each side may expunge its own.
#[track_caller]
fn one_more_each(expunged: [bool; 2], expected: &[&str], uid: Option<u32>) {
    let lab = replicated(Options::default());
    for (cyrus, expunged, subject) in
        [(&lab.master, expunged[0], "of the master"), (&lab.replica, expunged[1], "of the replica")]
    {
        let mut imap = Imap::login(cyrus, "fred");
        append(&mut imap, "INBOX", subject);
        if expunged {
            let mut imap = imap.with_selected("INBOX");
            imap.ok("UID STORE 4 +FLAGS (\\Deleted)");
            imap.ok("EXPUNGE");
        }
    }
    let run = ours(&lab, &["-v", "-u", "fred"]).ok();
    let mismatch =
        run.log.contains("SYNCERROR: guid mismatch: mailbox=<user.fred> uid=<4> rguid=<");
    assert_eq!(mismatch, expunged != [true, true], "{run}");
    if expunged == [true, false] {
        // The replica notices this; a higher modseq or UID there is noticed here before anything is
        // sent.
        assert!(lab.replica.log().contains("SYNCNOTICE: guid mismatch"), "{}", lab.replica.log());
    }
    assert_one(&lab, &["user.fred"]);
    for cyrus in [&lab.master, &lab.replica] {
        assert_eq!(subjects(cyrus, "fred"), [&COMMON, expected].concat(), "{run}");
        let last = Imap::login(cyrus, "fred").with_selected("INBOX").uids().pop();
        assert!(uid.is_none() || uid == last, "{uid:?} {last:?}");
    }
}

#[test]
fn one_message_on_each_side_under_one_uid_both_stay() {
    one_more_each([false, false], &["of the master", "of the replica"], Some(6));
}

#[test]
fn the_masters_of_the_two_was_expunged() {
    one_more_each([true, false], &["of the replica"], Some(5));
}

#[test]
fn the_replicas_of_the_two_was_expunged() {
    one_more_each([false, true], &["of the master"], Some(5));
}

#[test]
fn both_of_the_two_were_expunged() {
    one_more_each([true, true], &[], None);
}

#[test]
fn a_mailbox_whose_messages_on_the_replica_came_and_went_is_repaired() {
    let lab = replicated(Options::default());
    let mut here = Imap::login(&lab.master, "anna");
    for value in [Some(b"foo".as_slice()), None, Some(b"foo"), None] {
        assert!(here.set_metadata("INBOX", "/shared/comment", value).is_ok());
    }
    let mut there = Imap::login(&lab.replica, "anna");
    append(&mut there, "INBOX", "to be deleted");
    let mut there = there.with_selected("INBOX");
    there.ok("UID STORE 1 +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    ours(&lab, &["-u", "anna"]).ok();
    assert_one(&lab, &["user.anna"]);
    // The UID is not used a second time.
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "later");
    assert_eq!(Imap::login(&lab.master, "anna").with_selected("INBOX").uids(), [2]);
}

#[test]
fn annotations_and_rights_changed_on_the_replica_follow_the_higher_modseq() {
    let lab = replicated(Options::default());
    let comment = |imap: &mut Imap, value: &str| {
        let answer = imap.set_metadata("INBOX", "/shared/comment", Some(value.as_bytes()));
        assert!(answer.is_ok(), "{answer:?}");
    };
    comment(&mut Imap::login(&lab.master, "fred"), "here");
    let mut there = Imap::login(&lab.replica, "fred");
    for n in 0..5 {
        comment(&mut there, &format!("there {n}"));
    }
    for rights in ["lrs", "lr"] {
        there.ok(&format!("SETACL INBOX anna {rights}"));
    }
    let run = ours(&lab, &["-v", "-u", "fred"]).ok();
    assert!(run.log.contains("SYNCNOTICE: highestmodseq higher on replica, updating: "), "{run}");
    assert!(run.stdout.contains("annotations differ, the replica's stay"), "{run}");
    assert_one(&lab, &["user.fred"]);
    let acl = mailbox_field(&lab.replica, "user.fred", "ACL");
    assert!(!acl.contains("anna"), "rights are the master's: {acl}");
    let found = Imap::login(&lab.master, "fred").ok("GETMETADATA INBOX /shared/comment");
    assert!(found.lines().iter().any(|line| line.contains("there 4")), "{found:?}");
}

#[test]
fn subscriptions_seen_state_scripts_and_quotas_become_the_masters() {
    let mut lab = replicated(Options::default());
    create(&lab.master, &["user.fred.work"]);
    let mut admin = Imap::admin(&lab.master);
    assert!(admin.set_quota("user.fred", "STORAGE 1000").is_ok());
    admin.ok(&format!("SETACL {} anna lrs", quote("user.fred")));
    Sieve::login(&lab.master, "fred").put("rules", "keep;\r\n");
    replicate(&lab, &["-A"]);
    // All of it is changed on the replica.
    let mut fred = Imap::login(&lab.replica, "fred");
    fred.ok("SUBSCRIBE INBOX.work");
    assert!(Imap::admin(&lab.replica).set_quota("user.fred", "STORAGE 2000").is_ok());
    let mut sieve = Sieve::login(&lab.replica, "fred");
    sieve.put("rules", "discard;\r\n");
    sieve.put("another", "keep;\r\n");
    let mut anna = Imap::login(&lab.replica, "anna").with_selected("user.fred");
    anna.ok("UID STORE 2 +FLAGS (\\Seen)");
    drop(anna.command("LOGOUT"));
    // And the seen state is newer on the master.
    let mut anna = Imap::login(&lab.master, "anna").with_selected("user.fred");
    anna.ok("UID STORE 1 +FLAGS (\\Seen)");
    drop(anna.command("LOGOUT"));
    drop((admin, fred, sieve));
    let copy = copy_of(&mut lab, Options::default());
    // The replica's scripts come back if that is allowed: see tests/hostile/fuse.rs.
    lab.master.set_config("sync_repair_fuse", Some("no"));
    ours(&lab, &["-A"]).ok();
    assert_one(&lab, &["user.fred", "user.fred.#sieve"]);
    cyrus_sync_client(&copy.master, &["-A"]).ok();
    // Scripts are messages of a mailbox, so scripts that were put on the replica come back.
    let scripts = |cyrus: &Cyrus| {
        let mut sieve = Sieve::login(cyrus, "fred");
        ["LISTSCRIPTS", "GETSCRIPT \"rules\"", "GETSCRIPT \"another\""]
            .map(|command| sieve.command(command).1)
    };
    let here = scripts(&lab.master);
    assert!(here[1].contains("discard") && here[2].contains("keep"), "{here:?}");
    for cyrus in [&lab.replica, &copy.master, &copy.replica] {
        assert_eq!(scripts(cyrus), here, "{}", cyrus.name());
    }
    let subscribed = Imap::login(&lab.replica, "fred").ok("LSUB \"\" *").lines();
    assert!(!subscribed.iter().any(|line| line.contains("work")), "{subscribed:?}");
}

#[test]
fn cyrus_own_client_agrees_after_a_repair() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "from the master");
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    ours(&lab, &["-u", "fred"]).ok();
    let theirs = cyrus_sync_client(&lab.master, &["-v", "-u", "fred"]).ok();
    assert!(!theirs.stdout.contains("MAILBOX user.fred\n"), "{theirs}");
}

#[test]
fn a_file_of_the_replica_that_is_not_the_message_is_not_taken() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    let file = message_file(&lab.replica, "user.fred", 4);
    let good = fs::read(&file).expect("the file is there");
    for bad in [vec![b'x'; good.len()], good[1..].to_vec()] {
        fs::write(&file, bad).expect("root writes everything");
        let run = ours(&lab, &["-v", "-u", "fred"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let told = "SYNCNOTICE: failed to prepare update: mailbox=<user.fred> error=<fetch message";
        assert!(run.log.contains(told) && run.stderr.contains("reconstruct"), "{run}");
        assert_eq!(subjects(&lab.master, "fred"), COMMON);
    }
    fs::write(&file, good).expect("root writes everything");
    ours(&lab, &["-u", "fred"]).ok();
    assert_one(&lab, &["user.fred"]);
}

#[test]
fn who_writes_to_either_side_during_a_repair_is_not_overruled() {
    for (which, moment) in [(0, "copying back from the replica"), (1, "(on the master)")] {
        let lab = replicated(Options::default());
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "of the master");
        append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "of the replica");
        let mut third = Imap::login([&lab.master, &lab.replica][which], "fred");
        // The line is slow, so that the test can act between the transfer of the files and the
        // update.
        let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(400), false);
        lab.master.use_port(proxy.port());
        let running = start_ours(&lab, &["-v", "-u", "fred"]);
        let running = until(running, |[stdout, ..]| stdout.contains(moment));
        append(&mut third, "INBOX", "meanwhile");
        let run = running.wait().ok();
        assert!(run.log.contains("comparing once more"), "{run}");
        assert_one(&lab, &["user.fred"]);
        let all = [
            &["common 1", "common 2", "common 3", "meanwhile"][..],
            &["of the master", "of the replica"],
        ];
        assert_eq!(subjects(&lab.master, "fred"), all.concat(), "{run}");
        assert_eq!(subjects(&lab.replica, "fred"), all.concat(), "{run}");
    }
}
