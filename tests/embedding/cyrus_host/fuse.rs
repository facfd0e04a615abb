//! Tests that the embedded client refuses a repair that would destroy much on the master (the
//! fuse).

use cyrsync_lab::{Imap, Options, Sieve, Status};

use super::filled::{append, assert_equal, embedded, filled, subjects};

#[test]
fn the_embedded_client_refuses_harmful_repairs_like_the_program() {
    let lab = filled(Options::default());
    embedded(&lab, &["-A"]).ok();
    assert_equal(&lab);
    let before = subjects(&lab.master, "paula");
    lab.master.set_config("sync_repair_max_expunge", Some("0"));
    let mut there = Imap::login(&lab.replica, "paula").with_selected("INBOX");
    there.ok("UID STORE 1 +FLAGS (\\Deleted)");
    there.ok("EXPUNGE");
    drop(there);
    let (status, said) = Sieve::login(&lab.replica, "paula").put("planted", "discard;\r\n");
    assert!(status == Status::Ok, "{said}");
    append(&lab.replica, "paula", "INBOX", "there");
    let run = embedded(&lab, &["-v", "-u", "paula"]);
    assert!(!run.status.success(), "{run}");
    let reported = format!("{}{}", run.stderr, run.log);
    for would in ["expunge 1 of 2 messages", "change sieve scripts"] {
        assert!(reported.contains(would), "{would}: {run}");
    }
    assert!(!run.stdout.contains("(on the master)"), "{run}");
    assert_eq!(subjects(&lab.master, "paula"), before);
    lab.master.set_config("sync_repair_fuse", Some("no"));
    embedded(&lab, &["-v", "-u", "paula"]).ok();
    assert_eq!(subjects(&lab.master, "paula"), ["there", "two"]);
}
