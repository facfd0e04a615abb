//! Tests the progress of a run: a bar on a terminal, a line after a signal, and the counts of data
//! that the replica already has after an interrupted run.

use cyrsync_lab::fill::{Bulk, bulk};
use cyrsync_lab::run::{reachable, start, start_sync_client};
use cyrsync_lab::{Lab, Run};

use crate::common::{OURS, assert_equal, sync_client_itself, until};
use crate::rolling::{drained, rolling, stop};

/// Starts a lab whose master has three users. Also returns the number of their messages.
fn lab() -> (Lab, u64) {
    let lab = Lab::default();
    let bulk_of = Bulk { users: 3, folders: 2, messages: 45, seed: 5 };
    bulk(&lab.master, bulk_of);
    (lab, 3 * 2 * 45)
}

/// Returns a number from the line SUMMARY at the end of a run.
#[track_caller]
fn number(run: &Run, name: &str) -> u64 {
    let line = run.stdout.lines().find(|line| line.starts_with("SUMMARY ")).expect("a summary");
    let value = line.split(&format!(" {name}=<")).nth(1).and_then(|rest| rest.split('>').next());
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {line}"))
}

#[test]
fn a_terminal_shows_a_bar_and_removes_it_at_the_end() {
    let (lab, _) = lab();
    let program = reachable(&lab.master, OURS.as_ref());
    let conf = lab.master.imapd_conf();
    let line = format!("{} -C {} -A -j 1 --bwlimit 30K", program.display(), conf.display());
    let mut terminal = lab.master.command("/usr/bin/script");
    terminal.args(["-qefc", &line, "/dev/null"]).env("TERM", "xterm");
    let run = start(&lab.master, &mut terminal).wait().ok();
    for part in ["  0 % users 0/3, mailboxes 0/6, ", " 33 % ", "s left, users 1/3, mailboxes 2/6, "]
    {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    // The last output clears the line with the bar.
    assert!(run.stdout.trim_end().ends_with("\u{1b}[2K"), "{:?}", run.stdout);
    assert_equal(&lab);
}

#[test]
fn without_a_terminal_progress_is_printed_only_after_sigusr1() {
    let (lab, messages) = lab();
    let slowly = ["-A", "-v", "-j", "1", "--bwlimit", "30K"];
    let running = start_sync_client(OURS, &lab.master, &slowly);
    let running = until(running, |so_far| so_far[0].contains("USER u001"));
    assert_eq!(running.so_far()[1], "");
    running.signal(libc::SIGUSR1);
    let running = until(running, |so_far| {
        let says = "PROGRESS users=<1 of 3> mailboxes=<2 of 6> messages=<90> ";
        so_far[1].contains(says) && so_far[2].contains(says)
    });
    running.signal(libc::SIGTERM);
    let broken_off = running.wait();
    assert_eq!(broken_off.status.code(), Some(75), "{broken_off}");
    // The next run reports the data that is already on the replica: once before it sends more, and
    // again at the end.
    let run = sync_client_itself(&lab, &["-A", "-v", "--progress"]).ok();
    let (there, sent) = (number(&run, "messages_present"), number(&run, "messages"));
    assert!(there >= 90 && sent > 0, "{run}");
    assert_eq!(there + sent, messages, "{run}");
    assert!(run.stderr.starts_with("already on the replica: "), "{run}");
    assert!(run.log.contains("INFO sync_client: already on the replica: "), "{run}");
    assert_equal(&lab);
    let run = sync_client_itself(&lab, &["-A", "-v"]).ok();
    let numbers = ["mailboxes", "messages", "bytes", "mailboxes_equal", "messages_present"];
    assert_eq!(numbers.map(|name| number(&run, name)), [0, 0, 0, 6, messages], "{run}");
    assert!(!run.log.contains("already on the replica"), "nothing is sent: {run}");
}

#[test]
fn rolling_replication_logs_its_progress_after_sigusr1() {
    let lab = Lab::default();
    let running = drained(rolling(&lab, &[]), &lab);
    let file = lab.master.config_dir().join("sync/log-status");
    let is_connected = |text: String| text.contains("\"state\":\"connected\"");
    let running = until(running, |_| std::fs::read_to_string(&file).is_ok_and(is_connected));
    running.signal(libc::SIGUSR1);
    let says = "PROGRESS in sync with 127.0.0.1; 0 messages of 0 B since it began";
    let running = until(running, |so_far| so_far[2].contains(says));
    stop(running);
}
