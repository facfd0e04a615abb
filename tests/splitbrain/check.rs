//! Checks the conditions that must hold after a repair, and copies pairs of spools.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cyrsync_lab::{Cyrus, Lab, Options, SyncServer, Value, compare, describe, tools};

use crate::common::{append, assert_idle, create, replicate, sync_client_itself};
use cyrsync_lab::Imap;

/// Starts a lab in which fred has three messages, which are replicated.
pub fn replicated(options: Options) -> Lab {
    let lab = Lab::new(options);
    create(&lab.master, &["user.fred", "user.anna"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for number in 1..=3 {
        append(&mut fred, "INBOX", &format!("common {number}"));
    }
    replicate(&lab, &["-A"]);
    lab
}

/// A record as the replication server reports it.
struct Record {
    uid: String,
    guid: String,
    flags: Vec<String>,
}

impl Record {
    fn is_expunged(&self) -> bool {
        self.flags.iter().any(|flag| flag.ends_with("\\Expunged"))
    }
}

fn records(cyrus: &Cyrus, mailbox: &str) -> Vec<Record> {
    let mut server = SyncServer::spawn(cyrus);
    let items = server.get("FULLMAILBOX", &Value::text(mailbox)).ok();
    let found = items.first().unwrap_or_else(|| panic!("no {mailbox} on {}", cyrus.name()));
    let record = |value: &Value| {
        let shown = value.get("FLAGS").map(Value::show).unwrap_or_default();
        let mut flags: Vec<String> =
            shown.trim_matches(['(', ')']).split_whitespace().map(str::to_owned).collect();
        flags.sort();
        Record { uid: value.str("UID"), guid: value.str("GUID"), flags }
    };
    found.1.get("RECORD").expect("it has records").items().iter().map(record).collect()
}

/// Returns GUIDs and flags of the messages that are not expunged, sorted.
pub fn messages(cyrus: &Cyrus, mailbox: &str) -> Vec<(String, Vec<String>)> {
    let all = records(cyrus, mailbox);
    let mut living: Vec<_> =
        all.into_iter().filter(|r| !r.is_expunged()).map(|r| (r.guid, r.flags)).collect();
    living.sort();
    living
}

/// Returns the UIDs of expunged records.
fn expunged(cyrus: &Cyrus, mailbox: &str) -> BTreeSet<String> {
    records(cyrus, mailbox).into_iter().filter(Record::is_expunged).map(|r| r.uid).collect()
}

/// Asserts that both sides are equal, also by verification, that Cyrus's own checks find nothing on
/// either side, and that a second run sends nothing. Records that are expunged on both sides may differ.
#[track_caller]
pub fn assert_one(lab: &Lab, mailboxes: &[&str]) {
    let gone: BTreeMap<&str, [BTreeSet<String>; 2]> = mailboxes
        .iter()
        .map(|name| (*name, [&lab.master, &lab.replica].map(|cyrus| expunged(cyrus, name))))
        .collect();
    let mut differences = compare(&lab.master, &lab.replica);
    differences.retain(|difference| {
        let mut words = difference.path.split(' ');
        let gone = words.next().and_then(|mailbox| gone.get(mailbox));
        let (Some([here, there]), Some("RECORD")) = (gone, words.next()) else { return true };
        let uid = words.next().unwrap_or_default();
        let both = here.contains(uid) && (there.contains(uid) || difference.replica.is_none());
        !(both || (there.contains(uid) && difference.master.is_none()))
    });
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
    let verified = sync_client_itself(lab, &["--verify", "-A"]);
    let mut findings: Vec<&str> = verified.stdout.lines().collect();
    let summary = findings.pop().unwrap_or_default();
    // Verification takes two records for one expunge if both sides expunged the message with the
    // same modseq in the same second.
    findings.retain(|line| {
        let of = line.strip_prefix("UID ").and_then(|rest| rest.split_once(" of "));
        let (uid, rest) = of.unwrap_or_default();
        let mailbox = rest.split(": ").next().unwrap_or_default();
        !gone.get(mailbox).is_some_and(|sides| sides.iter().all(|side| side.contains(uid)))
    });
    assert_eq!(findings, [""; 0], "verification: {verified}");
    assert!(summary.starts_with("compared "), "verification: {verified}");
    for cyrus in [&lab.master, &lab.replica] {
        assert_sound(cyrus);
    }
    assert_idle(lab, &["-A"]);
}

/// Asserts that Cyrus's own checks find nothing wrong.
#[track_caller]
pub fn assert_sound(cyrus: &Cyrus) {
    let pattern = cyrus.admin_name("user.*");
    assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{}", cyrus.name());
    assert_eq!(tools::quota_complaints(cyrus), [""; 0], "{}", cyrus.name());
    let conf = std::fs::read_to_string(cyrus.imapd_conf()).expect("imapd.conf was written");
    if conf.contains("conversations: yes") {
        // This command counts everything again and compares the result with the databases.
        let (_, found) = tools::try_run(cyrus, "ctl_conversationsdb", &["-v", "-A", "-r"]);
        assert!(found.contains(" is OK"), "{}: {found}", cyrus.name());
        assert!(!found.contains("BROKEN"), "{}: {found}", cyrus.name());
    }
}

/// Returns the subjects in a user's mailbox, sorted.
pub fn subjects_in(cyrus: &Cyrus, user: &str, mailbox: &str) -> Vec<String> {
    let mut imap = Imap::login(cyrus, user);
    // EXAMINE writes nothing to the mailbox.
    imap.ok(&format!("EXAMINE {mailbox}"));
    let lines = imap.ok("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").lines();
    let subject = |line: &String| {
        let (_, subject) = line.split_once("Subject: ")?;
        Some(subject.split(['\r', '\n']).next()?.to_owned())
    };
    let mut found: Vec<String> = lines.iter().filter_map(subject).collect();
    found.sort();
    found
}

/// Returns the subjects of a user's INBOX, sorted.
pub fn subjects(cyrus: &Cyrus, user: &str) -> Vec<String> {
    subjects_in(cyrus, user, "INBOX")
}

/// Starts another pair of servers with copies of this pair's spools.
pub fn copy_of(lab: &mut Lab, options: Options) -> Lab {
    let mut copy = Lab::new(options);
    for (from, to) in [(&mut lab.master, &mut copy.master), (&mut lab.replica, &mut copy.replica)] {
        from.stop_server();
        to.stop_server();
        let script = "set -eu\n\
                      for sub in conf spool second sieve; do\n\
                          rm -rf \"$2/$sub\"\n\
                          cp -a \"$1/$sub\" \"$2/$sub\"\n\
                      done\n\
                      rm -rf \"$2/conf/socket\"\n\
                      install -d -o cyrus -g mail \"$2/conf/socket\"\n";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(from.dir()).arg(to.dir());
        assert!(command.status().is_ok_and(|status| status.success()), "the copy failed");
        from.start_server();
        to.start_server();
    }
    copy
}
