//! The embedded client replicates a master, and repairs what both sides were written to; the oracle
//! and valgrind look on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use cyrsync_lab::run::{copy_program, start};
use cyrsync_lab::{Imap, Lab, Options, Run, places, random_changes, tools};

use crate::build::{program, suppressions};
use crate::filled::{append, assert_equal, embedded, filled, settle_quotas, subjects};

#[test]
fn an_embedded_client_replicates_whatever_happens_to_a_master() {
    for (seed, options) in [
        (41, Options::default()),
        (42, Options { conversations: true, reverseacls: true, ..Options::modern() }),
    ] {
        let lab = filled(options);
        for round in 0..3 {
            random_changes(&lab.master, seed + 10 * round, 60);
            settle_quotas(&lab.master);
            let run = embedded(&lab, &["-v", "-A"]).ok();
            assert_eq!(run.stderr, "", "{run}");
            settle_quotas(&lab.replica);
            assert_equal(&lab);
            let idle = embedded(&lab, &["-v", "-A"]).ok();
            assert!(!idle.stdout.contains("MAILBOX "), "there was something left to do: {idle}");
        }
        assert_eq!(tools::quota_complaints(&lab.master), [""; 0]);
    }
}

/// Runs the embedded client under valgrind, which must find nothing.
#[track_caller]
pub fn under_valgrind(lab: &Lab, args: &[&str]) -> Run {
    let client = program(&lab.master, "sync_client");
    let supp = client.with_file_name("cyrus.supp");
    fs::copy(suppressions(), &supp).expect("it is in the sources");
    let mut command = lab.master.command("/usr/bin/valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite"]);
    command.arg(format!("--suppressions={}", supp.display())).arg("--gen-suppressions=all");
    command.arg(client).arg("-C").arg(lab.master.imapd_conf()).args(args);
    start(&lab.master, &mut command).wait()
}

#[test]
fn a_split_brain_is_repaired_by_cyrus_itself_without_a_leak() {
    let lab = filled(Options { conversations: true, ..Options::default() });
    under_valgrind(&lab, &["-A"]).ok();
    assert_equal(&lab);
    append(&lab.master, "paula", "INBOX", "from the master");
    append(&lab.replica, "paula", "INBOX", "from the replica");
    append(&lab.replica, "paula", "INBOX", "and another one");
    Imap::login(&lab.replica, "paula").with_selected("INBOX").ok("UID STORE 1 +FLAGS (Home)");
    let run = under_valgrind(&lab, &["-v", "-u", "paula"]).ok();
    assert!(run.stdout.contains("MAILBOX user.paula (on the master)"), "{run}");
    let all = ["and another one", "from the master", "from the replica", "one", "two"];
    assert_eq!(subjects(&lab.master, "paula"), all);
    assert_eq!(subjects(&lab.replica, "paula"), all);
    for cyrus in [&lab.master, &lab.replica] {
        let pattern = cyrus.admin_name("user.*");
        assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{}", cyrus.name());
    }
    // Nothing is left of the files that Cyrus put aside for messages.
    let staged = lab.master.partition_dir("default").join("sync.");
    let left = fs::read_dir(&staged).map_or(0, Iterator::count);
    assert_eq!(left, 0, "{}", staged.display());
    let again = embedded(&lab, &["-v", "-u", "paula"]).ok();
    assert!(!again.stdout.contains("MAILBOX "), "there was something left to do: {again}");
}

#[test]
fn a_repair_starts_no_other_process() {
    let lab = filled(Options { conversations: true, ..Options::default() });
    embedded(&lab, &["-A"]).ok();
    append(&lab.master, "paula", "INBOX", "from the master");
    append(&lab.replica, "paula", "INBOX", "from the replica");
    // No process of this user may start another one.
    let mut command = lab.master.command("/usr/bin/prlimit");
    command.arg("--nproc=0").arg(program(&lab.master, "sync_client"));
    command.arg("-C").arg(lab.master.imapd_conf()).args(["-v", "-u", "paula"]);
    let run = start(&lab.master, &mut command).wait().ok();
    assert!(run.stdout.contains("MAILBOX user.paula (on the master)"), "{run}");
    let all = ["from the master", "from the replica", "one", "two"];
    assert_eq!(subjects(&lab.master, "paula"), all);
    assert_eq!(subjects(&lab.replica, "paula"), all);
    // The limit works: under it the native client, which has to start another process, fails.
    let native = env!("CARGO_BIN_EXE_sync_client");
    append(&lab.master, "paula", "INBOX", "once more");
    append(&lab.replica, "paula", "INBOX", "and there");
    let reachable = lab.master.scratch().join("native_sync_client");
    copy_program(native.as_ref(), &reachable);
    let mut command = lab.master.command("/usr/bin/prlimit");
    command.arg("--nproc=0").arg(reachable);
    command.arg("-C").arg(lab.master.imapd_conf()).args(["-v", "-u", "paula"]);
    let run = start(&lab.master, &mut command).wait();
    assert!(!run.status.success(), "{run}");
}

