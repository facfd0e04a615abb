//! Tests records with modseq 0, which early versions of Cyrus wrote. No comparison of modseqs may
//! leave them out.

use cyrsync_lab::index_file::{Field, IndexFile};
use cyrsync_lab::{Cyrus, Imap, Lab, Options};

use crate::common::{append, assert_idle, create, differing, ours, replicate};

const FRED: &[&str] = &["-u", "fred"];

/// Starts a lab in which fred has this many messages.
fn lab(count: usize, master_conf: &str) -> Lab {
    let lab = Lab::new(Options { master_conf: master_conf.to_owned(), ..Options::default() });
    create(&lab.master, &["user.fred"]);
    more(&lab.master, 1..=count);
    lab
}

fn more(cyrus: &Cyrus, numbers: std::ops::RangeInclusive<usize>) {
    let mut fred = Imap::login(cyrus, "fred");
    numbers.for_each(|number| append(&mut fred, "INBOX", &format!("message {number}")));
}

fn expunge(cyrus: &Cyrus, uids: &str) {
    let mut fred = Imap::login(cyrus, "fred").with_selected("INBOX");
    fred.ok(&format!("UID STORE {uids} +FLAGS.SILENT (\\Deleted)"));
    fred.ok("EXPUNGE");
}

/// Sets the modseqs of these records to 0.
#[track_caller]
fn without_modseq(cyrus: &Cyrus, uids: &[u64]) {
    let mut index = IndexFile::of(cyrus, "user.fred");
    uids.iter().for_each(|uid| index.set(*uid, Field::Modseq, 0));
    index.save();
}

/// Returns which of these records a server has with modseq 0, and which records it does not have.
fn seen(cyrus: &Cyrus, uids: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let index = IndexFile::of(cyrus, "user.fred");
    let there = index.uids();
    let (found, missing): (Vec<u64>, Vec<u64>) = uids.iter().partition(|uid| there.contains(uid));
    (found.into_iter().filter(|uid| index.get(*uid, Field::Modseq) == 0).collect(), missing)
}

#[test]
fn records_of_modseq_0_are_sent_to_new_and_existing_mailboxes() {
    let lab = lab(6, "");
    expunge(&lab.master, "4");
    let old = [1, 3, 4];
    without_modseq(&lab.master, &old);
    replicate(&lab, FRED);
    assert_eq!(seen(&lab.replica, &old), (old.to_vec(), vec![]));

    // Append messages on the master. Expunge one of them, so that UID 9 is missing.
    more(&lab.master, 7..=11);
    expunge(&lab.master, "9");
    let old = [1, 3, 4, 7, 9, 11];
    without_modseq(&lab.master, &old);
    replicate(&lab, FRED);
    assert_eq!(seen(&lab.replica, &old), (old.to_vec(), vec![]));
    // Change two of these messages. They then get a modseq like any other message.
    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX");
    fred.ok("UID STORE 3,11 +FLAGS.SILENT (\\Flagged)");
    drop(fred);
    replicate(&lab, FRED);
    assert_eq!(seen(&lab.replica, &old), (vec![1, 4, 7, 9], vec![]));
}

#[test]
fn a_mailbox_with_only_records_of_modseq_0_is_replicated() {
    let lab = lab(3, "");
    without_modseq(&lab.master, &[1, 2, 3]);
    replicate(&lab, FRED);
    assert_eq!(seen(&lab.replica, &[1, 2, 3]), (vec![1, 2, 3], vec![]));
}

#[test]
fn records_of_modseq_0_are_in_the_batch_that_has_their_uids() {
    // Test batches that end before, within and after the records of modseq 0, and batches of only
    // such records.
    for old in [&[1, 2, 3, 8][..], &[2, 5, 9], &[9], &[4, 5, 6, 7, 8, 9]] {
        let lab = lab(9, "sync_batchsize: 2\n");
        expunge(&lab.master, "5");
        without_modseq(&lab.master, old);
        replicate(&lab, FRED);
        assert_eq!(seen(&lab.replica, old), (old.to_vec(), vec![]), "{old:?}");
        more(&lab.master, 10..=15);
        without_modseq(&lab.master, &[11, 12, 15]);
        replicate(&lab, FRED);
        assert_eq!(seen(&lab.replica, &[11, 12, 15]), (vec![11, 12, 15], vec![]), "{old:?}");
    }
}

#[test]
fn a_message_of_modseq_0_that_an_earlier_client_left_out_is_replicated() {
    let lab = lab(4, "");
    without_modseq(&lab.master, &[2]);
    replicate(&lab, FRED);
    let mut index = IndexFile::of(&lab.replica, "user.fred");
    index.remove(2);
    index.save();
    // The replica has used higher UIDs, so the message can only arrive with a new UID.
    ours(&lab, FRED).ok();
    assert_idle(&lab, FRED);
    let uids = |cyrus| Imap::login(cyrus, "fred").with_selected("INBOX").uids();
    assert_eq!(uids(&lab.replica), [1, 3, 4, 5]);
    assert_eq!(uids(&lab.master), [1, 3, 4, 5]);
}

#[test]
fn a_repair_keeps_messages_of_modseq_0_on_both_sides() {
    let lab = lab(4, "");
    without_modseq(&lab.master, &[1, 3]);
    replicate(&lab, FRED);
    // Append different messages on both sides. Some of them have modseq 0.
    more(&lab.master, 5..=7);
    without_modseq(&lab.master, &[1, 3, 5, 7]);
    more(&lab.replica, 8..=9);
    without_modseq(&lab.replica, &[1, 3, 6]);
    ours(&lab, FRED).ok();
    assert_idle(&lab, FRED);
    let uids = |cyrus| Imap::login(cyrus, "fred").with_selected("INBOX").uids();
    assert_eq!((uids(&lab.master).len(), uids(&lab.replica)), (9, uids(&lab.master)));
    // Messages that got new UIDs have expunged records under the old ones. Only these may differ.
    let index = IndexFile::of(&lab.replica, "user.fred");
    for path in differing(&lab) {
        let uid = path.split(' ').nth(2).and_then(|uid| uid.parse().ok()).expect("of a record");
        assert!(path.contains(" RECORD ") && index.is_expunged(uid), "{path}");
    }
}
