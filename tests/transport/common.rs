//! Helpers for the tests of the connection.

use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Lab, Options, Run, compare, describe, sync_client};

pub const OURS: &str = env!("CARGO_BIN_EXE_sync_client");

/// Starts a lab whose replica offers these login mechanisms.
pub fn lab(mechanisms: &str) -> Lab {
    Lab::new(Options {
        replica_conf: format!("sasl_mech_list: {mechanisms}\n"),
        ..Options::default()
    })
}

/// Creates users on the master, with three messages each.
pub fn fill(lab: &Lab, users: &[String]) {
    let mut filler = Filler::new(&lab.master, 7);
    for user in users {
        filler.mailbox(&format!("user.{user}"), 3);
    }
}

/// Sets options of the master's imapd.conf; an empty value removes the option.
pub fn set(lab: &Lab, options: &[(&str, &str)]) {
    for (option, value) in options {
        lab.master.set_config(option, Some(*value).filter(|value| !value.is_empty()));
    }
}

/// Runs our client on the master with `-o`, so that it connects only once.
pub fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(OURS, &lab.master, &[&["-o"], args].concat())
}

/// Asserts that both servers are equal.
#[track_caller]
pub fn assert_equal(lab: &Lab) {
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

/// Returns whether a run with `-v -v` sent this command, with any tag.
pub fn sent(run: &Run, command: &str) -> bool {
    run.stderr.lines().any(|line| {
        let text = line.strip_prefix('>').and_then(|rest| rest.split_once('>'));
        let text = text.map_or("", |(_, text)| text);
        let tagged = text.strip_prefix('C').and_then(|rest| rest.split_once(' '));
        text.starts_with(command) || tagged.is_some_and(|(_, text)| text.starts_with(command))
    })
}
