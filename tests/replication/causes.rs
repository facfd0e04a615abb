//! Tests failures on the replica. Each failure must affect only the data that needs it, and its log
//! line must name the data and the usual cause.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use cyrsync_lab::{Imap, Lab, Options, REPLICATOR, Run, places};

use crate::common::{
    append, create, differing, errors, kill_sync_servers, ours, replicate, start_ours, until,
};

/// Returns the only error line about a mailbox.
#[track_caller]
fn the_line_of(run: &Run, mailbox: &str) -> String {
    let start = format!("SYNCERROR: do_folders(): update failed: {mailbox} '");
    let lines: Vec<String> = errors(run).into_iter().filter(|l| l.contains(&start)).collect();
    assert_eq!(lines.len(), 1, "{mailbox}: {lines:#?}\n{run}");
    lines[0].clone()
}

/// Asserts that all paths that differ contain one of these texts.
#[track_caller]
fn only_these_differ(lab: &Lab, run: &Run, starts: &[&str]) {
    let others: Vec<String> = differing(lab)
        .into_iter()
        .filter(|path| !starts.iter().any(|start| path.contains(start)))
        .filter(|path| !path.starts_with("QUOTA") && !path.starts_with("mailboxes.db I "))
        .collect();
    assert!(others.is_empty(), "{others:#?}\n{run}");
}

#[test]
fn a_partition_that_the_replica_lacks_fails_the_mailboxes_on_it() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.near", "user.fred.zz", "user.anna"]);
    for name in ["user.fred.far", "user.fred.void"] {
        Imap::admin(&lab.master).ok(&format!("CREATE {name} second"));
    }
    lab.replica.set_config("partition-second", None);
    kill_sync_servers(&lab.replica);
    let mut fred = Imap::login(&lab.master, "fred");
    for (number, args) in
        [&["-A"][..], &["-u", "fred"], &["-m", "user.fred.far", "user.fred.void", "user.fred.zz"]]
            .iter()
            .enumerate()
    {
        for mailbox in ["INBOX", "INBOX.near", "INBOX.far", "INBOX.zz"] {
            append(&mut fred, mailbox, &format!("{number} in {mailbox}"));
        }
        let run = ours(&lab, args);
        assert_eq!(run.status.code(), Some(1), "{run}");
        for name in ["user.fred.far", "user.fred.void"] {
            let line = the_line_of(&run, name);
            assert!(line.contains("partition second"), "{line}");
            assert!(
                line.contains("check that partition-second is in the replica's imapd.conf"),
                "{line}"
            );
        }
        match args[0] {
            "-m" => assert!(differing(&lab).iter().all(|path| !path.starts_with("user.fred.zz "))),
            _ => only_these_differ(&lab, &run, &["user.fred.far", "user.fred.void"]),
        }
    }
    let second = lab.replica.partition_dir("second").display().to_string();
    lab.replica.set_config("partition-second", Some(&second));
    kill_sync_servers(&lab.replica);
    replicate(&lab, &["-A"]);
}

#[test]
fn a_mailbox_that_ends_the_replicas_server_fails_without_the_others() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.a", "user.fred.b", "user.fred.c"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for mailbox in ["INBOX", "INBOX.a", "INBOX.b", "INBOX.c"] {
        append(&mut fred, mailbox, &format!("first in {mailbox}"));
    }
    replicate(&lab, &["-A"]);
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("run as root");
    };
    let [file, _] = places::place(&lab.replica, "user.fred.a").message(1);
    let directory = file.parent().expect("it is in a directory").to_owned();
    mode(&directory, 0o500);
    let runs = [&["-A"][..], &["-u", "fred"], &["-m", "user.fred.a", "user.fred.b"]];
    for (args, folder) in runs.into_iter().zip(["a", "b", "c"]) {
        for mailbox in ["INBOX", "INBOX.a", "INBOX.b", "INBOX.c"] {
            append(&mut fred, mailbox, &format!("{} in {mailbox}", args[0]));
        }
        fred.ok(&format!("SUBSCRIBE INBOX.{folder}"));
        let run = ours(&lab, args);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let line = the_line_of(&run, "user.fred.a");
        assert!(line.contains("lost twice during this task") && line.contains("log"), "{line}");
        if args[0] != "-m" {
            only_these_differ(&lab, &run, &["user.fred.a"]);
        }
    }
    mode(&directory, 0o700);
    replicate(&lab, &["-A"]);
}

