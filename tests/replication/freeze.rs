//! `$GLOBAL`: the lock by which `cyr_withlock_run` of Cyrus 3.12 and later holds the whole server
//! still. Here another process holds the lock in the same way; `tests/versions.rs` tests the real
//! program.

use std::fs;
use std::time::{Duration, Instant};

use cyrsync_lab::{Imap, Lab};

use crate::common::{
    Holder, append, assert_equal, create, differing, find, ours, start_ours, until,
};
use crate::rolling::{drained, log, rolling, stop};

const GLOBAL: &str = "$GLOBAL.lock";
/// Long enough for a client to finish its run.
const A_WHILE: Duration = Duration::from_secs(2);

fn lab() -> Lab {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    ours(&lab, &["-A"]).ok();
    assert_equal(&lab);
    lab
}

#[test]
fn a_server_that_is_held_still_is_waited_for() {
    let lab = lab();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "before it");
    let holder = Holder::of(&lab, GLOBAL);
    // With -N, which skips locked users, the client waits too, like Cyrus's client.
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
fn switched_off_it_is_not_looked_at() {
    let lab = lab();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "before it");
    let holder = Holder::of(&lab, GLOBAL);
    lab.master.set_config("global_lock", Some("no"));
    ours(&lab, &["-u", "fred"]).ok();
    assert_equal(&lab);
    // Nor does a client wait that the lock's holder has started.
    lab.master.set_config("global_lock", None);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "another");
    let mut held = lab.master.command(crate::common::program());
    held.env("CYRUS_HAVELOCK_GLOBAL", "1").args(["-C"]).arg(lab.master.imapd_conf());
    cyrsync_lab::run::start(&lab.master, held.args(["-u", "fred"])).wait().ok();
    assert_equal(&lab);
    drop(holder);
}

#[test]
fn a_client_that_rolls_changes_no_file_meanwhile() {
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
            // The status file is still written, so that monitoring sees that the client lives.
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

    // While it waits, the client ends on request, and keeps the logged entries.
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
