//! Tests of the engine with a master and a replica in memory.

mod fake_master;
mod fake_replica;
mod folders;
mod repair;
mod replies;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Kind, Result};
use crate::events::{Event, Observer, SyncEvent};
use crate::sync::logged_mailboxes;
use crate::types::{InternalFlags, MailboxEntry, MboxType, Quota, SyncCrcs, UserId};
use fake_master::{Folder, Master, expunge, intermediate, mailbox, sync};
use fake_replica::FakeReplica;

const BATCH: u32 = 8192;

fn fred() -> UserId {
    "fred".into()
}

fn user(boxes: Vec<Folder>, replica: &mut FakeReplica) -> Result<()> {
    user_of(&Master { boxes, ..Master::default() }, replica)
}

fn user_of(master: &Master, replica: &mut FakeReplica) -> Result<()> {
    let result = sync(master, replica, BATCH, |pass| crate::sync::user(pass, &fred(), None));
    assert_eq!(replica.aborted, None);
    result
}

#[test]
fn a_first_sync_is_complete_and_a_second_has_nothing_to_do() {
    let master = Master {
        boxes: vec![
            mailbox("user.fred", "1", &["one", "two"]),
            mailbox("user.fred.Sent", "2", &["two"]),
        ],
        ..Master::default()
    };
    let mut replica = FakeReplica::default();
    user_of(&master, &mut replica).unwrap();
    assert_eq!(replica.commands("APPLY MESSAGE"), ["APPLY MESSAGE (one two)"]);
    assert_eq!(
        replica.commands("APPLY MAILBOX"),
        ["APPLY MAILBOX user.fred", "APPLY MAILBOX user.fred.Sent"]
    );
    replica.log.clear();
    user_of(&master, &mut replica).unwrap();
    assert_eq!(replica.log, ["GET USER fred"]);
}

#[test]
fn an_update_waits_for_files_that_came_with_a_mailbox_that_failed() {
    let mut damaged = mailbox("user.fred.a", "2", &["shared", "lost"]);
    damaged.files[1] = None;
    let boxes =
        vec![mailbox("user.fred", "1", &[]), damaged, mailbox("user.fred.b", "3", &["shared"])];
    let mut replica = FakeReplica::default();
    replica.refuse.push(("APPLY MESSAGE (shared", Kind::ReplicaDenied));
    let error = user(boxes, &mut replica).unwrap_err();
    assert_eq!(error.kind(), Kind::ReplicaDenied);
    assert_eq!(replica.commands("APPLY MAILBOX user.fred."), [""; 0]);
}

#[test]
fn no_mailbox_is_created_when_the_replica_refuses_the_inbox() {
    let mut inbox = mailbox("user.fred", "1", &["one"]);
    inbox.entry.partition = "far".into();
    inbox.state.header.partition = "far".into();
    let boxes =
        vec![inbox, mailbox("user.fred.a", "2", &["two"]), mailbox("user.fred.b", "3", &[])];
    let mut replica = FakeReplica::default();
    replica.refuse.push(("APPLY MESSAGE (one", Kind::ReplicaDenied));
    assert_eq!(user(boxes, &mut replica).unwrap_err().kind(), Kind::ReplicaDenied);
    assert_eq!(replica.commands("APPLY MESSAGE (two").len(), 1);
    assert_eq!(replica.commands("APPLY MAILBOX"), [""; 0]);
}

#[test]
fn a_log_entry_creates_no_mailbox_before_the_inbox() {
    let boxes = vec![mailbox("user.fred", "1", &["one"]), mailbox("user.fred.a", "2", &["two"])];
    let master = Master { boxes, ..Master::default() };
    let names = ["user.fred.a".into()];
    let mut replica = FakeReplica::default();
    let error = sync(&master, &mut replica, BATCH, |pass| logged_mailboxes(pass, &names));
    assert_eq!(error.unwrap_err().kind(), Kind::ReplicaNoMailbox);
    assert_eq!(replica.commands("APPLY MAILBOX"), [""; 0]);
    // The INBOX may come with the same entries. An administrator can name a mailbox.
    let both = ["user.fred".into(), "user.fred.a".into()];
    sync(&master, &mut replica, BATCH, |pass| logged_mailboxes(pass, &both)).unwrap();
    let mut replica = FakeReplica::default();
    sync(&master, &mut replica, BATCH, |pass| crate::sync::mailboxes(pass, &names)).unwrap();
    assert_eq!(replica.commands("APPLY MAILBOX"), ["APPLY MAILBOX user.fred.a"]);
}

