//! Tests several connections at once. They must send and report the same as one connection, for any
//! number of connections that the replica accepts.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::places::place;
use cyrsync_lab::{
    Cyrus, Imap, Lab, Options, Port, Proxy, Rng, Run, another_replica, compare, describe, text,
};

use crate::common::{
    assert_cyrus_idle, assert_equal, create, errors, is_of_the_run, lines, message, message_file,
    ours, replicate, start_ours, until,
};
use crate::rolling::{drained, log, stop};

/// Starts a lab whose master has this many users, each with this many mailboxes and messages.
fn lab(users: usize, folders: usize, messages: usize) -> Lab {
    let lab = Lab::new(Options::default());
    bulk(&lab.master, Bulk { users, folders, messages, seed: 7 });
    lab
}

/// Returns the lines of `-v` without those about the connection or the run as a whole.
fn reported(run: &Run) -> Vec<String> {
    let mut reported = lines(&run.stdout);
    reported.retain(|line| !is_of_the_run(line));
    reported
}

/// Runs with `-v` against a new replica through a proxy with this round trip (in milliseconds).
/// Returns the lines about users and mailboxes, and the number of connections.
fn over(lab: &Lab, name: &str, round_trip: u64, args: &[&str]) -> (Vec<String>, u64) {
    let replica = another_replica(lab, name, &Options::default());
    let proxy = Proxy::new(replica.csync_port(), Duration::from_millis(round_trip), false);
    lab.master.use_replica(&replica);
    lab.master.use_port(proxy.port());
    let run = ours(lab, &[&["-v"], args].concat()).ok();
    assert_eq!(errors(&run), [""; 0], "{run}");
    let differences = compare(&lab.master, &replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 10));
    (reported(&run), proxy.traffic().connections)
}

#[test]
fn users_use_several_connections_with_the_same_output_as_one() {
    let lab = lab(9, 3, 5);
    let (one, connections) = over(&lab, "one", 0, &["-A", "-j", "1"]);
    assert_eq!(connections, 1);
    assert_eq!(one.iter().filter(|line| line.starts_with("USER ")).count(), 9, "{one:#?}");
    let (four, connections) = over(&lab, "four", 20, &["-A", "-j", "4"]);
    assert_eq!(connections, 4);
    assert_eq!(four, one);
    // Without -j, users of a distant replica share a few connections.
    let (auto, connections) = over(&lab, "auto", 50, &["-A"]);
    assert!(connections <= 4, "{connections}");
    assert_eq!(auto, one);
}

#[test]
fn one_large_user_also_uses_several_connections() {
    let lab = lab(1, 60, 3);
    // Add nested folders, and a name that is only the parent of a mailbox.
    create(&lab.master, &["user.u000.a", "user.u000.a.b", "user.u000.a.b.c", "user.u000.x.y"]);
    let (one, connections) = over(&lab, "one", 0, &["-u", "u000", "-j", "1"]);
    assert_eq!(connections, 1);
    assert!(one.len() > 60, "{one:#?}");
    let (four, connections) = over(&lab, "four", 20, &["-u", "u000", "-j", "4"]);
    assert!(connections > 1, "it went over {connections}");
    assert_eq!(four, one);
}

