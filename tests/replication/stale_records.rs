//! Tests a replica that purged a mailbox but kept the record of its uniqueid.

use cyrsync_lab::trees::is_before;
use cyrsync_lab::{Imap, Lab, tools};

use crate::common::{append, create, differing, errors, ours, replicate, uniqueid};

#[test]
fn a_stale_record_on_the_replica_is_reported_with_a_hint() {
    if !is_before((3, 10), "cyr_expire keeps no such record") {
        return;
    }
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.zoe"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "first");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX.Sent", "second");
    replicate(&lab, &["-A"]);
    // Delete fred on the replica, and let Cyrus purge the deleted mailboxes.
    let mut admin = Imap::admin(&lab.replica);
    admin.ok("SETACL user.fred admin lrswipkxtecdan");
    admin.ok("DELETE user.fred");
    drop(admin);
    tools::run(&lab.replica, "cyr_expire", &["-E", "1", "-D", "0"]);
    append(&mut Imap::login(&lab.master, "zoe"), "INBOX", "she goes on");
    let run = ours(&lab, &["-A", "-v"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let id = uniqueid(&lab.master, "user.fred");
    let reported = errors(&run).join("\n");
    assert!(reported.contains(&format!("has a stale record of the uniqueid {id}")), "{run}");
    let cure = format!("twoskip delete I{id}");
    assert!(reported.contains(&cure) && !reported.contains("replicate the whole user"), "{run}");
    let left = differing(&lab);
    assert!(left.iter().all(|path| !path.contains("user.zoe")), "{left:#?}");
    // Follow the hint: delete the stale records.
    let list = lab.replica.config_dir().join("mailboxes.db").display().to_string();
    for mailbox in ["user.fred", "user.fred.Sent"] {
        let key = format!("I{}", uniqueid(&lab.master, mailbox));
        tools::run(&lab.replica, "cyr_dbtool", &[&list, "twoskip", "delete", &key]);
    }
    replicate(&lab, &["-A"]);
}