#[test]
fn a_replica_that_cannot_store_messages_gets_a_hint_about_its_disk() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.a", "user.anna"]);
    replicate(&lab, &["-A"]);
    // The replica cannot write a staged file. It sends the same answer if its disk is full.
    let staging = lab.replica.partition_dir("default").join("sync.");
    fs::create_dir_all(&staging).expect("own directory");
    fs::set_permissions(&staging, Permissions::from_mode(0o500)).expect("own directory");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    Imap::admin(&lab.master).ok("SETACL user.fred.a anna lrs");
    let run = ours(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let line = the_line_of(&run, "user.fred");
    assert!(line.contains("Failed to parse APPLY line"), "{line}");
    assert!(
        line.contains("hint: the replica could not store the messages that it received"),
        "{line}"
    );
    assert!(line.contains("partition default"), "{line}");
    only_these_differ(&lab, &run, &["user.fred "]);
    fs::remove_dir_all(&staging).expect("own directory");
    kill_sync_servers(&lab.replica);
    replicate(&lab, &["-A"]);
}

/// Asserts that a run ends by itself with exit code 1, without waiting for another attempt, and
/// prints these words.
#[track_caller]
fn ends_at_once(lab: &Lab, args: &[&str], words: &[&str]) {
    let started = Instant::now();
    let running = start_ours(lab, args);
    let run = match running.wait_within(Duration::from_secs(10)) {
        Ok(run) => run,
        Err(still) => panic!("{args:?} does not end: {:?}", still.so_far()),
    };
    assert_eq!(run.status.code(), Some(1), "{args:?}: {run}");
    for words in words {
        assert!(run.stderr.contains(words), "{args:?}: no {words:?}: {run}");
    }
    assert!(!run.stderr.contains("retrying in"), "{run}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Writes a list of users or mailboxes to a file. Returns its path.
fn list(lab: &Lab, line: &str) -> String {
    let path = lab.master.scratch().join("list");
    fs::write(&path, format!("{line}\n")).expect("own directory");
    path.display().to_string()
}

#[test]
fn a_permanent_error_ends_every_run_except_rolling() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    lab.master.set_config("sync_password", Some("not-the-right-one"));
    let users = list(&lab, "fred");
    for args in [
        &["-u", "fred"][..],
        &["-u", "-f", &users],
        &["-m", "user.fred"],
        &["-s", "fred"],
        &["-A"],
        &["-R", "-1"],
    ] {
        ends_at_once(&lab, args, &["sync_password", "Can not connect to server '127.0.0.1'"]);
    }
    // A rolling client tries again, because an administrator may correct the password meanwhile.
    let running = start_ours(&lab, &["-R"]);
    let running = until(running, |so_far| {
        so_far[2].contains("trying to connect again") && so_far[1].contains("retrying in 15")
    });
    running.signal(libc::SIGTERM);
    assert_eq!(running.wait().status.code(), Some(75));
}

#[test]
fn a_login_without_admin_rights_is_reported_as_such() {
    let conf = "admins: somebody\nsasl_mech_list: PLAIN\n".to_owned();
    let lab = Lab::new(Options { replica_conf: conf, ..Options::default() });
    create(&lab.master, &["user.fred"]);
    ends_at_once(
        &lab,
        &["-u", "fred"],
        &["Permission denied", "admins in the replica's imapd.conf"],
    );
    lab.master.use_port(lab.replica.imap_port());
    lab.master.set_config("sync_try_imap", Some("yes"));
    ends_at_once(&lab, &["-u", "fred"], &["admins in the replica's imapd.conf"]);
}

#[test]
fn a_replica_without_its_password_daemon_is_waited_for() {
    let conf = "sasl_pwcheck_method: saslauthd\nsasl_saslauthd_path: /nonexistent/mux\n".to_owned();
    let lab = Lab::new(Options { replica_conf: conf, ..Options::default() });
    create(&lab.master, &["user.fred"]);
    let waiting = start_ours(&lab, &["-u", "fred"]);
    let waiting = until(waiting, |so_far| so_far[1].contains("retrying in 15 seconds"));
    waiting.signal(libc::SIGTERM);
    let run = waiting.wait();
    assert!(run.log.contains("saslauthd"), "{run}");
}

#[test]
fn a_replica_with_too_many_connections_of_the_user_is_waited_for() {
    let conf = "maxlogins_per_user: 1\n".to_owned();
    let lab = Lab::new(Options { replica_conf: conf, ..Options::default() });
    create(&lab.master, &["user.fred"]);
    lab.master.use_port(lab.replica.imap_port());
    lab.master.set_config("sync_try_imap", Some("yes"));
    let other = Imap::login(&lab.replica, REPLICATOR);
    let waiting = start_ours(&lab, &["-u", "fred"]);
    let waiting = until(waiting, |so_far| so_far[1].contains("retrying in 15 seconds"));
    waiting.signal(libc::SIGTERM);
    let run = waiting.wait();
    assert!(run.log.contains("Too many open connections"), "{run}");
    assert!(run.log.contains("hint: see maxlogins_per_user"), "{run}");
    assert!(!run.log.contains("sync_password"), "{run}");
    drop(other);
}