#[test]
fn unconfirmed_files_are_sent_again_at_the_next_attempt() {
    let boxes = vec![mailbox("user.fred", "1", &["one"]), mailbox("user.fred.b", "2", &["two"])];
    let mut replica = FakeReplica::default();
    // The INBOX needs another try while the upload for the next mailbox is unconfirmed.
    replica.refuse.push(("APPLY MAILBOX user.fred", Kind::ReplicaMoved));
    replica.refuse.push(("APPLY MESSAGE (two", Kind::ReplicaDenied));
    user(boxes, &mut replica).unwrap_err();
    assert!(replica.commands("APPLY MESSAGE (two").len() > 1, "{:?}", replica.log);
}

#[test]
fn a_second_try_with_recomputed_crcs_waits_for_files_of_the_mailboxes_behind_it() {
    let boxes = vec![mailbox("user.fred", "1", &["one"]), mailbox("user.fred.b", "2", &["one"])];
    // The first try of the INBOX uploads no files. The fake replica then removes the INBOX, so the
    // second try needs all files.
    let mut replica = FakeReplica::with(&[&FakeReplica::item("user.fred", "1", 1, 1)]);
    replica.refuse.push(("APPLY MAILBOX user.fred", Kind::ReplicaChecksum));
    replica.refuse.push(("APPLY MESSAGE", Kind::ReplicaDenied));
    let error = user(boxes, &mut replica).unwrap_err();
    assert_eq!(error.kind(), Kind::ReplicaDenied);
}

#[test]
fn an_expunged_record_without_its_file_does_not_stand_in_for_its_double() {
    let mut inbox = mailbox("user.fred", "1", &["same", "same"]);
    expunge(&mut inbox, 1);
    inbox.files[0] = None;
    let mut replica = FakeReplica::default();
    user(vec![inbox], &mut replica).unwrap();
    assert_eq!(replica.commands("APPLY MESSAGE"), ["APPLY MESSAGE (same)"]);
}

#[test]
fn records_that_would_abort_the_replica_are_not_sent() {
    let damages: [fn(&mut Folder); 3] = [
        |inbox| inbox.records[1].guid = Default::default(),
        |inbox| inbox.records[1].size = 0,
        |inbox| inbox.state.header.last_uid = 1,
    ];
    for damage in damages {
        let mut inbox = mailbox("user.fred", "1", &["one", "two"]);
        damage(&mut inbox);
        let mut replica = FakeReplica::default();
        assert_eq!(user(vec![inbox], &mut replica).unwrap_err().kind(), Kind::Corrupt);
        assert_eq!(replica.commands("APPLY MAILBOX"), ["APPLY MAILBOX user.fred"]);
        assert_eq!(replica.field("user.fred", "LAST_UID"), 1);
    }
}

#[test]
fn an_expunged_record_that_would_abort_the_replica_is_left_out() {
    let mut inbox = mailbox("user.fred", "1", &["one", "two", "three"]);
    expunge(&mut inbox, 2);
    inbox.records[1].size = 0;
    let mut replica = FakeReplica::default();
    user(vec![inbox], &mut replica).unwrap();
    assert_eq!(replica.commands("APPLY MESSAGE"), ["APPLY MESSAGE (one three)"]);
    assert_eq!(replica.field("user.fred", "LAST_UID"), 3);
}

