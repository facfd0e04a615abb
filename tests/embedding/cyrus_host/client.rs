//! Tests the embedded client: it replicates a master, and it repairs mailboxes that were changed on
//! both sides. The lab's comparison (`compare`) checks the result, and valgrind checks memory use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use cyrsync_lab::run::{copy_program, start};
use cyrsync_lab::{Imap, Lab, Options, Run, places, random_changes, tools};

use super::build::{program, suppressions};
use super::filled::{append, assert_equal, embedded, filled, settle_quotas, subjects};

#[test]
fn the_embedded_client_replicates_random_changes_of_a_master() {
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

/// Runs the embedded client under valgrind. The run fails if valgrind reports anything.
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
    // No staged message file may remain.
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
    // Run the client with a limit that forbids new processes.
    let mut command = lab.master.command("/usr/bin/prlimit");
    command.arg("--nproc=0").arg(program(&lab.master, "sync_client"));
    command.arg("-C").arg(lab.master.imapd_conf()).args(["-v", "-u", "paula"]);
    let run = start(&lab.master, &mut command).wait().ok();
    assert!(run.stdout.contains("MAILBOX user.paula (on the master)"), "{run}");
    let all = ["from the master", "from the replica", "one", "two"];
    assert_eq!(subjects(&lab.master, "paula"), all);
    assert_eq!(subjects(&lab.replica, "paula"), all);
    // Show that the limit works: the native client, which must start another process, fails under
    // it.
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
fn unreadable_data_is_reported_and_deletes_nothing_on_the_replica() {
    let mut lab = filled(Options::default());
    let mut admin = Imap::admin(&lab.master);
    for name in ["user.paula.Sent", "user.paula.Work", "user.paul"] {
        admin.ok(&format!("CREATE {}", lab.master.admin_name(name)));
    }
    append(&lab.master, "paula", "INBOX.Work", "hard work");
    embedded(&lab, &["-A"]).ok();
    let before = replica_mailboxes(&lab);
    // Damage one mailbox's entry in mailboxes.db, and the last record of another mailbox's index.
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

/// Overwrites the last record of an index, including its checksum.
pub fn damage(index: &Path) {
    let mut bytes = fs::read(index).expect("the mailbox has an index");
    let end = bytes.len();
    bytes[end - 60..].fill(0xff);
    fs::write(index, bytes).expect("the test may write");
}

#[test]
fn unreadable_subscriptions_are_not_replicated_as_an_empty_list() {
    let lab = filled(Options::default());
    embedded(&lab, &["-A"]).ok();
    // Cyrus reads a database of another type as an empty list.
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

/// Starts a process that holds the lock on user paula like another client. It ends with its input.
pub fn another_client(lab: &Lab) -> Child {
    holder(lab, |name| name.starts_with("*S*") && name.ends_with("*paula.lock"))
}

/// Starts a process that holds the first lock with such a name on the master. Names are paths below
/// the directory of locks. The process ends with its input.
pub fn holder(lab: &Lab, wanted: impl Fn(&str) -> bool) -> Child {
    let all = lab.master.dir().join("lock");
    let mut locks = Vec::new();
    list(&all, &mut locks);
    let names = |path: &PathBuf| path.strip_prefix(&all).ok()?.to_str().map(str::to_owned);
    let found = locks.iter().find(|path| {
        let name = names(path).unwrap_or_default();
        // Cyrus hashes some names: skip the directory of one letter.
        wanted(name.split_once('/').filter(|(first, _)| first.len() == 1).map_or(&*name, |s| s.1))
    });
    let lock = found.unwrap_or_else(|| panic!("no such lock: {locks:?}"));
    let script = "import fcntl, sys\n\
                  file = open(sys.argv[1], 'r+')\n\
                  fcntl.lockf(file, fcntl.LOCK_EX)\n\
                  print('locked', flush=True)\n\
                  sys.stdin.read()\n";
    let mut command = lab.master.command("/usr/bin/python3");
    command.args(["-c", script]).arg(lock);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = command.spawn().expect("python3 is there");
    let mut reported = [0; 7];
    let stdout = holder.stdout.as_mut().expect("stdout is piped");
    std::io::Read::read_exact(stdout, &mut reported).expect("the holder tells");
    holder
}

/// Adds all files below a directory.
fn list(dir: &Path, files: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}