#[test]
fn what_cannot_be_read_is_told_and_deletes_nothing_on_the_replica() {
    let mut lab = filled(Options::default());
    let mut admin = Imap::admin(&lab.master);
    for name in ["user.paula.Sent", "user.paula.Work", "user.paul"] {
        admin.ok(&format!("CREATE {}", lab.master.admin_name(name)));
    }
    append(&lab.master, "paula", "INBOX.Work", "hard work");
    embedded(&lab, &["-A"]).ok();
    let before = replica_mailboxes(&lab);
    // An entry that does not parse, and an index with records of nonsense.
    append(&lab.master, "paul", "INBOX", "goes on");
    let index = places::place(&lab.master, "user.paula.Work").meta.join("cyrus.index");
    lab.master.stop_server();
    tools::set_entry(&lab.master, "user.paula.Sent", |_| "%(broken".to_owned());
    damage(&index);
    let run = embedded(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("user.paula"), "{run}");
    assert_eq!(replica_mailboxes(&lab), before);
    assert_eq!(subjects(&lab.replica, "paul"), ["goes on"]);
}

fn replica_mailboxes(lab: &Lab) -> Vec<String> {
    tools::mailbox_names(&lab.replica)
}

/// Spoils the last record, checksum and all.
fn damage(index: &Path) {
    let mut bytes = fs::read(index).expect("the mailbox has an index");
    let end = bytes.len();
    bytes[end - 60..].fill(0xff);
    fs::write(index, bytes).expect("the test may write");
}

#[test]
fn subscriptions_that_cannot_be_read_are_not_taken_for_none() {
    let lab = filled(Options::default());
    embedded(&lab, &["-A"]).ok();
    // Cyrus takes a database of another kind for an empty list.
    lab.master.set_config("subscription_db", Some("twoskip"));
    let run = embedded(&lab, &["-s", "paula"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    lab.master.set_config("subscription_db", None);
    assert_equal(&lab);
}

#[test]
fn a_lock_of_another_client_is_respected() {
    let lab = filled(Options::default());
    embedded(&lab, &["-A"]).ok();
    let mut holder = another_client(&lab);
    let run = embedded(&lab, &["-v", "-N", "-A"]);
    drop(holder.stdin.take());
    let _ = holder.wait();
    assert!(run.stderr.contains("Skipping locked user paula"), "{run}");
    assert!(run.status.success(), "{run}");
}

/// A process that holds the lock of a client that replicates paula, until its input ends.
pub fn another_client(lab: &Lab) -> Child {
    let lock = find(&lab.master.dir().join("lock"), "*paula.lock").expect("it was made");
    let script = "import fcntl, sys\n\
                  file = open(sys.argv[1], 'r+')\n\
                  fcntl.lockf(file, fcntl.LOCK_EX)\n\
                  print('locked', flush=True)\n\
                  sys.stdin.read()\n";
    let mut command = lab.master.command("/usr/bin/python3");
    command.args(["-c", script]).arg(lock);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = command.spawn().expect("python3 is there");
    let mut told = [0; 7];
    let stdout = holder.stdout.as_mut().expect("stdout is piped");
    std::io::Read::read_exact(stdout, &mut told).expect("the holder tells");
    holder
}

/// A file below a directory whose name is that of a sync lock and ends so.
fn find(dir: &Path, end: &str) -> Option<PathBuf> {
    fs::read_dir(dir).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return find(&path, end);
        }
        let name = path.file_name()?.to_string_lossy().into_owned();
        (name.starts_with("*S*") && name.ends_with(end)).then_some(path)
    })
}
