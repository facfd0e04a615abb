//! Tests what a service does if another process holds a lock.

use std::process::Child;

use cyrsync_lab::Imap;
use cyrsync_lab::trees::Release;

use super::build::program;
use super::checkpoint::{Service, does, equal, options};
use super::client::{another_client, holder};
use super::newer::newer;

fn release(mut holder: Child) {
    drop(holder.stdin.take());
    let _ = holder.wait();
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_user_who_is_locked_does_not_end_imapd_of_cyrus_3_12() {
    let mut lab = equal(newer(Release::Forky, options()));
    lab.master.preload("imapd", &program(&lab.master, "libcyrsync_cyrus.so"));
    lab.master.stop_server();
    lab.master.start_server();
    let holder = another_client(&lab);
    let mut imap = Imap::login(&lab.master, "paula").with_selected("INBOX");
    imap.ok("UID STORE 2 +FLAGS (\\Answered)");
    // imapd checks before each command that no lock is left.
    imap.ok("NOOP");
    release(holder);
    let log = lab.master.log();
    assert!(log.contains("entries are locked by others"), "{log}");
}

#[test]
fn a_service_does_not_wait_forever_to_read_a_mailbox_or_its_annotations() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    let holder = holder(&lab, |name| name == "*U*paula.lock");
    for command in ["ANNOTATION user.paula", "MAILBOX user.paula"] {
        assert_eq!(service.say(&lab, command), "LATER", "{command}: {}", lab.master.log());
    }
    release(holder);
    does(&mut service, &lab, "ANNOTATION user.paula");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_service_of_cyrus_3_10_does_not_wait_forever_for_a_lock() {
    waits_only_seconds(Release::Trixie, "*U*paula.lock");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_service_of_cyrus_3_12_does_not_wait_forever_for_a_lock() {
    waits_only_seconds(Release::Forky, "*U*user/paula.lock");
}

fn waits_only_seconds(version: Release, of_paula: &str) {
    let mut lab = equal(newer(version, options()));
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    for (mailbox, lock) in [("user.paula", of_paula), ("shared", "*U*.lock")] {
        let holder = holder(&lab, |name| name == lock);
        let command = format!("MAILBOX {mailbox}");
        assert_eq!(service.say(&lab, &command), "LATER", "{mailbox}: {}", lab.master.log());
        release(holder);
        assert_eq!(service.say(&lab, &command), "OK", "{mailbox}: {}", lab.master.log());
    }
    // Cyrus logs each failed attempt.
    let log = lab.master.log();
    let failed = log.lines().filter(|line| line.contains("checkpoint: can not lock mailbox"));
    assert!(failed.count() < 50, "{log}");
}
