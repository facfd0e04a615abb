//! Tests of the fuse, which finds the changes to the master that a repair must not make without
//! permission.

use super::*;
use crate::settings::AllowRepair;
use crate::sync::repair::plan::{Knowledge, plan};
use crate::types::{InternalFlags, MailboxHeader, Record, SystemFlags};

const FUSE: Fuse = Fuse {
    max_expunge: Some(100),
    allowed: AllowRepair {
        expunge: false,
        annotations: false,
        scripts: false,
        uids: false,
        missing: false,
    },
};

fn message(uid: Uid) -> RemoteRecord {
    let mut guid = Guid([1; 20]);
    guid.0[..4].copy_from_slice(&uid.to_be_bytes());
    let record = Record { uid, modseq: 5, guid, size: 9, ..Record::default() };
    RemoteRecord { record, ..RemoteRecord::default() }
}

fn side(messages: impl IntoIterator<Item = RemoteRecord>, highestmodseq: u64) -> Side {
    let records: Vec<RemoteRecord> = messages.into_iter().collect();
    let last_uid = records.last().map_or(0, |m| m.record.uid);
    let header =
        MailboxHeader { last_uid, highestmodseq, uidvalidity: 1, ..MailboxHeader::default() };
    Side { header, records, annotations: Vec::new() }
}

/// Makes the replica's version of a message, with a later change.
fn later(uid: Uid, change: impl Fn(&mut Record)) -> RemoteRecord {
    let mut message = message(uid);
    message.record.modseq = 6;
    change(&mut message.record);
    message
}

fn words(fuse: Fuse, acts: Acts, ours: &Side, theirs: &Side) -> Vec<String> {
    let plan = plan(&"user.fred".into(), ours, theirs, Knowledge::default()).unwrap();
    fuse.refuses(acts, ours, &plan).into_iter().map(|h| format!("{}: {}", h.word, h.what)).collect()
}

fn expunged(record: &mut Record) {
    record.internal_flags.0 |= InternalFlags::EXPUNGED;
}

fn deleted(record: &mut Record) {
    record.system_flags.0 |= SystemFlags::DELETED;
}

/// Plans the repair of a mailbox with `all` messages, if the first `gone` of them were changed by
/// `how` on the replica. Returns the harm that is found.
fn first_gone(fuse: Fuse, all: u32, gone: u32, how: fn(&mut Record)) -> Vec<String> {
    let theirs = (1..=all).map(|uid| if uid <= gone { later(uid, how) } else { message(uid) });
    words(fuse, Acts::No, &side((1..=all).map(message), 5), &side(theirs, 6))
}

#[test]
fn more_than_a_hundred_messages_and_a_tenth_are_too_many() {
    let none: [&str; 0] = [];
    assert_eq!(first_gone(FUSE, 100, 100, expunged), none, "a hundred");
    assert_eq!(first_gone(FUSE, 101, 101, expunged), ["expunge: expunge 101 of 101 messages"]);
    assert_eq!(first_gone(FUSE, 1010, 101, expunged), none, "a tenth");
    assert_eq!(first_gone(FUSE, 1009, 101, expunged).len(), 1);
    let marked = first_gone(FUSE, 200, 150, deleted);
    assert_eq!(marked, ["expunge: mark 150 of 200 messages \\Deleted"]);
}

#[test]
fn the_limit_can_be_set_lifted_and_overridden_for_a_run() {
    let ten = Fuse { max_expunge: Some(10), ..FUSE };
    assert_eq!(first_gone(ten, 20, 11, expunged).len(), 1);
    assert_eq!(first_gone(ten, 20, 10, expunged).len(), 0);
    let nothing = Fuse { max_expunge: Some(0), ..FUSE };
    assert_eq!(first_gone(nothing, 9, 1, expunged).len(), 1);
    for free in [
        Fuse { max_expunge: None, ..FUSE },
        Fuse { allowed: AllowRepair { expunge: true, ..FUSE.allowed }, ..FUSE },
    ] {
        assert_eq!(first_gone(free, 500, 500, expunged).len(), 0);
    }
}

#[test]
fn messages_that_only_get_new_uids_are_not_gone() {
    let ours = side((1..=300).map(message), 5);
    let mut theirs = side([], 6);
    theirs.header.last_uid = 300;
    assert_eq!(words(FUSE, Acts::No, &ours, &theirs), [""; 0]);
}

