//! What goes over the wire: how many commands, and which.

use std::time::Duration;

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::run::{Run, sync_client};
use cyrsync_lab::{Imap, Lab, Proxy, compare, describe};

const USERS: usize = 6;

fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, args).ok()
}

/// A master and a replica that are equal, and a proxy between them that sees commands in clear.
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
    ours(&lab, &["-A"]);
    let commands = proxy.commands();
    assert_eq!(count(&commands, "GET "), USERS, "{commands:#?}");
    assert_eq!(count(&commands, "GET USER"), USERS, "{commands:#?}");
    let changes =
        commands.iter().filter(|c| c.starts_with("APPLY ") && !c.starts_with("APPLY CAPABILITIES"));
    assert_eq!(changes.count(), 0, "{commands:#?}");
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