#[test]
fn every_mode_uses_several_connections() {
    let lab = lab(6, 2, 4);
    let users: Vec<String> = (0..6).map(|user| format!("u{user:03}")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(20), false);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_jobs", Some("3"));
    let run = |args: &[&str]| {
        proxy.reset();
        let run = ours(&lab, args).ok();
        assert_eq!(errors(&run), [""; 0], "{run}");
        assert_eq!(proxy.traffic().connections, 3, "{run}");
    };
    run(&[&["-u"], users.as_slice()].concat());
    assert_equal(&lab);

    let everywhere = |folder: &str, text: &str| {
        for user in &users {
            let mut imap = Imap::login(&lab.master, user);
            assert!(imap.append(folder, "", &message(text)).is_ok());
        }
    };
    everywhere("INBOX", "more");
    everywhere("INBOX.Sent", "and more");
    let both = |user: &&str| [format!("user.{user}"), format!("user.{user}.Sent")];
    let mailboxes: Vec<String> = users.iter().flat_map(both).collect();
    let mailboxes: Vec<&str> = mailboxes.iter().map(String::as_str).collect();
    run(&[&["-m"], mailboxes.as_slice()].concat());
    assert_equal(&lab);

    for user in &users {
        Imap::login(&lab.master, user).ok("SUBSCRIBE INBOX.Sent");
    }
    run(&[&["-s"], users.as_slice()].concat());
    assert_equal(&lab);

    everywhere("INBOX.Sent", "to be rolled");
    run(&["-R", "-1"]);
    assert_equal(&lab);

    everywhere("INBOX.Sent", "of a log");
    let log = lab.master.scratch().join("log");
    let text: String = users.iter().map(|user| format!("MAILBOX user.{user}.Sent\n")).collect();
    std::fs::write(&log, text).unwrap();
    run(&["-R", "-f", log.to_str().unwrap()]);
    assert_equal(&lab);
    assert_cyrus_idle(&lab, &["-A"]);
}

#[test]
fn a_failure_on_one_connection_is_reported_and_stops_no_other_user() {
    let lab = lab(6, 2, 4);
    std::fs::write(place(&lab.master, "user.u002.Sent").data.join("cyrus.index"), "x").unwrap();
    let run = ours(&lab, &["-v", "-A", "-j", "3"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let users: BTreeSet<String> =
        reported(&run).into_iter().filter(|l| l.starts_with("USER ")).collect();
    assert_eq!(users.len(), 6, "{run}");
    assert!(run.stderr.contains("user.u002.Sent"), "{run}");
    assert!(!run.stderr.contains("u003"), "{run}");
    for user in ["u000", "u001", "u003", "u004", "u005"] {
        let uids = Imap::login(&lab.replica, user).with_selected("INBOX.Sent").uids();
        assert_eq!(uids.len(), 4, "{user}");
    }
    assert_eq!(Imap::login(&lab.replica, "u002").with_selected("INBOX").uids().len(), 4);
}

/// Adds a replication service to the replica that serves only one client at a time. Returns its
/// port.
fn narrow(replica: &mut Cyrus) -> Port {
    let port = Port::reserve();
    let listen = format!("127.0.0.1:{}\" maxchild=\"1", port.number());
    replica.add_service("narrow", "sync_server", &listen);
    replica.stop_server();
    replica.start_server();
    port
}

#[test]
fn a_replica_that_serves_one_client_at_a_time_is_enough() {
    let mut lab = lab(6, 2, 4);
    let port = narrow(&mut lab.replica);
    lab.master.use_port(port.number());
    lab.master.set_config("client_timeout", Some("1h"));
    let run = ours(&lab, &["-v", "-A", "-j", "4"]).ok();
    assert_eq!((errors(&run).as_slice(), run.stderr.as_str()), (&[][..], ""), "{run}");
    assert_equal(&lab);
}

#[test]
fn a_cut_connection_ends_no_other_connection() {
    let lab = lab(8, 2, 40);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(5), false);
    lab.master.use_port(proxy.port());
    proxy.cut_once_after(300_000);
    let run = ours(&lab, &["-v", "-A", "-j", "3"]).ok();
    assert!(proxy.traffic().connections > 3, "{run}");
    let users = reported(&run).iter().filter(|line| line.starts_with("USER ")).count();
    assert!(users > 8, "the one that lost it began again: {run}");
    assert_equal(&lab);
}

/// The user's worker shares the connection of a worker that is idle when the connection is cut. The
/// idle worker retries the user, and must connect again first. Otherwise the user would count as one
/// over which the connection is lost each time.
#[test]
fn a_user_on_a_shared_connection_that_is_cut_is_retried_over_a_new_one() {
    let lab = lab(12, 1, 1);
    ours(&lab, &["-A"]).ok();
    let mut imap = Imap::login(&lab.master, "u011");
    for number in 0..20 {
        let large = text::message(&mut Rng::new(number), 50_000);
        assert!(imap.append("INBOX", "", &large).is_ok());
    }
    // Connecting takes several round trips, so the replica counts as distant.
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(60), false);
    lab.master.use_port(proxy.port());
    proxy.cut_once_after(100_000);
    let run = ours(&lab, &["-v", "-A"]).ok();
    assert!(!proxy.cut_is_due(), "{run}");
    assert_equal(&lab);
}

