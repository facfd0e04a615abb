//! Changes one number of the replica's cyrus.index. Verification must report its field and no other
//! field.

use std::fs;

use cyrsync_lab::index_file::IndexFile;
use cyrsync_lab::{Lab, Options, places};

use super::world::{verify, verify_equal, world};

/// A field: its name, the offset of its last byte, and the bit of this byte to change.
type Place = (&'static str, usize, u8);

/// Fields of the header of cyrus.index.
const HEADER: [Place; 11] = [
    ("LAST_APPENDDATE", 27, 4),
    ("LAST_UID", 31, 8),
    ("POP3_LAST_LOGIN", 43, 4),
    ("UIDVALIDITY", 47, 4),
    // The option IMAP_SHAREDSEEN.
    ("OPTIONS", 63, 4),
    ("HIGHESTMODSEQ", 75, 64),
    ("SYNC_CRC", 103, 1),
    ("RECENTUID", 107, 16),
    ("RECENTTIME", 111, 4),
    ("POP3_SHOW_AFTER", 115, 4),
    ("CREATEDMODSEQ", 135, 32),
];

/// Fields of a record of cyrus.index.
const RECORD: [Place; 13] = [
    ("INTERNALDATE", 7, 4),
    ("SIZE", 15, 4),
    ("LAST_UPDATED", 31, 4),
    ("FLAGS", 35, 1),
    ("FLAGS", 35, 2),
    ("FLAGS", 35, 4),
    ("FLAGS", 35, 8),
    ("FLAGS", 35, 16),
    ("SAVEDATE", 55, 4),
    ("GUID", 79, 1),
    ("MODSEQ", 87, 1),
    ("THRID", 95, 1),
    ("CREATEDMODSEQ", 103, 32),
];

/// Changes the replica's cyrus.index, verifies, and restores the file. Returns the lines of the
/// report.
#[track_caller]
fn planted(lab: &Lab, mailbox: &str, change: impl FnOnce(&mut IndexFile)) -> Vec<String> {
    let path = places::place(&lab.replica, mailbox).meta.join("cyrus.index");
    let good = fs::read(&path).expect("it is there");
    let mut index = IndexFile::with_user_flags(&lab.replica, mailbox);
    change(&mut index);
    index.save_records();
    let found = verify(lab, &["-A"]);
    assert_eq!(found.code, 2, "{}", found.run);
    fs::write(&path, good).expect("it can be written");
    found.lines
}

#[track_caller]
fn is_one(lines: &[String], subject: &str, field: &str) {
    match lines {
        [line] if line.starts_with(&format!("{subject}: {field} is ")) => println!("{line}"),
        other => panic!("{subject} {field}: {other:#?}"),
    }
}

#[test]
fn every_changed_field_of_header_and_record_is_reported_by_name() {
    let lab = world(Options { conversations: true, ..Options::default() });
    for (field, at, bit) in HEADER {
        let lines = planted(&lab, "user.fred", |index| index.flip_header(at, &[bit]));
        is_one(&lines, "user.fred", field);
    }
    for (field, at, bit) in RECORD {
        let lines = planted(&lab, "user.fred", |index| index.flip(2, at, &[bit]));
        is_one(&lines, "UID 2 of user.fred", field);
    }
    // Change the second user flag of a record, and a flag that marks a record as expunged.
    let lines = planted(&lab, "user.fred.Sent", |index| index.flip(1, 39, &[2]));
    is_one(&lines, "UID 1 of user.fred.Sent", "FLAGS");
    let lines = planted(&lab, "user.fred", |index| index.flip(2, 32, &[0x80]));
    is_one(&lines, "UID 2 of user.fred", "FLAGS");
    assert!(lines[0].contains("\\Expunged"), "{lines:?}");
    // Change a record that is expunged on both sides.
    let lines = planted(&lab, "user.fred", |index| index.flip(3, 35, &[8]));
    is_one(&lines, "UID 3 of user.fred", "FLAGS");
    // Change a mailbox that was deleted on both sides, and a shared mailbox.
    let deleted = cyrsync_lab::tools::mailbox_names(&lab.replica);
    let deleted = deleted.iter().find(|name| name.starts_with("DELETED.")).expect("one is there");
    let lines = planted(&lab, deleted, |index| index.flip(1, 35, &[2]));
    is_one(&lines, &format!("UID 1 of {deleted}"), "FLAGS");
    let lines = planted(&lab, "lists.rust", |index| index.flip(1, 35, &[2]));
    is_one(&lines, "UID 1 of lists.rust", "FLAGS");
    verify_equal(&lab, &["-A"]);
}

#[test]
fn a_message_missing_on_one_side_is_found() {
    let lab = world(Options::default());
    let without = |lab: &Lab, uid: u64| {
        let path = places::place(&lab.replica, "user.fred").meta.join("cyrus.index");
        let good = fs::read(&path).expect("it is there");
        let mut index = IndexFile::of(&lab.replica, "user.fred");
        index.remove(uid);
        index.save();
        let found = verify(lab, &["-u", "fred"]);
        fs::write(&path, good).expect("it can be written");
        assert_eq!(found.code, if found.lines.is_empty() { 0 } else { 2 }, "{}", found.run);
        found.lines
    };
    assert_eq!(without(&lab, 2), ["UID 2 of user.fred is only on the master"]);
    // A missing expunged record is no difference, because each side removes such records
    // independently.
    assert_eq!(without(&lab, 3), [""; 0]);
    // Remove a record on the master.
    let path = places::place(&lab.master, "user.fred").meta.join("cyrus.index");
    let good = fs::read(&path).expect("it is there");
    let mut index = IndexFile::of(&lab.master, "user.fred");
    index.remove(5);
    index.save();
    let found = verify(&lab, &["-m", "user.fred"]);
    fs::write(&path, good).expect("it can be written");
    assert_eq!((found.code, found.lines.len()), (2, 1), "{}", found.run);
    assert_eq!(found.lines[0], "UID 5 of user.fred is only on the replica");
}

#[test]
fn many_differences_of_a_mailbox_are_counted() {
    let lab = Lab::default();
    cyrsync_lab::fill::Filler::new(&lab.master, 3).mailbox_of_sizes("user.fred", 300, |_| 200);
    crate::common::replicate(&lab, &["-u", "fred"]);
    let lines = planted(&lab, "user.fred", |index| {
        index.uids().into_iter().for_each(|uid| index.flip(uid, 35, &[4]));
    });
    assert_eq!(lines.len(), 101, "{lines:#?}");
    assert_eq!(lines[100], "user.fred: 200 more fields differ");
}
