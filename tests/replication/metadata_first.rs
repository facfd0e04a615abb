//! Data of a user that is logged before the user's INBOX, and names that purged mailboxes had.

use std::fs;

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
    // All other log entries are lost, as if creating the mailboxes had failed.
    fs::write(log(&lab), format!("SUB fred user.fred\nSEEN anna {id}\nMETA zoe\n")).unwrap();
    let run = ours(&lab, &["-1", "-v"]).ok();
    assert_eq!(errors(&run), [""; 0], "{run}");
    assert!(run.log.contains("Promoting: SUB fred") && run.log.contains("-> USER fred"), "{run}");
    assert_equal(&lab);
}

#[test]
fn a_mailbox_deleted_and_purged_before_the_replica_heard_of_it_blocks_its_name_no_more() {
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
    // Cyrus 3.6 keeps the record by uniqueid of the purged mailbox, which the replica does not
    // need.
    let left = compare(&lab.master, &lab.replica);
    assert!(left.iter().all(|d| d.path.starts_with("mailboxes.db I ")), "{}", describe(&left, 20));
    let name = "user.fred.Sent";
    assert_eq!(uniqueid(&lab.replica, name), uniqueid(&lab.master, name));
}
