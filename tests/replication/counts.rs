//! Tests that a mailbox fails if some of its records cannot be read. It must not be replicated
//! without these records.

use cyrsync_lab::index_file::{Field, IndexFile};
use cyrsync_lab::{Imap, Lab, Options, tools};

use crate::common::{append, assert_idle, create, errors, ours, replicate};

const FRED: &[&str] = &["-u", "fred"];

fn lab() -> Lab {
    let lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    let mut fred = Imap::login(&lab.master, "fred");
    (1..=3).for_each(|number| append(&mut fred, "INBOX.Sent", &format!("sent {number}")));
    lab
}

fn sent(lab: &Lab) -> Vec<u32> {
    Imap::login(&lab.replica, "fred").with_selected("INBOX.Sent").uids()
}

/// Runs the client after both mailboxes received a message. Asserts that INBOX is replicated and
/// that the run fails for Sent with these words.
#[track_caller]
fn fails_alone(lab: &Lab, why: &str) {
    let run = ours(lab, FRED);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let reported = errors(&run);
    let failed =
        |line: &&String| line.contains("SYNCERROR: do_folders(): update failed: user.fred.Sent ");
    let line = reported.iter().find(failed).unwrap_or_else(|| panic!("{run}"));
    assert!(line.contains(why) && line.contains("reconstruct"), "{run}");
    let inbox = Imap::login(&lab.replica, "fred").with_selected("INBOX").uids();
    assert_eq!(inbox.len(), 1, "{run}");
}

fn one_more(lab: &Lab) {
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX", "hello");
    append(&mut fred, "INBOX.Sent", "sent 4");
}

#[test]
fn a_header_with_more_messages_than_records_stops_its_mailbox() {
    let lab = lab();
    replicate(&lab, FRED);
    one_more(&lab);
    IndexFile::of(&lab.master, "user.fred.Sent").save_counting(3);
    fails_alone(&lab, "the header counts 4");
    assert_eq!(sent(&lab), [1, 2, 3]);
    tools::run(&lab.master, "reconstruct", &["user.fred.Sent"]);
    ours(&lab, FRED).ok();
    assert_eq!(sent(&lab).len(), 4);
}

#[test]
fn a_record_without_a_uid_stops_its_mailbox_until_it_is_reconstructed() {
    let lab = lab();
    replicate(&lab, FRED);
    one_more(&lab);
    let mut index = IndexFile::of(&lab.master, "user.fred.Sent");
    index.set(2, Field::Uid, 0);
    index.save_records();
    fails_alone(&lab, "a record has no UID");
    // The replica still has the mailbox's old messages.
    assert_eq!(sent(&lab), [1, 2, 3]);
    tools::run(&lab.master, "reconstruct", &["user.fred.Sent"]);
    // `reconstruct` gives the file without a record a new UID. The old UID comes back from the
    // replica.
    ours(&lab, FRED).ok();
    assert_idle(&lab, FRED);
    let here = Imap::login(&lab.master, "fred").with_selected("INBOX.Sent").uids();
    assert_eq!((sent(&lab).len(), sent(&lab)), (5, here));
}