#[test]
fn a_connection_cut_within_a_large_user_loses_nothing() {
    for bytes in [60_000, 150_000, 300_000] {
        let lab = lab(1, 40, 12);
        let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(5), false);
        lab.master.use_port(proxy.port());
        proxy.cut_once_after(bytes);
        let run = ours(&lab, &["-v", "-u", "u000", "-j", "3"]).ok();
        assert!(!proxy.cut_is_due(), "{run}");
        assert_equal(&lab);
        assert_cyrus_idle(&lab, &["-u", "u000"]);
    }
}

#[test]
fn a_large_user_does_not_delay_other_users() {
    let lab = lab(1, 500, 1);
    create(&lab.master, &["user.zoe"]);
    ours(&lab, &["-u", "zoe"]).ok();
    fs::write(log(&lab), "USER u000\n").unwrap();
    lab.master.set_config("sync_repeat_interval", Some("0"));
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(12), true);
    lab.master.use_port(proxy.port());
    // Hold both connections back in the middle of the large user.
    proxy.hold_at(b"user.u000.f250");
    let running = start_ours(&lab, &["-R", "-v", "-j", "2"]);
    let running = until(running, |_| proxy.is_holding());
    assert_eq!(proxy.traffic().connections, 2);
    let mut zoe = Imap::login(&lab.master, "zoe");
    assert!(zoe.append("INBOX", "", &message("is waited for")).is_ok());
    proxy.release();
    let running = drained(running, &lab);
    stop(running);
    assert_equal(&lab);
    let came = |mailbox: &str| {
        // The time of the directory shows when the message arrived.
        let file = message_file(&lab.replica, mailbox, 1);
        let directory = file.parent().expect("it lies in one").metadata();
        directory.and_then(|found| found.modified()).expect("a file system with times")
    };
    let folders = Imap::admin(&lab.master).list("user.u000.*");
    // Folders are sent in order, so zoe's message must arrive before the last folders.
    let last = folders.iter().rev().take(20).map(|folder| came(folder)).max();
    assert!(Some(came("user.zoe")) < last, "it came after all {} folders", folders.len());
}