fn note(entry: &str, value: &str) -> Annotation {
    Annotation { entry: entry.into(), userid: "".into(), value: value.into(), modseq: 6 }
}

#[test]
fn annotations_that_delete_redirect_or_archive_are_not_changed() {
    let ours = side([message(1)], 5);
    for entry in HARMFUL {
        let mut theirs = side([message(1)], 6);
        theirs.annotations = vec![note(&entry.to_uppercase(), "1")];
        let reported = words(FUSE, Acts::No, &ours, &theirs);
        assert_eq!(reported, [format!("annotations: set {} to \"1\"", entry.to_uppercase())]);
        // Removing an annotation is a change too.
        let mut ours = ours.clone();
        ours.annotations = vec![note(entry, "30")];
        let reported = words(FUSE, Acts::No, &ours, &side([message(1)], 6));
        assert_eq!(reported, [format!("annotations: remove {entry}")]);
        theirs.annotations = vec![note(entry, "30")];
        assert_eq!(words(FUSE, Acts::No, &ours, &theirs), [""; 0], "{entry} is the same");
    }
    for entry in ["/comment", "/vendor/cmu/cyrus-imapd/sharedseen", "/vendor/cmu/cyrus-imapd/squat"]
    {
        let mut theirs = side([message(1)], 6);
        theirs.annotations = vec![note(entry, "true")];
        assert_eq!(words(FUSE, Acts::No, &ours, &theirs), [""; 0], "{entry}");
    }
}

#[test]
fn a_snooze_is_not_set_by_a_replica() {
    let ours = side([message(1)], 5);
    let mut snoozed = later(1, |_| {});
    snoozed.annotations = vec![note(HARMFUL_OF_MESSAGES[0], "{}")];
    let reported = words(FUSE, Acts::No, &ours, &side([snoozed.clone()], 6));
    assert_eq!(
        reported,
        [format!("annotations: set {} to \"{{}}\" of UID 1", HARMFUL_OF_MESSAGES[0])]
    );
    snoozed.annotations = vec![note("/comment", "hello")];
    assert_eq!(words(FUSE, Acts::No, &ours, &side([snoozed], 6)), [""; 0]);
}

#[test]
fn mailboxes_that_trigger_actions_are_not_changed() {
    let ours = || side([message(1), message(2)], 5);
    let theirs = [
        side([message(1), message(2), later(3, |_| {})], 6),
        side([message(1), later(2, expunged)], 6),
        side([message(1), later(2, |r| r.system_flags.0 |= SystemFlags::FLAGGED)], 6),
    ];
    for theirs in &theirs {
        for acts in [Acts::Sieve, Acts::Submission, Acts::Push] {
            let reported = words(FUSE, acts, &ours(), theirs);
            assert!(
                reported.len() == 1 && reported[0].starts_with("scripts: change "),
                "{reported:?}"
            );
        }
        assert_eq!(words(FUSE, Acts::No, &ours(), theirs), [""; 0]);
        let allowed = AllowRepair { scripts: true, ..FUSE.allowed };
        assert_eq!(words(Fuse { allowed, ..FUSE }, Acts::Sieve, &ours(), theirs), [""; 0]);
    }
    // If the replica has lost a script, the script gets a new UID on the master. This is no change
    // of the scripts.
    let mut lost = side([message(1)], 6);
    assert_eq!(words(FUSE, Acts::Sieve, &ours(), &lost), [""; 0]);
    lost.header.last_uid = 2;
    assert_eq!(words(FUSE, Acts::Sieve, &ours(), &lost), [""; 0]);
    assert_eq!(Acts::of(MboxType(MboxType::SIEVE | MboxType::LEGACY_DIRS)), Acts::Sieve);
    assert_eq!(Acts::of(MboxType(MboxType::CALENDAR)), Acts::No);
}

#[test]
fn the_last_uid_is_not_raised_very_far() {
    let ours = side([message(1)], 5);
    let mut theirs = side([message(1)], 5);
    theirs.header.last_uid = UID_JUMP + 1;
    assert_eq!(words(FUSE, Acts::No, &ours, &theirs), [""; 0]);
    theirs.header.last_uid += 1;
    let reported = words(FUSE, Acts::No, &ours, &theirs);
    assert_eq!(reported, ["uids: raise the last UID from 1 to 1048578"]);
}
