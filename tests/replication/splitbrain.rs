//! Mailboxes that both sides were written to: compared, repaired, and made one again.

use std::collections::BTreeSet;

use cyrsync_lab::{
    Cyrus, Imap, Lab, Options, SyncServer, Value, compare, cyrus_sync_client, describe, tools,
};

use crate::common::{actions, append, assert_idle, create, errors, ours, replicate};

/// fred with three messages, replicated.
fn replicated(options: Options) -> Lab {
    let lab = Lab::new(options);
    create(&lab.master, &["user.fred", "user.anna"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for number in 1..=3 {
        append(&mut fred, "INBOX", &format!("common {number}"));
    }
    replicate(&lab, &["-A"]);
    lab
}

/// UIDs that are expunged.
fn expunged(cyrus: &Cyrus, mailbox: &str) -> BTreeSet<String> {
    let mut server = SyncServer::spawn(cyrus);
    let items = server.get("FULLMAILBOX", &Value::text(mailbox)).ok();
    let records = items[0].1.get("RECORD").expect("it has records").items().to_vec();
    let gone =
        |record: &&Value| record.get("FLAGS").is_some_and(|f| f.show().contains("\\Expunged"));
    records.iter().filter(gone).map(|record| record.str("UID")).collect()
}

/// Both sides are equal but for records that are expunged on both, of which nothing is compared.
#[track_caller]
fn assert_one(lab: &Lab, mailbox: &str) {
    let gone = [&lab.master, &lab.replica].map(|cyrus| expunged(cyrus, mailbox));
    let mut differences = compare(&lab.master, &lab.replica);
    differences.retain(|difference| {
        let mut words = difference.path.split(' ');
        let here = words.next() == Some(mailbox) && words.next() == Some("RECORD");
        let uid = words.next().unwrap_or_default();
        let excused =
            gone[0].contains(uid) && (gone[1].contains(uid) || difference.replica.is_none());
        !(here && (excused || (gone[1].contains(uid) && difference.master.is_none())))
    });
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
    for cyrus in [&lab.master, &lab.replica] {
        let pattern = cyrus.admin_name("user.*");
        assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{}", cyrus.name());
    }
    assert_idle(lab, &["-A"]);
}

/// The subjects of a user's INBOX, sorted.
fn subjects(cyrus: &Cyrus, user: &str) -> Vec<String> {
    let mut imap = Imap::login(cyrus, user).with_selected("INBOX");
    let lines = imap.ok("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").lines();
    let subject = |line: &String| {
        let (_, subject) = line.split_once("Subject: ")?;
        Some(subject.split(['\r', '\n']).next()?.to_owned())
    };
    let mut found: Vec<String> = lines.iter().filter_map(subject).collect();
    found.sort();
    found
}

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
        assert_one(&lab, "user.fred");
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
    ours(&lab, &["-u", "fred"]).ok();
    assert_one(&lab, "user.fred");
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
    assert_one(&lab, "user.fred");
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
fn with_no_copyback_the_master_stays_as_it_is() {
    let lab = replicated(Options::default());
    append(&mut Imap::login(&lab.replica, "fred"), "INBOX", "from the replica");
    let before = subjects(&lab.master, "fred");
    let run = ours(&lab, &["-O", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert_eq!(subjects(&lab.master, "fred"), before);
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
