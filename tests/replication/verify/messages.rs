//! Tests `--verify=messages`, which reads message files on both sides.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cyrsync_lab::{Imap, Lab, Options};

use super::world::{mail, verify, verify_equal, world};
use crate::common::{append, create, message_file, replicate, sync_client_itself};

/// Flips one bit of a message file.
fn damage(lab: &Lab, server: &cyrsync_lab::Cyrus, mailbox: &str, uid: u64) {
    let _ = lab;
    let path = message_file(server, mailbox, uid);
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[10] ^= 1;
    fs::write(&path, bytes).expect("it can be written");
}

#[test]
fn a_damaged_or_missing_file_is_found_on_either_side() {
    let lab = world(Options::default());
    let found = verify_equal(&lab, &["--verify=messages", "-A"]);
    // There are 4 messages in fred's INBOX, 1 script in #sieve, and 6 messages in each of four
    // mailboxes.
    assert!(found.summary.contains(" 29 message files: equal"), "{}", found.summary);
    damage(&lab, &lab.replica, "user.fred", 2);
    damage(&lab, &lab.master, "user.fred", 5);
    fs::remove_file(message_file(&lab.replica, "user.fred.Sent", 6)).expect("it is there");
    assert_eq!(verify(&lab, &["-A"]).code, 0, "nobody reads files");
    let found = verify(&lab, &["--verify=messages", "-A"]);
    assert_eq!((found.code, found.lines.len()), (2, 3), "{}", found.run);
    let has = |start: &str, end: &str| {
        let fits = |line: &&String| line.starts_with(start) && line.contains(end);
        assert_eq!(found.lines.iter().filter(fits).count(), 1, "{start}: {}", found.run);
    };
    has("UID 2 of user.fred: FILE is intact on the master and damaged (", " on the replica");
    has("UID 5 of user.fred: FILE is damaged (", " on the master and intact on the replica");
    has("UID 6 of user.fred.Sent: FILE is intact on the master and missing on the replica", "");
}

#[test]
fn a_message_that_is_not_replicated_yet_is_no_bad_file() {
    let lab = world(Options::default());
    mail(&lab, "INBOX", "on its way");
    let found = verify(&lab, &["--verify=messages", "-u", "fred"]);
    assert!(
        found.lines.iter().any(|line| line.ends_with(" is only on the master")),
        "{}",
        found.run
    );
    assert!(!found.lines.iter().any(|line| line.contains(" FILE ")), "{}", found.run);
}

#[test]
fn an_unreadable_file_is_an_error_and_no_difference() {
    let lab = world(Options::default());
    let path = message_file(&lab.master, "user.fred", 2);
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    let found = verify(&lab, &["--verify=messages", "-u", "fred"]);
    mode(0o600);
    assert_eq!(found.code, 1, "{}", found.run);
    assert!(found.run.stdout.contains("Permission denied"), "{}", found.run);
    verify_equal(&lab, &["--verify=messages", "-u", "fred"]);
}

#[test]
fn verify_can_read_a_part_of_the_messages() {
    let lab = Lab::default();
    cyrsync_lab::fill::Filler::new(&lab.master, 3).mailbox_of_sizes("user.fred", 400, |_| 300);
    // These messages are larger than the part that the client keeps in memory.
    cyrsync_lab::fill::Filler::new(&lab.master, 4)
        .mailbox_of_sizes("user.fred.Long", 2, |_| 3 << 20);
    crate::common::replicate(&lab, &["-u", "fred"]);
    let read = |what: &str| {
        let found = verify_equal(&lab, &[what, "-u", "fred"]);
        let words: Vec<&str> = found.summary.split(' ').collect();
        let at = words.iter().position(|word| *word == "message").expect("it is said");
        words[at - 1].parse::<u32>().expect("a number")
    };
    assert_eq!(read("--verify=messages"), 402);
    let half = read("--verify=messages:50%");
    assert!((120..280).contains(&half), "{half}");
    let wrong = sync_client_itself(&lab, &["--verify=mail", "-u", "fred"]);
    assert_eq!(wrong.status.code(), Some(64), "{wrong}");
    assert!(wrong.stderr.contains("write messages, or messages:10%, or nothing"), "{wrong}");
}

/// The report lists a hundred differences of a mailbox and counts the others.
#[test]
fn missing_messages_are_counted_once() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-u", "fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    (0..130).for_each(|number| append(&mut fred, "INBOX", &number.to_string()));
    let records = verify(&lab, &["-u", "fred"]);
    let messages = verify(&lab, &["--verify=messages", "-u", "fred"]);
    assert!(records.lines.iter().any(|line| line.contains("more fields")), "{}", records.run);
    assert_eq!(messages.lines, records.lines);
}
