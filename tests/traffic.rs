//! Counts the commands that go over the wire, and checks which they are.

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::run::{Run, reachable, start, sync_client};
use cyrsync_lab::{Imap, Lab, Options, Proxy, compare, describe};

const USERS: usize = 6;

fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, args).ok()
}

/// Returns the system calls of a run, children and threads included, with the number of each.
fn system_calls(lab: &Lab, args: &[&str]) -> HashMap<String, usize> {
    let counts = lab.master.scratch().join("strace");
    std::fs::write(&counts, "").unwrap();
    std::fs::set_permissions(&counts, Permissions::from_mode(0o666)).unwrap();
    let mut command = lab.master.command("/usr/bin/strace");
    command.args(["-f", "-c", "-U", "name,calls", "-o"]).arg(&counts);
    command.arg(reachable(&lab.master, env!("CARGO_BIN_EXE_sync_client").as_ref()));
    command.arg("-C").arg(lab.master.imapd_conf()).args(args);
    start(&lab.master, &mut command).wait().ok();
    let counts = std::fs::read_to_string(&counts).unwrap();
    let lines = counts.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let calls = lines.filter_map(|(name, calls)| Some((name, calls.trim().parse().ok()?)));
    let calls = calls.filter(|(name, _)| *name != "total");
    let mut calls: HashMap<String, usize> = calls.map(|(name, n)| (name.to_owned(), n)).collect();
    if cfg!(debug_assertions) {
        // The standard library checks whether a file that it closes is open.
        let closed = calls["close"];
        calls.entry("fcntl".into()).and_modify(|count| *count = count.saturating_sub(closed));
    }
    calls
}

fn all(calls: &HashMap<String, usize>) -> usize {
    calls.values().sum()
}

/// Returns a master and a replica that are equal, and a proxy between them that sees commands in
/// clear.
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
fn an_unchanged_master_costs_one_get_a_user_and_no_apply() {
    let (lab, proxy) = equal_pair();
    // With several connections one may repeat a query that a busy one has sent.
    ours(&lab, &["-A", "-j", "1"]);
    let commands = proxy.commands();
    assert_eq!(count(&commands, "GET "), USERS, "{commands:#?}");
    assert_eq!(count(&commands, "GET USER"), USERS, "{commands:#?}");
    let changes =
        commands.iter().filter(|c| c.starts_with("APPLY ") && !c.starts_with("APPLY CAPABILITIES"));
    assert_eq!(changes.count(), 0, "{commands:#?}");
}

#[test]
fn an_unchanged_mailbox_costs_twelve_system_calls_with_all_that_belongs_to_its_user() {
    const MAILBOXES: usize = USERS * 4;
    for conversations in [false, true] {
        let lab = Lab::new(Options { conversations, ..Options::default() });
        bulk(&lab.master, Bulk { users: USERS, folders: 4, messages: 5, seed: 3 });
        for user in 0..USERS {
            Imap::login(&lab.master, &format!("u{user:03}")).ok("SUBSCRIBE INBOX.Sent");
        }
        ours(&lab, &["-A"]);
        // Threads and connections are created once, however many mailboxes there are.
        let nobody = system_calls(&lab, &["-A", "nobody", "-j", "1"]);
        let everybody = system_calls(&lab, &["-A", "-j", "1"]);
        // The number of waits depends on the replica.
        let working = |calls| all(calls) - calls["ppoll"] - calls["recvfrom"];
        let more = working(&everybody).saturating_sub(working(&nobody));
        let most = if conversations { 16 } else { 12 };
        assert!(more <= most * MAILBOXES, "{more} calls: {everybody:#?}");
        // Only replication's own locks: databases stay open and are cached.
        let locks = everybody["fcntl"] - nobody["fcntl"];
        assert!(locks <= 4 * USERS, "{locks} locks: {everybody:#?}");
    }
}

#[test]
fn a_message_costs_four_system_calls() {
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
fn a_connection_that_is_cut_leaves_what_the_next_run_completes() {
    let lab = Lab::default();
    bulk(&lab.master, Bulk { users: 3, folders: 3, messages: 30, seed: 5 });
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    lab.master.use_port(proxy.port());
    let run = |args: &[&str]| sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, args);
    for bytes in [500, 20_000, 90_000, 200_000] {
        proxy.cut_after(bytes);
        run(&["-A", "-o"]);
    }
    proxy.never_cut();
    run(&["-A"]).ok();
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}
