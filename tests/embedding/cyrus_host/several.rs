//! Tests several clients in one process of Cyrus.

use cyrsync_lab::run::{copy_program, start};
use cyrsync_lab::{Options, another_replica};

use super::build::{program, suppressions};
use super::filled::{append, embedded, filled, subjects};

#[test]
fn two_clients_in_one_process_repair_from_two_replicas_in_turn() {
    let options = Options::default();
    let lab = filled(options.clone());
    let far = another_replica(&lab, "far", &options);
    for (channel, replica) in [("near", &lab.replica), ("far", &far)] {
        let port = replica.csync_port().to_string();
        lab.master.set_config(&format!("{channel}_sync_host"), Some("127.0.0.1"));
        lab.master.set_config(&format!("{channel}_sync_port"), Some(&port));
        lab.master.set_config(&format!("{channel}_sync_realm"), Some(replica.name()));
        embedded(&lab, &["-n", channel, "-A"]).ok();
    }
    append(&lab.master, "paula", "INBOX", "from the master");
    append(&lab.replica, "paula", "INBOX", "from near");
    append(&far, "paula", "INBOX", "from far");
    // Both replicas get the same message, so both clients stage a file with the same hash.
    for replica in [&lab.replica, &far] {
        append(replica, "paula", "INBOX", "from both");
    }
    let two = program(&lab.master, "two_clients");
    let supp = two.with_file_name("cyrus.supp");
    copy_program(&suppressions(), &supp);
    let mut command = lab.master.command("/usr/bin/valgrind");
    command.args(["--quiet", "--error-exitcode=99"]);
    command.arg(format!("--suppressions={}", supp.display())).arg(two);
    command.arg("-C").arg(lab.master.imapd_conf()).args(["near", "far", "paula"]);
    let run = start(&lab.master, &mut command).wait().ok();
    assert_eq!(run.stderr, "", "{run}");
    let there = subjects(&lab.master, "paula");
    for subject in ["from far", "from near", "from the master", "from both", "one", "two"] {
        assert!(there.iter().any(|found| found == subject), "{subject}: {there:?}, {run}");
    }
    // Each client ran again after the other one, so both replicas have all messages.
    assert_eq!(subjects(&far, "paula"), there, "{run}");
    assert_eq!(subjects(&lab.replica, "paula"), there, "{run}");
}