#[test]
fn a_state_without_a_damaged_message_stays_below_all_that_lies_behind_it() {
    // Modseqs of UIDs 1 to 4. UID 3 is damaged.
    for (modseqs, expected) in [
        ([101, 102, 103, 104], 102),
        ([101, 102, 104, 103], 102),
        ([105, 102, 107, 106], 105),
        ([5, 5, 5, 5], 4),
        ([1, 1, 1, 1], 1),
    ] {
        let mut inbox = mailbox("user.fred", "1", &["one", "two", "three", "four"]);
        for (record, modseq) in inbox.records.iter_mut().zip(modseqs) {
            record.modseq = modseq;
        }
        inbox.state.header.highestmodseq = modseqs.into_iter().max().unwrap();
        inbox.files[2] = None;
        let mut replica = FakeReplica::default();
        let error = user(vec![inbox.clone()], &mut replica).unwrap_err();
        assert!(error.to_string().contains("uids=<3>"), "{error}");
        assert!(error.to_string().contains("2 messages from the first damaged one on"), "{error}");
        let state = |replica: &FakeReplica| {
            (replica.field("user.fred", "LAST_UID"), replica.field("user.fred", "HIGHESTMODSEQ"))
        };
        assert_eq!(state(&replica), (2, expected), "{modseqs:?}");
        // The state does not change in the next run, and is complete after the file was repaired.
        user(vec![inbox.clone()], &mut replica).unwrap_err();
        assert_eq!(state(&replica), (2, expected), "{modseqs:?}");
        inbox.files[2] = Some(b"three".to_vec());
        user(vec![inbox.clone()], &mut replica).unwrap();
        assert_eq!(state(&replica), (4, inbox.state.highestmodseq), "{modseqs:?}");
    }
}

#[test]
fn another_copy_in_the_same_mailbox_replaces_a_damaged_message() {
    let mut inbox = mailbox("user.fred", "1", &["one", "same", "three", "same"]);
    inbox.files[1] = None;
    let mut replica = FakeReplica::default();
    user(vec![inbox], &mut replica).unwrap();
    assert_eq!(replica.commands("APPLY MESSAGE"), ["APPLY MESSAGE (one same three)"]);
}

#[test]
fn a_refused_upload_fails_only_what_needs_that_partition() {
    let mut far = mailbox("user.fred.far", "2", &["two"]);
    far.state.header.partition = "far".into();
    far.entry.partition = "far".into();
    let near = mailbox("user.fred.near", "3", &["three"]);
    let boxes = vec![mailbox("user.fred", "1", &["one"]), far, near];
    let mut replica = FakeReplica::default();
    replica.refuse.push(("APPLY MESSAGE (two", Kind::ReplicaDenied));
    let error = user(boxes, &mut replica).unwrap_err();
    assert!(error.to_string().contains("user.fred.far"), "{error}");
    assert_eq!(
        replica.commands("APPLY MAILBOX"),
        ["APPLY MAILBOX user.fred", "APPLY MAILBOX user.fred.near"]
    );
}

#[test]
fn a_mailbox_that_fails_does_not_stop_the_others_but_a_new_inbox_does() {
    let boxes = |broken: usize| {
        let mut boxes = vec![
            mailbox("user.fred", "1", &["one"]),
            mailbox("user.fred.a", "2", &["two"]),
            mailbox("user.fred.b", "3", &["three"]),
        ];
        boxes[broken].broken = true;
        boxes
    };
    let mut replica = FakeReplica::default();
    assert_eq!(user(boxes(1), &mut replica).unwrap_err().kind(), Kind::Corrupt);
    assert_eq!(replica.commands("APPLY MAILBOX").len(), 2);
    let mut replica = FakeReplica::default();
    assert_eq!(user(boxes(0), &mut replica).unwrap_err().kind(), Kind::Corrupt);
    assert_eq!(replica.commands("APPLY MAILBOX").len(), 0);
}

#[test]
fn a_quota_root_stays_while_the_mailbox_that_names_it_cannot_be_opened() {
    let root = "QUOTA %(ROOT user.fred LIMIT 5 STORAGE 5)";
    let mut inbox = mailbox("user.fred", "1", &["one"]);
    let mut replica = FakeReplica::default();
    user(vec![inbox.clone()], &mut replica).unwrap();
    replica.items.extend(FakeReplica::with(&[root]).items);
    inbox.broken = true;
    user(vec![inbox.clone()], &mut replica).unwrap_err();
    assert_eq!(replica.commands("APPLY UNQUOTA"), [""; 0]);
    inbox.broken = false;
    user(vec![inbox], &mut replica).unwrap();
    assert_eq!(replica.commands("APPLY UNQUOTA"), ["APPLY UNQUOTA user.fred"]);
}

