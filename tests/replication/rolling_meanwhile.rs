//! Tests changes of the master between two reads of the client.

use std::fs::File;
use std::io::Write;

use cyrsync_lab::{Imap, Lab};

use crate::common::{append, assert_equal, create, replicate, signal_sync_servers, until};
use crate::rolling::{drained, log, rolling, stop};

#[test]
fn a_mailbox_deleted_before_its_user_is_replicated() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.old"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX.old", "one");
    replicate(&lab, &["-A"]);
    let running = rolling(&lab, &[]);
    // Stop the client, so that all these changes are in one log.
    running.signal(libc::SIGSTOP);
    append(&mut fred, "INBOX.old", "two");
    fred.ok("DELETE INBOX.old");
    let mut file = File::options().append(true).open(log(&lab)).expect("the daemons wrote it");
    file.write_all(b"USER fred\n").expect("the log can be written to");
    drop(file);
    // The client skips the mailbox, because the user's task includes it. Then it waits for the
    // replica.
    assert!(signal_sync_servers(&lab.replica, "STOP") > 0);
    running.signal(libc::SIGCONT);
    let running = until(running, |so_far| so_far[0].contains("USER fred\n"));
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETACL user.fred admin lrswipkxtecdan");
    admin.ok("DELETE user.fred");
    signal_sync_servers(&lab.replica, "CONT");
    let running = until(running, |so_far| so_far[0].contains("Does not exist locally fred\n"));
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}
