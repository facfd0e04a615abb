//! Tests a mailbox of the master whose cyrus.index has a sync CRC that does not match its records.

use cyrsync_lab::index_file::IndexFile;
use cyrsync_lab::{Imap, Lab, Run, tools};

use crate::common::{append, assert_equal, create, differing, ours, replicate, sent};

const AGAIN: &str = "SYNC_NOTICE: CRC failure on sync user.fred, recalculating counts";

/// Starts a lab with a user who has three messages, which are replicated.
fn replicated() -> Lab {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    (1..=3).for_each(|number| append(&mut fred, "INBOX", &format!("message {number}")));
    replicate(&lab, &["-A"]);
    lab
}

/// Gives the master's INBOX a sync CRC that does not match its records.
fn spoil(lab: &Lab) {
    let mut index = IndexFile::of(&lab.master, "user.fred");
    index.spoil_sync_crc();
    index.save_records();
    assert!(is_wrong(lab));
}

fn is_wrong(lab: &Lab) -> bool {
    let index = IndexFile::of(&lab.master, "user.fred");
    index.stored_sync_crc() != index.sync_crc()
}

fn sends_nothing(lab: &Lab, args: &[&str]) {
    let run = ours(lab, &[&["-v", "-v"], args].concat()).ok();
    assert!(!sent(&run).iter().any(|line| line.starts_with("APPLY MAILBOX")), "{run}");
}

/// Appends a message and runs the client. Asserts that it computes the CRC from the records.
fn after_a_change(lab: &Lab, args: &[&str]) -> Run {
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "another");
    let run = ours(lab, args).ok();
    assert_eq!(run.log.matches(AGAIN).count(), 1, "{run}");
    assert!(!run.stdout.contains("FULLMAILBOX"), "{run}");
    run
}

#[test]
fn a_wrong_sync_crc_on_the_master_delays_nothing_and_reconstruct_corrects_it() {
    let lab = replicated();
    spoil(&lab);
    // Prevent a repair: the client then cannot start the master's own sync_server, which would
    // correct the CRC.
    lab.master.set_config("sync_server_path", Some("/nowhere/sync_server"));
    for args in [&["-O", "-u", "fred"][..], &["-u", "fred"]] {
        sends_nothing(&lab, args);
        after_a_change(&lab, args);
        sends_nothing(&lab, args);
        assert!(is_wrong(&lab));
        let differing = differing(&lab);
        assert!(differing.iter().all(|path| path.contains("CRC")), "{differing:#?}");
    }
    tools::run(&lab.master, "reconstruct", &["user.fred"]);
    assert!(!is_wrong(&lab));
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "the last");
    let run = ours(&lab, &["-O", "-u", "fred"]).ok();
    assert!(!run.log.contains(AGAIN), "{run}");
    assert_equal(&lab);
}

/// Not through a host, which does not start a sync_server of the master.
#[cfg(not(through_host))]
#[test]
fn a_wrong_sync_crc_on_the_master_is_corrected_by_its_own_cyrus() {
    let lab = replicated();
    spoil(&lab);
    lab.master.set_config("sync_server_path", Some("/nowhere/sync_server"));
    let run = after_a_change(&lab, &["-u", "fred"]);
    let says = "SYNCNOTICE: cyrus.index has wrong CRCs: mailbox=<user.fred> error=<";
    assert!(run.log.contains(says), "{run}");
    assert!(is_wrong(&lab), "{run}");
    lab.master.set_config("sync_server_path", None);
    tools::run(&lab.master, "reconstruct", &["user.fred"]);
    for args in [&["-O", "-u", "fred"][..], &["-u", "fred"]] {
        spoil(&lab);
        let run = after_a_change(&lab, args);
        let says = "SYNCNOTICE: wrong CRCs corrected: mailbox=<user.fred> stored=<";
        assert!(run.log.contains(says), "{run}");
        assert!(!is_wrong(&lab), "{run}");
        assert_equal(&lab);
        append(&mut Imap::login(&lab.master, "fred"), "INBOX", "and another");
        let run = ours(&lab, args).ok();
        assert!(!run.log.contains(AGAIN), "{run}");
        assert_equal(&lab);
    }
}