#[test]
fn an_intermediate_does_not_hide_a_mailbox_of_the_replica() {
    let inbox = mailbox("user.fred", "1", &[]);
    let mut replica = FakeReplica::default();
    let stray = mailbox("user.fred.a", "stray", &["precious"]);
    user(vec![inbox.clone(), stray], &mut replica).unwrap();
    let boxes = vec![inbox, intermediate("user.fred.a", "2"), mailbox("user.fred.a.b", "3", &[])];
    replica.log.clear();
    let error = user(boxes, &mut replica).unwrap_err();
    assert_eq!(error.kind(), Kind::NeedsFullSync, "{error}");
    assert_eq!(replica.commands("APPLY MAILBOX"), ["APPLY MAILBOX user.fred.a.b"]);
}

#[test]
fn nothing_is_deleted_by_a_view_from_before_the_lock() {
    let inbox = mailbox("user.fred", "1", &[]);
    let gone = mailbox("user.fred.a", "2", &["old"]);
    let mut replica = FakeReplica::default();
    user(vec![inbox.clone(), gone.clone()], &mut replica).unwrap();
    let tombstone = MailboxEntry { mbtype: MboxType(MboxType::DELETED), ..gone.entry };
    let master = Master { boxes: vec![inbox], tombstones: vec![tombstone], ..Master::default() };
    replica.log.clear();
    sync(&master, &mut replica, BATCH, |pass| {
        let asked = crate::sync::ask_user(pass, &fred()).unwrap();
        crate::sync::user(pass, &fred(), Some(asked)).unwrap();
    });
    assert_eq!(replica.log, ["GET USER fred", "GET USER fred", "APPLY UNMAILBOX user.fred.a"]);
}

#[test]
fn a_mailbox_goes_over_in_batches_and_one_that_does_not_stick_ends_it() {
    let inbox = || vec![mailbox("user.fred", "1", &["one", "two", "three", "four", "five"])];
    let run = |replica: &mut FakeReplica| {
        let master = Master { boxes: inbox(), ..Master::default() };
        sync(&master, replica, 2, |pass| crate::sync::user(pass, &fred(), None))
    };
    let mut replica = FakeReplica::default();
    run(&mut replica).unwrap();
    assert_eq!(replica.aborted, None);
    assert_eq!(replica.commands("APPLY MAILBOX").len(), 3);
    let mut forgetful = FakeReplica::with(&[&FakeReplica::item("user.fred", "1", 0, 1)]);
    forgetful.forgets = true;
    assert_eq!(run(&mut forgetful).unwrap_err().kind(), Kind::ReplicaChanged);
}

#[test]
fn a_mailbox_that_was_created_and_no_more_is_filled() {
    let mut inbox = mailbox("user.fred", "1", &["one", "two"]);
    inbox.state.header.highestmodseq = 600;
    let mut replica = FakeReplica::with(&[&FakeReplica::item("user.fred", "1", 0, 500)]);
    user(vec![inbox], &mut replica).unwrap();
    assert_eq!(replica.commands("APPLY MESSAGE"), ["APPLY MESSAGE (one two)"]);
}

#[test]
fn metadata_that_cannot_be_read_stops_no_other() {
    for (damaged, left) in [
        ("sub", ["APPLY SIEVE", "APPLY SEEN", "APPLY QUOTA"]),
        ("sieve", ["APPLY SUB", "APPLY SEEN", "APPLY QUOTA"]),
        ("seen", ["APPLY SUB", "APPLY SIEVE", "APPLY QUOTA"]),
        ("quota", ["APPLY SUB", "APPLY SIEVE", "APPLY SEEN"]),
    ] {
        let mut inbox = mailbox("user.fred", "1", &["one"]);
        inbox.state.header.quotaroot = Some("user.fred".into());
        let quota =
            Quota { root: "user.fred".into(), limits: [Some(1), None, None, None], modseq: 1 };
        let master = Master {
            boxes: vec![inbox],
            quotas: vec![quota],
            metadata: true,
            unreadable: vec![damaged],
            ..Master::default()
        };
        let mut replica = FakeReplica::with(&["LSUB (user.fred.old)"]);
        let error = user_of(&master, &mut replica).unwrap_err();
        assert!(error.to_string().contains(damaged), "{error}");
        for command in left {
            assert_eq!(replica.commands(command).len(), 1, "{damaged}: {:?}", replica.log);
        }
        // If the subscriptions cannot be read, the replica's subscription is not deleted. In the
        // other cases it is deleted, because the master does not have it.
        let deleted = replica.commands("APPLY UN");
        assert_eq!(deleted.is_empty(), damaged == "sub", "{damaged}: {deleted:?}");
    }
}

