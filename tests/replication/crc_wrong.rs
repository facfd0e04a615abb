//! A mailbox of the master whose cyrus.index has a sync CRC that does not belong to its records.

use cyrsync_lab::index_file::IndexFile;
use cyrsync_lab::{Imap, Lab, tools};

use crate::common::{append, assert_equal, create, differing, ours, replicate, sent};

const AGAIN: &str = "SYNC_NOTICE: CRC failure on sync user.fred, recalculating counts";

#[test]
fn a_wrong_sync_crc_on_the_master_keeps_nothing_back_and_reconstruct_puts_it_right() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    (1..=3).for_each(|number| append(&mut fred, "INBOX", &format!("message {number}")));
    replicate(&lab, &["-A"]);
    drop(fred);
    let mut index = IndexFile::of(&lab.master, "user.fred");
    index.spoil_sync_crc();
    index.save_records();
    let is_wrong = || {
        let index = IndexFile::of(&lab.master, "user.fred");
        index.stored_sync_crc() != index.sync_crc()
    };
    let sends_nothing = |args: &[&str]| {
        let run = ours(&lab, &[&["-v", "-v"], args].concat()).ok();
        assert!(!sent(&run).iter().any(|line| line.starts_with("APPLY MAILBOX")), "{run}");
    };
    assert!(is_wrong());
    // It is computed from the records, with -O too, and the master's file stays as it is.
    for args in [&["-O", "-u", "fred"][..], &["-u", "fred"]] {
        sends_nothing(args);
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "another");
        let run = ours(&lab, args).ok();
        assert_eq!(run.log.matches(AGAIN).count(), 1, "{run}");
        assert!(!run.stdout.contains("FULLMAILBOX"), "{run}");
        sends_nothing(args);
        assert!(is_wrong());
        let differing = differing(&lab);
        assert!(differing.iter().all(|path| path.contains("CRC")), "{differing:#?}");
    }
    tools::run(&lab.master, "reconstruct", &["user.fred"]);
    assert!(!is_wrong());
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "the last");
    let run = ours(&lab, &["-O", "-u", "fred"]).ok();
    assert!(!run.log.contains(AGAIN), "{run}");
    assert_equal(&lab);
}
