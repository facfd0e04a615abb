//! Tests how many commands and which ones the client sends, and how many system calls it makes.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::run::{Run, reachable, start, sync_client};
use cyrsync_lab::{Imap, Lab, Options, Proxy, compare, describe};

use crate::common::OURS;

const USERS: usize = 6;

fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(OURS, &lab.master, args).ok()
}

/// Returns how many times a run made each system call, including its children and threads.
fn system_calls(lab: &Lab, args: &[&str]) -> HashMap<String, usize> {
    let counts = lab.master.scratch().join("strace");
    std::fs::write(&counts, "").unwrap();
    std::fs::set_permissions(&counts, Permissions::from_mode(0o666)).unwrap();
    let mut command = lab.master.command("/usr/bin/strace");
    command.args(["-f", "-c", "-U", "name,calls", "-o"]).arg(&counts);
    command.arg(reachable(&lab.master, OURS.as_ref()));
    command.arg("-C").arg(lab.master.imapd_conf()).args(args);
    start(&lab.master, &mut command).wait().ok();
    let counts = std::fs::read_to_string(&counts).unwrap();
    let lines = counts.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let calls = lines.filter_map(|(name, calls)| Some((name, calls.trim().parse().ok()?)));
    let calls = calls.filter(|(name, _)| *name != "total");
    let mut calls: HashMap<String, usize> = calls.map(|(name, n)| (name.to_owned(), n)).collect();
    if cfg!(debug_assertions) {
        // For each file that it closes, the standard library calls fcntl to check that the file is
        // open.
        let closed = calls["close"];
        calls.entry("fcntl".into()).and_modify(|count| *count = count.saturating_sub(closed));
    }
    calls
}

fn all(calls: &HashMap<String, usize>) -> usize {
    calls.values().sum()
}

/// Starts a lab with equal servers, and a proxy between them that records the commands.
fn equal_pair() -> (Lab, Proxy) {
    let lab = Lab::default();
    bulk(&lab.master, Bulk { users: USERS, folders: 4, messages: 5, seed: 3 });
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    ours(&lab, &["-A"]);
    proxy.reset();
    (lab, proxy)
}

fn count(commands: &[String], what: &str) -> usize {
    commands.iter().filter(|command| command.starts_with(what)).count()
}

#[test]
fn an_unchanged_master_needs_one_get_per_user_and_no_apply() {
    let (lab, proxy) = equal_pair();
    // Use one connection: of several connections, one may repeat a query that another one has sent.
    ours(&lab, &["-A", "-j", "1"]);
    let commands = proxy.commands();
    assert_eq!(count(&commands, "GET "), USERS, "{commands:#?}");
    assert_eq!(count(&commands, "GET USER"), USERS, "{commands:#?}");
    let changes =
        commands.iter().filter(|c| c.starts_with("APPLY ") && !c.starts_with("APPLY CAPABILITIES"));
    assert_eq!(changes.count(), 0, "{commands:#?}");
}

#[test]
fn an_unchanged_mailbox_needs_at_most_twelve_system_calls() {
    const MORE_USERS: usize = USERS - 1;
    const MORE_MAILBOXES: usize = MORE_USERS * 4;
    for conversations in [false, true] {
        let lab = Lab::new(Options { conversations, ..Options::default() });
        bulk(&lab.master, Bulk { users: USERS, folders: 4, messages: 5, seed: 3 });
        for user in 0..USERS {
            Imap::login(&lab.master, &format!("u{user:03}")).ok("SUBSCRIBE INBOX.Sent");
        }
        ours(&lab, &["-A"]);
        // The number of threads and connections does not depend on the number of mailboxes. A run
        // without any user may end before it has started all of its threads.
        let one = system_calls(&lab, &["-A", "user.u000", "-j", "1"]);
        let everybody = system_calls(&lab, &["-A", "-j", "1"]);
        // Do not count waits, whose number depends on the replica.
        let working = |calls| all(calls) - calls["ppoll"] - calls["recvfrom"];
        let more = working(&everybody).saturating_sub(working(&one));
        let most = if conversations { 16 } else { 12 };
        assert!(more <= most * MORE_MAILBOXES, "{more} calls: {everybody:#?}");
        // Only replication's own locks may be taken: databases stay open and are cached.
        let locks = everybody["fcntl"] - one["fcntl"];
        assert!(locks <= 4 * MORE_USERS, "{locks} locks: {everybody:#?}");
    }
}

#[test]
fn a_message_needs_four_system_calls() {
    const MESSAGES: usize = 500;
    let lab = Lab::default();
    bulk(&lab.master, Bulk { users: 1, folders: 1, messages: MESSAGES, seed: 3 });
    let calls = system_calls(&lab, &["-A"]);
    for (call, others) in [("openat", 50), ("statx", 50), ("read", 50), ("close", 50)] {
        assert!(calls[call] <= MESSAGES + others, "{call}: {calls:#?}");
    }
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn one_changed_mailbox_is_one_update() {
    let (lab, proxy) = equal_pair();
    let mut imap = Imap::login(&lab.master, "u003").with_selected("INBOX");
    assert!(imap.uid_store("2", "+FLAGS (\\Flagged)").is_ok());
    drop(imap);
    ours(&lab, &["-A"]);
    let commands = proxy.commands();
    assert_eq!(count(&commands, "APPLY MAILBOX"), 1, "{commands:#?}");
    assert_eq!(count(&commands, "APPLY MESSAGE"), 0, "a flag needs no message: {commands:#?}");
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn a_message_that_the_replica_has_in_another_mailbox_is_not_sent_again() {
    let (lab, proxy) = equal_pair();
    let mut imap = Imap::login(&lab.master, "u001").with_selected("INBOX");
    imap.ok("UID COPY 1:3 INBOX.Sent");
    drop(imap);
    ours(&lab, &["-A"]);
    let commands = proxy.commands();
    assert_eq!(count(&commands, "APPLY RESERVE"), 1, "{commands:#?}");
    assert_eq!(count(&commands, "APPLY MESSAGE"), 0, "{commands:#?}");
    assert_eq!(count(&commands, "APPLY MAILBOX"), 1, "{commands:#?}");
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn after_a_cut_connection_the_next_run_completes_the_replication() {
    let lab = Lab::default();
    bulk(&lab.master, Bulk { users: 3, folders: 3, messages: 30, seed: 5 });
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    lab.master.use_port(proxy.port());
    let run = |args: &[&str]| sync_client(OURS, &lab.master, args);
    for bytes in [500, 20_000, 90_000, 200_000] {
        proxy.cut_after(bytes);
        run(&["-A", "-o"]);
    }
    proxy.never_cut();
    run(&["-A"]).ok();
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}