#[test]
fn data_that_the_master_lacks_completely_is_not_deleted_on_the_replica() {
    let script = "SIEVE %(FILENAME old.script LAST_UPDATE 1 GUID \
                  0000000000000000000000000000000000000001 ISACTIVE 0)";
    for (what, item, deletes) in
        [("sub", "LSUB (user.fred.old)", "APPLY UNSUB"), ("sieve", script, "APPLY UNSIEVE")]
    {
        for missing in [vec![what], vec![]] {
            let is_missing = !missing.is_empty();
            let boxes = vec![mailbox("user.fred", "1", &["one"])];
            let master = Master { boxes, missing, ..Master::default() };
            let mut replica = FakeReplica::with(&[item]);
            let result = user_of(&master, &mut replica);
            assert_eq!(replica.commands(deletes).is_empty(), is_missing, "{:?}", replica.log);
            assert_eq!(replica.commands("APPLY MAILBOX user.fred").len(), 1);
            let error = result.err().map(|error| error.to_string());
            let reported = error.as_ref().is_some_and(|e| e.contains("--allow-repair=missing"));
            assert!(reported == is_missing && error.is_some() == is_missing, "{error:?}");
        }
    }
    // If the user has no INBOX, missing files are normal, so the replica's data is deleted.
    let master = Master { missing: vec!["sub", "sieve"], ..Master::default() };
    let mut replica = FakeReplica::with(&["LSUB (user.fred.old)", script]);
    sync(&master, &mut replica, BATCH, |pass| crate::sync::meta(pass, &fred())).unwrap();
    assert_eq!(replica.commands("APPLY UN").len(), 2, "{:?}", replica.log);
}

/// An observer that counts the mailboxes that were reported as equal.
#[derive(Default)]
struct There(AtomicU64);

impl Observer for There {
    fn event(&self, event: &Event) {
        if let Event::Sync(SyncEvent::AlreadyThere { mailboxes, .. }) = event {
            self.0.fetch_add(*mailboxes, Ordering::Relaxed);
        }
    }
}

#[test]
fn mailboxes_that_are_equal_are_counted_whether_they_were_opened_or_not() {
    for unlocked_states in [true, false] {
        let boxes = vec![mailbox("user.fred", "1", &["one"]), mailbox("user.fred.a", "2", &[])];
        let master = Master { boxes, unlocked_states, ..Master::default() };
        let mut replica = FakeReplica::default();
        let mut count = || {
            let there: &'static There = Box::leak(Box::default());
            let result = sync(&master, &mut replica, BATCH, |pass| {
                pass.observer = there;
                crate::sync::user(pass, &fred(), None)
            });
            result.map(|()| there.0.load(Ordering::Relaxed)).unwrap()
        };
        assert_eq!((count(), count()), (0, 2), "{unlocked_states}");
    }
}

#[test]
fn a_mailbox_that_is_the_same_without_locks_is_not_opened() {
    let folders = || {
        let mut boxes = vec![mailbox("user.fred", "1", &["one"])];
        // Add more mailboxes than are read at a time.
        boxes.extend((0..150).map(|n| mailbox(&format!("user.fred.{n}"), &format!("i{n}"), &[])));
        boxes
            .iter_mut()
            .for_each(|folder| folder.state.header.quotaroot = Some("user.fred".into()));
        boxes
    };
    let mut master = Master { boxes: folders(), unlocked_states: true, ..Master::default() };
    let root = "user.fred".into();
    master.quotas.push(Quota { root, limits: [Some(1), None, None, None], modseq: 1 });
    let mut replica = FakeReplica::default();
    user_of(&master, &mut replica).unwrap();
    // Make opening a mailbox fail, to show that no mailbox is opened.
    master.boxes.iter_mut().for_each(|folder| folder.broken = true);
    replica.log.clear();
    user_of(&master, &mut replica).unwrap();
    assert_eq!(replica.commands("APPLY MAILBOX"), [""; 0]);
    // The client knows the quota roots without opening the mailboxes.
    assert_eq!(replica.commands("APPLY QUOTA"), ["APPLY QUOTA user.fred"]);

    type Change = fn(&mut Folder);
    let changes: [Change; 3] = [
        |folder| folder.state.header.highestmodseq += 1,
        |folder| folder.state.header.crcs = SyncCrcs::computed(7, 8),
        |folder| folder.state.header.crcs = SyncCrcs::UNKNOWN,
    ];
    for change in changes {
        let mut boxes = folders();
        boxes[140].broken = true;
        change(&mut boxes[140]);
        let quotas = master.quotas.clone();
        let changed = Master { boxes, quotas, unlocked_states: true, ..Master::default() };
        let error = user_of(&changed, &mut replica).unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }
}

