//! Tests a mailbox whose sync CRC happens to be 0. Cyrus treats 0 as an unknown CRC.

use cyrsync_lab::index_file::{Field, IndexFile};
use cyrsync_lab::{Imap, Lab, Options};

use crate::common::{append, assert_equal, assert_idle, create, ours, replicate, sent};

const FRED: &[&str] = &["-u", "fred"];

fn lab() -> Lab {
    let lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    (1..=3).for_each(|number| append(&mut fred, "INBOX", &format!("message {number}")));
    drop(fred);
    let mut index = IndexFile::of(&lab.master, "user.fred");
    index.make_sync_crc_zero([1, 2]);
    index.save();
    lab
}

#[test]
fn a_difference_is_found_where_the_masters_sync_crc_is_zero() {
    let lab = lab();
    replicate(&lab, FRED);
    let mut index = IndexFile::of(&lab.replica, "user.fred");
    let date = index.get(2, Field::InternalDate);
    index.set(2, Field::InternalDate, date - 86_400);
    assert_ne!(index.sync_crc(), 0);
    index.save();

    // The replica accepts the update, because it does not compare a CRC of 0. The client must
    // notice that the records still differ.
    let forced = ours(&lab, &[&["-O"], FRED].concat());
    assert_eq!(forced.status.code(), Some(1), "{forced}");
    assert!(forced.stderr.contains("records differ from those that were sent"), "{forced}");

    ours(&lab, FRED).ok();
    assert_idle(&lab, FRED);
    let dates = [&lab.master, &lab.replica]
        .map(|cyrus| IndexFile::of(cyrus, "user.fred").get(2, Field::InternalDate));
    assert_eq!(dates[0], dates[1]);
}

#[test]
fn mailboxes_that_never_had_messages_need_no_query() {
    let lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred", "user.fred.Empty", "user.fred.Full"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX.Full", "message");
    let questions = |args: &[&str]| {
        let run = ours(&lab, &[&["-v", "-v"], args].concat()).ok();
        sent(&run).iter().filter(|line| line.starts_with("GET MAILBOXES")).count()
    };
    assert_eq!(questions(FRED), 0);
    assert_equal(&lab);
    let mut full = Imap::login(&lab.master, "fred").with_selected("INBOX.Full");
    full.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)");
    full.ok("EXPUNGE");
    drop(full);
    assert_eq!(questions(FRED), 1, "whether it is empty there too");
    assert_equal(&lab);
    append(&mut fred, "INBOX.Full", "another message");
    assert_eq!(questions(FRED), 1, "whether it is in there");
    append(&mut fred, "INBOX.Full", "a third message");
    assert_eq!(questions(FRED), 0);
    replicate(&lab, FRED);
}
