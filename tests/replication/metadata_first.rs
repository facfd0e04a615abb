//! Tests log entries for data of a user whose INBOX is not on the replica yet, and names of
//! mailboxes that were purged.

use std::fs;

use cyrsync_lab::trees::is_before;
use cyrsync_lab::{Imap, Lab, Sieve, Status, compare, describe, tools};

use crate::common::{append, assert_equal, create, errors, ours, replicate, uniqueid};
use crate::rolling::log;

#[test]
fn metadata_logged_before_the_inbox_is_on_the_replica_is_not_lost() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna", "user.zoe"]);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETACL user.zoe anna lrs");
    append(&mut Imap::login(&lab.master, "zoe"), "INBOX", "for anna");
    Imap::login(&lab.master, "fred").ok("SUBSCRIBE INBOX");
    let mut anna = Imap::login(&lab.master, "anna").with_selected("user.zoe");
    anna.ok("UID STORE 1:* +FLAGS (\\Seen)");
    anna.ok("UNSELECT");
    assert_eq!(Sieve::login(&lab.master, "zoe").put("main", "keep;\r\n").0, Status::Ok);
    let id = uniqueid(&lab.master, "user.zoe");
    // Remove all other log entries, as if creating the mailboxes on the replica had failed.
    fs::write(log(&lab), format!("SUB fred user.fred\nSEEN anna {id}\nMETA zoe\n")).unwrap();
    let run = ours(&lab, &["-1", "-v"]).ok();
    assert_eq!(errors(&run), [""; 0], "{run}");
    assert!(run.log.contains("Promoting: SUB fred") && run.log.contains("-> USER fred"), "{run}");
    assert_equal(&lab);
}

#[test]
fn a_folder_logged_before_the_inbox_is_on_the_replica_comes_with_the_whole_user() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX.Sent", "one");
    fs::write(log(&lab), "MAILBOX user.fred.Sent\n").unwrap();
    let run = ours(&lab, &["-1", "-v"]).ok();
    assert_eq!(errors(&run), [""; 0], "{run}");
    assert!(run.log.contains("Promoting: MAILBOX user.fred.Sent -> USER fred"), "{run}");
    assert_equal(&lab);
}

#[test]
fn a_mailbox_purged_before_replication_does_not_block_its_name() {
    if !is_before((3, 10), "cyr_expire keeps no record of the purged mailbox") {
        return;
    }
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("CREATE INBOX.Sent");
    append(&mut fred, "INBOX.Sent", "old");
    replicate(&lab, &["-u", "fred"]);
    fred.ok("DELETE INBOX.Sent");
    tools::run(&lab.master, "cyr_expire", &["-E", "1", "-D", "0"]);
    fred.ok("CREATE INBOX.Sent");
    append(&mut fred, "INBOX.Sent", "new");
    let run = ours(&lab, &["-u", "fred"]).ok();
    assert_eq!(errors(&run), [""; 0], "{run}");
    // The master's Cyrus 3.6 keeps a record by uniqueid for the purged mailbox. The replica has
    // none.
    let left = compare(&lab.master, &lab.replica);
    assert!(left.iter().all(|d| d.path.starts_with("mailboxes.db I ")), "{}", describe(&left, 20));
    let name = "user.fred.Sent";
    assert_eq!(uniqueid(&lab.replica, name), uniqueid(&lab.master, name));
}