#[test]
fn user_data_is_requested_again_after_a_new_inbox_is_created() {
    let there = FakeReplica::item("user.fred", "1", 0, 1);
    let mut replica = FakeReplica::with(&[&there, "LSUB (user.fred.old)"]);
    user(vec![mailbox("user.fred", "1", &[])], &mut replica).unwrap();
    assert_eq!(replica.commands("GET META"), [""; 0]);
    let mut replica = FakeReplica::with(&["LSUB (user.fred.old)"]);
    user(vec![mailbox("user.fred", "1", &[])], &mut replica).unwrap();
    assert_eq!(replica.commands("GET META"), ["GET META fred"]);
}

#[test]
fn a_quota_root_that_lost_its_record_is_not_deleted_on_the_replica() {
    for (root, lost) in [("user.fred", true), ("user.fre", false), ("user", true), ("x", false)] {
        let mut inbox = mailbox("user.fred", "1", &["one"]);
        inbox.state.header.quotaroot = Some(root.into());
        let item = format!("QUOTA %(ROOT {root} LIMIT 5 STORAGE 5)");
        let mut replica = FakeReplica::with(&[&item]);
        let result = user(vec![inbox], &mut replica);
        assert_eq!(result.is_err(), lost, "{root}");
        // A mailbox that is not below its root was renamed, so the root may be deleted.
        assert_eq!(replica.commands("APPLY UNQUOTA").is_empty(), lost, "{root}: {:?}", replica.log);
    }
}

#[test]
fn a_living_record_whose_file_is_said_to_be_removed_fails_its_mailbox() {
    let mut damaged = mailbox("user.fred.a", "2", &["one", "two"]);
    damaged.records[1].internal_flags = InternalFlags(InternalFlags::UNLINKED);
    let boxes = vec![mailbox("user.fred", "1", &[]), damaged, mailbox("user.fred.b", "3", &["b"])];
    let mut replica = FakeReplica::default();
    let error = user(boxes, &mut replica).unwrap_err();
    assert!(error.to_string().contains("UID 2 of user.fred.a"), "{error}");
    assert_eq!(
        replica.commands("APPLY MAILBOX"),
        ["APPLY MAILBOX user.fred", "APPLY MAILBOX user.fred.a", "APPLY MAILBOX user.fred.b"]
    );
    assert_eq!(replica.field("user.fred.a", "LAST_UID"), 1);
}

#[test]
fn a_deleted_user_is_deleted_on_the_replica_unless_a_mailbox_was_renamed_or_restored() {
    let inbox = mailbox("user.fred", "1", &[]).entry;
    let tombstone = MailboxEntry { mbtype: MboxType(MboxType::DELETED), ..inbox };
    let folder = mailbox("user.fred.Sent", "2", &["two"]);
    for (boxes, deletes) in [
        (vec![], true),
        // `delete_mode: delayed`
        (vec![mailbox("DELETED.user.fred.61", "1", &["one"])], true),
        (vec![mailbox("user.anna", "1", &["one"])], false),
        (vec![mailbox("DELETED.user.fred.61", "1", &["one"]), folder], false),
    ] {
        let tombstones = vec![tombstone.clone()];
        let master = Master { boxes, tombstones, ..Master::default() };
        let mut replica = FakeReplica::default();
        sync(&master, &mut replica, BATCH, |pass| crate::sync::unuser(pass, &fred())).unwrap();
        assert_eq!(replica.commands("APPLY UNUSER").len() == 1, deletes, "{:?}", replica.log);
    }
}
