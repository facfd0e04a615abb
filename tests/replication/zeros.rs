//! Tests values of 0 and empty values that have a special meaning, or that Cyrus does not expect.

use std::fs;

use cyrsync_lab::index_file::{Field, IndexFile};
use cyrsync_lab::{Imap, Lab, Options, tools};

use crate::common::{
    append, assert_equal, assert_idle, create, find, mailbox_field, ours, replicate,
};

const FRED: &[&str] = &["-u", "fred"];

#[test]
fn a_message_of_1970_keeps_its_date_and_the_master_its_record() {
    let lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    (1..=3).for_each(|number| append(&mut fred, "INBOX", &format!("message {number}")));
    drop(fred);
    let mut index = IndexFile::of(&lab.master, "user.fred");
    [1, 3].iter().for_each(|uid| index.set(*uid, Field::InternalDate, 0));
    index.save();
    let modseq = mailbox_field(&lab.master, "user.fred", "HIGHESTMODSEQ");
    // For date 0 the replica stores the current time. So the client must send the record once more.
    ours(&lab, &[&["-O"], FRED].concat()).ok();
    assert_equal(&lab);
    assert_idle(&lab, FRED);
    assert_eq!(mailbox_field(&lab.master, "user.fred", "HIGHESTMODSEQ"), modseq);
    let index = IndexFile::of(&lab.replica, "user.fred");
    assert_eq!([1, 3].map(|uid| index.get(uid, Field::InternalDate)), [0, 0]);
}

#[test]
fn a_quota_limit_too_large_for_the_protocol_is_not_sent() {
    let lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred"]);
    assert!(Imap::admin(&lab.master).set_quota("user.fred", "STORAGE 2000000000").is_ok());
    replicate(&lab, FRED);
    let file = find(&lab.master.config_dir().join("quota"), "user.fred").expect("it has a quota");
    fs::write(&file, "0\n5000000000\n").expect("own file");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "hello");
    // The append changed the used amount in the file. The limit is still there.
    assert!(fs::read_to_string(&file).expect("own file").contains("5000000000"));
    let run = ours(&lab, FRED);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let why = "user.fred: its STORAGE limit 5000000000 is too high for the replication protocol";
    assert!(run.stderr.contains(why), "{run}");
    let limits = tools::run(&lab.replica, "quota", &["user.fred"]);
    assert!(limits.contains("2000000000"), "{limits}");
    let uids = Imap::login(&lab.replica, "fred").with_selected("INBOX").uids();
    assert_eq!(uids, [1], "the mail goes on");
}

#[test]
fn an_entry_without_a_partition_is_reported_and_moves_nothing() {
    let mut lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    replicate(&lab, FRED);
    let mut fred = Imap::login(&lab.master, "fred");
    ["INBOX", "INBOX.Sent"].iter().for_each(|name| append(&mut fred, name, "hello"));
    drop(fred);
    lab.master.stop_server();
    tools::set_entry(&lab.master, "user.fred.Sent", |entry| {
        assert!(entry.contains(" P default "), "{entry}");
        entry.replace(" P default ", " ")
    });
    let run = ours(&lab, &[&["-v"], FRED].concat());
    assert_eq!(run.status.code(), Some(1), "{run}");
    let why = "open mailbox user.fred.Sent: its entry in mailboxes.db has no partition";
    assert!(run.stderr.contains(why), "{run}");
    assert!(!run.stdout.contains("RENAME"), "{run}");
    let uids = |name| Imap::login(&lab.replica, "fred").with_selected(name).uids();
    assert_eq!((uids("INBOX"), uids("INBOX.Sent")), (vec![1], vec![]));
}