#[test]
fn one_damaged_mailbox_of_a_large_user_fails_by_itself() {
    let lab = lab(1, 40, 4);
    std::fs::remove_file(&place(&lab.master, "user.u000.f20").message(2)[0]).unwrap();
    let run = ours(&lab, &["-v", "-u", "u000", "-j", "3"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let failed = |line: &&String| line.contains("update failed: ");
    let errors = errors(&run);
    let failed: Vec<&String> = errors.iter().filter(failed).collect();
    assert_eq!(failed.len(), 1, "{run}");
    assert!(failed[0].contains("user.u000.f20"), "{run}");
    let mut imap = Imap::login(&lab.replica, "u000");
    for number in (8..40).filter(|number| *number != 20) {
        imap = imap.with_selected(&format!("INBOX.f{number}"));
        assert_eq!(imap.uids().len(), 4, "f{number}");
    }
    let mut imap = imap.with_selected("INBOX.f20");
    assert_eq!(imap.uids(), [1], "what lies before the damage");
}

#[test]
fn sigterm_ends_rolling_with_several_connections() {
    let lab = lab(6, 2, 4);
    let running = start_ours(&lab, &["-R", "-v", "-j", "3"]);
    for user in 0..6 {
        let mut imap = Imap::login(&lab.master, &format!("u{user:03}"));
        assert!(imap.append("INBOX", "", &message("rolled")).is_ok());
    }
    let all = |[reported, ..]: &[String; 3]| {
        (0..6).all(|user| reported.contains(&format!("user.u{user:03}\n")))
    };
    let running = until(running, all);
    running.signal(15);
    let run = running.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
    replicate(&lab, &["-A"]);
}

#[test]
fn folders_moved_between_users_are_replicated_over_several_connections() {
    let lab = lab(8, 4, 3);
    replicate(&lab, &["-A"]);
    let mut admin = Imap::admin(&lab.master);
    // Move a folder of each user to the next user, and of the last user to the first. So each
    // user's task needs data of another user's task.
    for user in 0..8 {
        let next = (user + 1) % 8;
        admin.ok(&format!("RENAME user.u{user:03}.Sent user.u{next:03}.moved"));
    }
    let run = ours(&lab, &["-v", "-A", "-j", "4"]).ok();
    assert_eq!((errors(&run).as_slice(), run.stderr.as_str()), (&[][..], ""), "{run}");
    assert_equal(&lab);
    for user in 0..8 {
        let next = (user + 1) % 8;
        admin.ok(&format!("RENAME user.u{user:03}.Archive user.u{next:03}.gone"));
    }
    let run = ours(&lab, &["-v", "-R", "-1", "-j", "4"]).ok();
    assert_eq!((errors(&run).as_slice(), run.stderr.as_str()), (&[][..], ""), "{run}");
    assert_equal(&lab);
    assert_cyrus_idle(&lab, &["-A"]);
}

#[test]
fn tasks_for_a_distant_replica_share_a_connection_with_the_same_output() {
    let lab = lab(12, 2, 3);
    replicate(&lab, &["-A", "-j", "1"]);
    for user in 0..12 {
        let mut imap = Imap::login(&lab.master, &format!("u{user:03}"));
        for folder in ["INBOX", "INBOX.Sent"] {
            assert!(imap.append(folder, "", &message("more")).is_ok());
        }
    }
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(60), true);
    lab.master.use_port(proxy.port());
    let run = ours(&lab, &["-v", "-A"]).ok();
    assert_eq!((errors(&run).as_slice(), run.stderr.as_str()), (&[][..], ""), "{run}");
    let users = (0..12).map(|user| format!("u{user:03}"));
    let each = |u: String| {
        [format!("USER {u}"), format!("MAILBOX user.{u}"), format!("MAILBOX user.{u}.Sent")]
    };
    assert_eq!(reported(&run), users.flat_map(each).collect::<Vec<_>>());
    assert_equal(&lab);
    // A lost connection interrupts all of its tasks. Each must still be completed.
    for user in 0..12 {
        let mut imap = Imap::login(&lab.master, &format!("u{user:03}"));
        for number in 0..20 {
            assert!(imap.append("INBOX", "", &message(&format!("and {number}"))).is_ok());
        }
    }
    proxy.reset();
    proxy.cut_once_after(4_000);
    let run = ours(&lab, &["-v", "-A"]).ok();
    assert!(!proxy.cut_is_due(), "{run}");
    assert_equal(&lab);
    assert_cyrus_idle(&lab, &["-A"]);
}

#[test]
fn an_invalid_number_of_connections_is_refused() {
    let lab = Lab::new(Options::default());
    for number in ["0", "65", "x", "-2"] {
        let run = ours(&lab, &["-A", "-j", number]);
        assert_eq!(run.status.code(), Some(64), "{run}");
        assert!(run.stderr.contains("from 1 to 64"), "{run}");
    }
}
