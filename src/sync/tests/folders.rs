//! Tests of folders that cannot get their names, and of mailboxes with the same uniqueid.

use super::fake_master::{Folder, Master, mailbox, sync};
use super::fake_replica::FakeReplica;
use super::{BATCH, fred};
use crate::error::{Kind, Result};
use crate::types::{FormerName, MailboxEntry, MboxType};

fn inbox() -> Folder {
    mailbox("user.fred", "1", &["hello"])
}

fn user(boxes: &[Folder], replica: &mut FakeReplica) -> Result<()> {
    user_of(&Master { boxes: boxes.to_vec(), ..Master::default() }, replica)
}

fn user_of(master: &Master, replica: &mut FakeReplica) -> Result<()> {
    let result = sync(master, replica, BATCH, |pass| crate::sync::user(pass, &fred(), None));
    assert_eq!(replica.aborted, None);
    result
}

fn replicated(boxes: &[Folder]) -> FakeReplica {
    let mut replica = FakeReplica::default();
    user(boxes, &mut replica).unwrap();
    replica.log.clear();
    replica
}

#[test]
fn a_folder_waits_for_a_name_that_a_refused_rename_left_taken() {
    let before = [
        inbox(),
        mailbox("user.fred.a", "2", &["of a"]),
        mailbox("user.fred.b", "3", &["of b"]),
        mailbox("user.fred.x", "4", &["of x"]),
    ];
    let mut replica = replicated(&before);
    let after = [
        inbox(),
        mailbox("user.fred.moved", "2", &["of a"]),
        mailbox("user.fred.a", "3", &["of b"]),
        mailbox("user.fred.y", "4", &["of x", "more"]),
    ];
    replica.refuse.push(("APPLY RENAME user.fred.a", Kind::ReplicaDenied));
    let error = user(&after, &mut replica).unwrap_err();
    assert_eq!(error.kind(), Kind::ReplicaDenied);
    assert!(error.to_string().contains("2 parts failed"), "{error}");
    // The refused rename is tried only once, although the client requests the lists again after the
    // other rename.
    assert_eq!(
        replica.commands("APPLY RENAME"),
        ["APPLY RENAME user.fred.a", "APPLY RENAME user.fred.x"]
    );
    assert_eq!(replica.commands("APPLY MAILBOX"), ["APPLY MAILBOX user.fred.y"]);
    replica.refuse.clear();
    user(&after, &mut replica).unwrap();
    replica.log.clear();
    user(&after, &mut replica).unwrap();
    assert_eq!(replica.log, ["GET USER fred"]);
}

#[test]
fn a_refused_rename_is_not_forgotten_when_another_mailbox_asks_for_another_try() {
    let a = mailbox("user.fred.a", "2", &["of a"]);
    let mut replica = replicated(&[inbox(), a, mailbox("user.fred.b", "3", &["of b"])]);
    let moved = mailbox("user.fred.moved", "2", &["of a"]);
    let boxes = [inbox(), moved, mailbox("user.fred.b", "3", &["of b", "more"])];
    replica.refuse.push(("APPLY RENAME user.fred.a", Kind::ReplicaDenied));
    replica.refuse.push(("APPLY MAILBOX user.fred.b", Kind::ReplicaChanged));
    let error = user(&boxes, &mut replica).unwrap_err();
    assert_eq!(error.kind(), Kind::ReplicaDenied, "{error}");
    assert_eq!(replica.commands("APPLY MAILBOX user.fred.b").len(), 2, "{:?}", replica.log);
}

#[test]
fn a_delete_that_the_replica_refuses_stops_nothing_else() {
    let gone = mailbox("user.fred.a", "2", &["old"]);
    let mut replica = replicated(&[inbox(), gone.clone()]);
    let tombstone = MailboxEntry { mbtype: MboxType(MboxType::DELETED), ..gone.entry };
    let master = Master {
        boxes: vec![inbox(), mailbox("user.fred.b", "3", &["new"])],
        tombstones: vec![tombstone],
        ..Master::default()
    };
    replica.refuse.push(("APPLY UNMAILBOX", Kind::ReplicaDenied));
    let error = user_of(&master, &mut replica).unwrap_err();
    assert!(error.to_string().contains("user.fred.a"), "{error}");
    assert_eq!(replica.commands("APPLY MAILBOX"), ["APPLY MAILBOX user.fred.b"]);
}

#[test]
fn a_store_that_lists_one_uniqueid_twice_moves_nothing() {
    let original = mailbox("user.fred.a", "2", &["of a"]);
    let mut replica = replicated(&[inbox(), original.clone()]);
    let copy = mailbox("user.fred.0", "2", &["of a", "more"]);
    for boxes in
        [[inbox(), copy.clone(), original.clone()], [inbox(), original.clone(), copy.clone()]]
    {
        for _ in 0..2 {
            replica.log.clear();
            let error = user(&boxes, &mut replica).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt);
            let reported = error.to_string();
            assert!(
                reported.contains("user.fred.0") && reported.contains("user.fred.a"),
                "{reported}"
            );
            assert_eq!(replica.commands("APPLY"), [""; 0]);
        }
    }
    // If the replica has neither mailbox, it gets one of them and keeps it.
    let mut empty = replicated(&[inbox()]);
    let boxes = [inbox(), original, copy];
    user(&boxes, &mut empty).unwrap_err();
    assert_eq!(empty.commands("APPLY MAILBOX").len(), 1, "{:?}", empty.log);
    empty.log.clear();
    user(&boxes, &mut empty).unwrap_err();
    assert_eq!(empty.commands("APPLY"), [""; 0]);
}

#[test]
fn nothing_is_deleted_or_renamed_if_the_name_still_has_a_mailbox_with_its_uniqueid() {
    let original = mailbox("user.fred.a", "2", &["of a"]);
    let mut replica = replicated(&[inbox(), original.clone()]);
    // The list of the user's mailboxes lacks user.fred.a, and the master's record for its uniqueid
    // describes a copy of it.
    let copy = |mbtype| MailboxEntry {
        name: "user.anna.copy".into(),
        mbtype: MboxType(mbtype),
        name_history: vec![former("user.fred.a")],
        ..original.entry.clone()
    };
    for mbtype in [MboxType::DELETED, MboxType::EMAIL] {
        let master = Master {
            boxes: vec![inbox()],
            tombstones: vec![copy(mbtype), original.entry.clone()],
            ..Master::default()
        };
        replica.log.clear();
        user_of(&master, &mut replica).unwrap();
        assert_eq!(replica.log, ["GET USER fred"]);
    }
}

#[test]
fn a_folder_goes_to_another_owner_only_if_the_history_says_so() {
    for known in [true, false] {
        let moved = mailbox("user.fred.a", "2", &["of a"]);
        let mut replica = replicated(&[inbox(), moved.clone()]);
        let now = MailboxEntry {
            name: "user.anna.a".into(),
            name_history: known.then(|| former("user.fred.a")).into_iter().collect(),
            ..moved.entry
        };
        let master = Master { boxes: vec![inbox()], tombstones: vec![now], ..Master::default() };
        let result = user_of(&master, &mut replica);
        assert_eq!(replica.commands("APPLY RENAME").len(), usize::from(known), "{:?}", replica.log);
        assert_eq!(result.is_err(), !known);
    }
}

fn former(name: &str) -> FormerName {
    FormerName {
        name: name.into(),
        partition: "default".into(),
        mtime: 0,
        foldermodseq: 0,
        uidvalidity: 0,
    }
}
