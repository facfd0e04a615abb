//! Starts a master with data of every kind, and has helpers for the tests of the embedded client.

use cyrsync_lab::run::start;
use cyrsync_lab::{Cyrus, Imap, Lab, Options, Run, Sieve, compare, describe, tools};

use super::build::program;

/// Runs the embedded client.
pub fn embedded(lab: &Lab, args: &[&str]) -> Run {
    let client = program(&lab.master, "sync_client");
    start(&lab.master, lab.master.linked_program(&client).args(args)).wait()
}

/// Corrects quota roots with `quota -f`. Cyrus leaves a wrong root in mailboxes that are renamed
/// out of the root's subtree, and the protocol cannot correct it.
pub fn settle_quotas(cyrus: &Cyrus) {
    tools::run(cyrus, "quota", &["-f"]);
}

#[track_caller]
pub fn assert_equal(lab: &Lab) {
    let mut differences = compare(&lab.master, &lab.replica);
    // `quota -f` gives the roots that it corrects a new modseq.
    differences.retain(|d| !(d.path.starts_with("QUOTA ") && d.path.ends_with(" MODSEQ")));
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

pub fn append(cyrus: &Cyrus, user: &str, mailbox: &str, subject: &str) {
    let message =
        format!("From: a@example.org\r\nSubject: {subject}\r\n\r\nThis is {subject}.\r\n");
    let response = Imap::login(cyrus, user).append(mailbox, "", message.as_bytes());
    assert!(response.is_ok(), "{response:?}");
}

pub fn subjects(cyrus: &Cyrus, user: &str) -> Vec<String> {
    let mut imap = Imap::login(cyrus, user).with_selected("INBOX");
    let lines = imap.ok("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").lines();
    let subject = |line: &String| {
        Some(line.split_once("Subject: ")?.1.split(['\r', '\n']).next()?.to_owned())
    };
    let mut found: Vec<String> = lines.iter().filter_map(subject).collect();
    found.sort();
    found
}

/// Starts a lab. Its master has users with folders, flags, annotations, quota, subscriptions,
/// scripts and seen state, and shared mailboxes.
pub fn filled(options: Options) -> Lab {
    let lab = Lab::new(Options { users: vec!["paula".to_owned()], ..options });
    let inbox = lab.master.admin_name("user.paula");
    let mut admin = Imap::admin(&lab.master);
    admin.ok(&format!("CREATE {inbox}"));
    admin.ok("CREATE shared");
    admin.ok(&format!("SETQUOTA {inbox} (STORAGE 90000)"));
    admin.ok("SETMETADATA \"\" (/shared/comment \"good day\")");
    append(&lab.master, "paula", "INBOX", "one");
    append(&lab.master, "paula", "INBOX", "two");
    let mut paula = Imap::login(&lab.master, "paula").with_selected("INBOX");
    paula.ok("UID STORE 1 +FLAGS (\\Seen \\Flagged Work)");
    paula.ok("UID STORE 2 ANNOTATION (/comment (value.priv \"mine\"))");
    paula.ok("SUBSCRIBE INBOX");
    let mut sieve = Sieve::login(&lab.master, "paula");
    sieve.put("main", "keep;\r\n");
    sieve.activate("main");
    lab
}
