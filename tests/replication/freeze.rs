//! Tests the lock `$GLOBAL`. While `cyr_withlock_run` of Cyrus 3.12 and later holds it, no program
//! may change the server's data. Here another process holds the lock in the same way;
//! `tests/versions` tests the real program.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cyrsync_lab::run::Running;
use cyrsync_lab::{Imap, Lab};

use crate::common::{
    Holder, append, assert_equal, create, differing, errors, find, ours, start_ours, until,
};
use crate::rolling::{drained, log, rolling, stop};

const GLOBAL: &str = "$GLOBAL.lock";
/// Enough time for a client that does not wait to finish its run.
const A_WHILE: Duration = Duration::from_secs(2);

fn lab() -> Lab {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    ours(&lab, &["-A"]).ok();
    assert_equal(&lab);
    lab
}

#[test]
fn the_client_waits_for_the_global_lock() {
    let lab = lab();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "before it");
    let holder = Holder::of(&lab, GLOBAL);
    // -N skips locked users, but with -N the client also waits for this lock, like Cyrus's client.
    for args in [&["-u", "fred"][..], &["-N", "-u", "fred"]] {
        let running = start_ours(&lab, args);
        let running = running.wait_within(A_WHILE).expect_err("it does not wait");
        running.signal(libc::SIGKILL);
    }
    assert!(!differing(&lab).is_empty());
    let running = start_ours(&lab, &["-u", "fred"]);
    let running = until(running, |so_far| so_far[2].contains("waiting for a lock"));
    let said = running.so_far()[2].clone();
    assert!(said.contains(GLOBAL) && said.contains("(python3"), "{said}");
    drop(holder);
    running.wait().ok();
    assert_equal(&lab);
}

#[test]
fn with_global_lock_off_the_client_does_not_wait() {
    let lab = lab();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "before it");
    let holder = Holder::of(&lab, GLOBAL);
    lab.master.set_config("global_lock", Some("no"));
    ours(&lab, &["-u", "fred"]).ok();
    assert_equal(&lab);
    // A client that the holder of the lock started does not wait either. CYRUS_HAVELOCK_GLOBAL
    // marks it.
    lab.master.set_config("global_lock", None);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "another");
    let client = cyrsync_lab::run::reachable(&lab.master, &crate::common::program());
    let mut held = lab.master.command(client);
    held.env("CYRUS_HAVELOCK_GLOBAL", "1").args(["-C"]).arg(lab.master.imapd_conf());
    cyrsync_lab::run::start(&lab.master, held.args(["-u", "fred"])).wait().ok();
    assert_equal(&lab);
    drop(holder);
}

#[test]
fn a_rolling_client_changes_no_file_during_the_lock() {
    let lab = lab();
    let _ = fs::remove_file(log(&lab));
    let cache = lab.master.scratch().join("cache.db");
    lab.master.set_config("sync_cache_db_path", cache.to_str());
    let running = rolling(&lab, &[]);
    let directory = log(&lab).parent().unwrap().to_owned();
    let files = || {
        let mut found: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            // Skip the status file. The client still writes it, so that monitoring sees that it
            // runs.
            .filter(|name| !name.starts_with("log-status"))
            .collect();
        found.sort();
        (found, fs::read(cache.with_extension("db.cyrsync")).ok())
    };
    let holder = Holder::of(&lab, GLOBAL);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "while it is held still");
    let before = files();
    assert!(before.0.contains(&"log".to_owned()) && before.1.is_some(), "{:?}", before.0);
    let running = running.wait_within(A_WHILE).expect_err("it ended");
    assert_eq!(files(), before);
    assert!(!differing(&lab).is_empty());
    drop(holder);
    let running = drained(running, &lab);
    assert_equal(&lab);

    // While the client waits for the lock, SIGTERM ends it. It keeps the logged entries.
    let holder = Holder::of(&lab, GLOBAL);
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "for the next one");
    let running = running.wait_within(A_WHILE).expect_err("it ended");
    let before = files();
    let begun = Instant::now();
    stop(running);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(files(), before);
    drop(holder);
    ours(&lab, &["-1"]).ok();
    assert_equal(&lab);
    assert!(find(&lab.master.dir().join("lock"), GLOBAL).is_some());
}

/// Starts a rolling client whose work file has an entry of anna, whom an administrator excludes.
fn rolling_with_pending_entry(lab: &Lab) -> (Running, PathBuf) {
    let _ = fs::remove_file(log(lab));
    fs::write(lab.master.config_dir().join("sync/skipuser-anna"), "").unwrap();
    let running = rolling(lab, &[]);
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "pending");
    let left = "left for later: items=<MAILBOX user.anna>";
    let running = until(running, |so_far| so_far[2].contains(left));
    (running, log(lab).with_file_name("log-run"))
}

/// Stops a client. Returns the errors that it has logged.
#[track_caller]
fn stopped(running: Running) -> Vec<String> {
    running.signal(libc::SIGTERM);
    let run = running.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
    errors(&run)
}

#[test]
fn a_stop_during_the_global_lock_is_no_error_and_keeps_pending_entries() {
    let lab = lab();
    let (running, work) = rolling_with_pending_entry(&lab);
    let holder = Holder::of(&lab, GLOBAL);
    // Read the file only now: while the lock is free, the client may write it again.
    let pending = fs::read_to_string(&work).unwrap();
    assert!(pending.contains("user.anna"), "{pending}");
    assert_eq!(stopped(running), [""; 0]);
    assert_eq!(fs::read_to_string(&work).unwrap(), pending);
    // A client waits for the lock before it claims the log.
    for args in [&["-R"][..], &["-1"]] {
        let running = start_ours(&lab, args);
        let running = until(running, |so_far| so_far[2].contains("waiting for a lock"));
        assert_eq!(stopped(running), [""; 0]);
        assert_eq!(fs::read_to_string(&work).unwrap(), pending);
    }
    drop(holder);
    fs::remove_file(work.with_file_name("skipuser-anna")).unwrap();
    ours(&lab, &["-1"]).ok();
    assert_equal(&lab);
}

#[test]
fn a_client_starts_over_after_the_global_lock_if_sighup_came_during_it() {
    let lab = lab();
    let holder = Holder::of(&lab, GLOBAL);
    let running = start_ours(&lab, &["-R"]);
    let running = until(running, |so_far| so_far[2].contains("waiting for a lock"));
    running.signal(libc::SIGHUP);
    drop(holder);
    let running = until(running, |so_far| so_far[2].contains("starting over"));
    stop(drained(running, &lab));
}

#[test]
fn a_stop_during_the_global_lock_reports_pending_entries_that_are_in_no_file() {
    let lab = lab();
    let (running, work) = rolling_with_pending_entry(&lab);
    let _holder = Holder::of(&lab, GLOBAL);
    // Cyrus's own client does this when it has processed an earlier work file.
    fs::remove_file(work).unwrap();
    let errors = stopped(running);
    assert!(errors.len() == 1 && errors[0].contains(GLOBAL), "{errors:?}");
}
