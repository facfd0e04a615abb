//! Tests warnings for the operator: an unreachable replica, unknown names, settings that prevent
//! replication, long waits for locks.

use std::time::Duration;

use cyrsync_lab::{Imap, Lab, Options, Proxy, Run};

use crate::common::{
    Holder, append, assert_equal, create, message_file, ours, replicate, start_ours, until,
};
use crate::rolling::{drained, rolling, stop};

/// Returns the lines that a run logged at a level.
fn logged<'r>(run: &'r Run, level: &str) -> Vec<&'r str> {
    run.log.lines().filter(|line| line.starts_with(level)).collect()
}

#[test]
fn an_outage_is_reported_with_its_beginning_and_end() {
    let channels = vec!["far".to_owned()];
    let mut lab = Lab::new(Options { sync_log_channels: channels, ..Options::default() });
    lab.master.set_config("sync_reconnect_maxwait", Some("1s"));
    create(&lab.master, &["user.fred"]);
    let running = start_ours(&lab, &["-R", "-n", "far"]);
    let running = until(running, |so_far| so_far[2].contains("Destination supports"));
    lab.replica.stop_server();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "meanwhile");
    let began = "cannot reach the replica: server=<127.0.0.1> channel=<far> error=<";
    let running = until(running, |so_far| so_far[2].contains(began));
    // The error must be logged only once, even after several attempts to connect.
    let running = until(running, |so_far| so_far[1].matches("retrying in 1 seconds").count() > 2);
    lab.replica.start_server();
    let ended = "the replica is reachable again: server=<127.0.0.1> channel=<far> after=<";
    let running = until(running, |so_far| so_far[2].contains(ended));
    running.signal(libc::SIGTERM);
    let run = running.wait();
    let errors = logged(&run, "ERR");
    assert_eq!(errors.len(), 1, "one error for one outage: {run}");
    assert!(errors[0].contains(began), "{run}");
    // Cyrus's client also logs no line with "ERROR" while it waits for the replica.
    assert!(!run.log.contains("ERROR"), "{run}");
}

#[test]
fn with_o_a_replica_that_shuts_down_is_no_error() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = drained(rolling(&lab, &["-o"]), &lab);
    lab.replica.stop_server();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "after its end");
    let run = running.wait();
    assert_eq!(run.status.code(), Some(0), "{run}");
    assert_eq!(logged(&run, "ERR"), [""; 0], "{run}");
    assert!(
        run.log
            .contains("the replica shut down and cannot be reached again, ending because of -o: "),
        "{run}"
    );
}

#[test]
fn a_name_that_does_not_exist_is_reported() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    for (args, says) in [
        (&["-u", "fred", "frde"][..], "user frde: no such user on this server"),
        (&["-s", "frde"], "user frde: no such user on this server"),
        (&["-m", "user.fred", "user.fred.Snet"], "mailbox user.fred.Snet: no such mailbox"),
        (&["-u"], "nothing to do: no user or mailbox was named"),
        (&["-m"], "nothing to do: no user or mailbox was named"),
    ] {
        let run = ours(&lab, args).ok();
        assert_eq!(run.stderr.matches(says).count(), 1, "{args:?}: {run}");
        let notices = logged(&run, "NOTICE").into_iter().filter(|line| line.contains(says)).count();
        assert_eq!(notices, 1, "{args:?}: {run}");
        let strict = ours(&lab, &[&["--strict"], args].concat());
        assert_eq!(strict.status.code(), Some(1), "{args:?}: {strict}");
    }
    assert_equal(&lab);
    let run = ours(&lab, &["--strict", "-u", "fred"]).ok();
    assert_eq!(run.stderr, "", "{run}");
    let wrong = ours(&lab, &["-m", "user/fred"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong}");
    assert!(wrong.stderr.contains("unixhierarchysep is off"), "{wrong}");
}

#[test]
fn naming_a_deleted_mailbox_is_no_error() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.old"]);
    replicate(&lab, &["-A"]);
    Imap::login(&lab.master, "fred").ok("DELETE INBOX.old");
    let run = ours(&lab, &["--strict", "-m", "user.fred.old"]).ok();
    assert_eq!(run.stderr, "", "{run}");
}

#[test]
fn an_unknown_channel_is_refused() {
    let channels = ["", "far"].map(str::to_owned).to_vec();
    let lab = Lab::new(Options { sync_log_channels: channels, ..Options::default() });
    create(&lab.master, &["user.fred"]);
    for mode in [&["-A"][..], &["-R"], &["-u", "fred"]] {
        let run = ours(&lab, &[mode, &["-n", "fra"]].concat());
        assert_eq!(run.status.code(), Some(78), "{run}");
        assert!(run.stderr.contains("fra is not in sync_log_channels"), "{run}");
        assert!(run.stderr.contains("known channels: far"), "{run}");
    }
    ours(&lab, &["-A", "-n", "far"]).ok();
}

#[test]
fn rolling_warns_at_the_start_of_settings_that_prevent_replication() {
    let lab = Lab::default();
    let shutdown = lab.master.scratch().join("shutdown");
    std::fs::write(&shutdown, "").expect("own file");
    let run = ours(&lab, &["-R", "-F", shutdown.to_str().unwrap()]).ok();
    let says = format!("the shutdown file {} exists", shutdown.display());
    assert!(logged(&run, "NOTICE").iter().any(|line| line.contains(&says)), "{run}");

    lab.master.set_config("far_sync_host", Some("127.0.0.1"));
    for (option, value, says) in [
        (
            "sync_log_channels",
            "near",
            "the log without a channel (\"\") is not in sync_log_channels",
        ),
        ("sync_log", "no", "sync_log is off"),
    ] {
        lab.master.set_config(option, Some(value));
        let run = ours(&lab, &["-1"]).ok();
        assert!(logged(&run, "WARNING").iter().any(|line| line.contains(says)), "{run}");
    }
}

#[test]
fn a_long_wait_for_a_lock_says_who_holds_it() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-A"]);
    let holder = Holder::of(&lab, "*S*127^0^0^1*fred.lock");
    let running = start_ours(&lab, &["-u", "fred"]);
    let running = until(running, |so_far| so_far[2].contains("waiting for a lock"));
    let log = running.so_far()[2].clone();
    let line = log.lines().find(|line| line.contains("waiting for a lock")).unwrap();
    assert!(line.starts_with("NOTICE") && line.contains("(python3"), "{line}");
    drop(holder);
    running.wait().ok();
    // A rolling client does not wait: the deferred task names the process that holds the lock.
    let running = drained(rolling(&lab, &[]), &lab);
    let holder = Holder::of(&lab, "*S*127^0^0^1*fred.lock");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "while it is locked");
    let running = until(running, |so_far| so_far[2].contains("left for later"));
    let log = running.so_far()[2].clone();
    let line = log.lines().find(|line| line.contains("(python3")).unwrap();
    assert!(line.starts_with("INFO"), "{line}");
    drop(holder);
    stop(drained(running, &lab));
}

#[test]
fn a_run_that_a_signal_ends_has_a_summary() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-A"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "new");
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    for (args, first) in [
        (["-v", "-u", "fred"], "USER fred\n"),
        (["-v", "-m", "user.fred"], "MAILBOXES user.fred\n"),
        (["-v", "-s", "fred"], "META fred\n"),
    ] {
        // The replica does not answer the first query.
        proxy.hold_at(b"GET ");
        let running = start_ours(&lab, &args);
        let running = until(running, |so_far| so_far[0].contains(first) && proxy.is_holding());
        running.signal(libc::SIGTERM);
        let run = running.wait();
        proxy.release();
        assert_eq!(run.status.code(), Some(75), "{run}");
        assert_eq!(run.log.matches("SUMMARY users=").count(), 1, "{run}");
    }
}

#[test]
fn an_invalid_number_is_a_usage_error() {
    let lab = Lab::default();
    for flag in ["-d", "-t", "-w", "--warn-lag"] {
        let run = ours(&lab, &["-R", flag, "abc"]);
        assert_eq!(run.status.code(), Some(64), "{run}");
        assert!(run.stderr.starts_with(&format!("{flag} abc: not a number")), "{run}");
    }
}

/// Returns how many times a text is logged. Asserts that every error line names channel and
/// replica.
fn times_logged(log: &str, text: &str) -> usize {
    for line in log.lines().filter(|line| line.starts_with("ERR")) {
        let names_it =
            line.contains("server=<127.0.0.1>") || line.contains("servername=<127.0.0.1>");
        assert!(names_it && line.contains("channel=<far>"), "{line}\n{log}");
    }
    log.matches(text).count()
}

#[test]
fn a_failure_is_logged_in_full_once_and_every_line_names_channel_and_replica() {
    let channels = vec!["far".to_owned()];
    let lab = Lab::new(Options { sync_log_channels: channels, ..Options::default() });
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.fred.Trash"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for mailbox in ["INBOX.Sent", "INBOX.Trash"] {
        append(&mut fred, mailbox, &format!("one in {mailbox}"));
    }
    std::fs::remove_file(message_file(&lab.master, "user.fred.Sent", 1)).expect("own file");
    let reason = "the file is missing";
    for (mode, brief) in [
        (&["-u", "fred"][..], "user replication failed: error=<user.fred.Sent failed, see above>"),
        (&["-A"], "user replication failed: error=<user.fred.Sent failed, see above>"),
        (&["-m", "user.fred.Sent"], "Error in sync_do_mailboxes(): bailing out!"),
        (&["-1"], "left for later: items=<USER fred> tries=<1> next=<15 s> error=<user.fred.Sent "),
    ] {
        let run = ours(&lab, &[&["-n", "far"], mode].concat());
        assert_eq!(run.status.code(), Some(1), "{run}");
        // After a mailbox from a log fails, the client tries its whole user once.
        let tries = if mode == ["-1"] { 2 } else { 1 };
        assert_eq!(times_logged(&run.log, reason), tries, "{run}");
        assert!(run.log.contains(brief), "{brief}: {run}");
        // stderr has every line if a person typed the names, but not for a log.
        let is_typed = mode != ["-1"];
        assert_eq!(run.stderr.contains(reason), is_typed, "{run}");
    }
    append(&mut fred, "INBOX.Trash", "another");
    std::fs::remove_file(message_file(&lab.master, "user.fred.Trash", 2)).expect("own file");
    let run = ours(&lab, &["-n", "far", "-u", "fred"]);
    assert_eq!(times_logged(&run.log, reason), 2, "{run}");
    assert!(run.log.contains("error=<user.fred.Sent and 1 more failed, see above>"), "{run}");
}

/// Not through a host: an idle client does not read the mailboxes of a host.
#[cfg(not(through_host))]
#[test]
fn mail_that_is_not_logged_is_reported() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-A"]);
    lab.master.stop_server();
    lab.master.set_config("sync_log", Some("no"));
    lab.master.start_server();
    // This imapd process reads imapd.conf only at its start, so it does not log.
    let mut fred = Imap::login(&lab.master, "fred");
    lab.master.set_config("sync_log", Some("yes"));
    let running = start_ours(&lab, &["-R"]);
    let running = until(running, |so_far| so_far[2].contains("Destination supports"));
    // Wait two seconds, because cyrus.index stores times in whole seconds.
    let started = std::time::Instant::now();
    let running = until(running, |_| started.elapsed().as_secs() >= 2);
    append(&mut fred, "INBOX", "not logged");
    let says = "no program of Cyrus wrote to ";
    let running = until(running, |so_far| so_far[2].contains(says));
    running.signal(libc::SIGTERM);
    let run = running.wait();
    let warnings = logged(&run, "WARNING");
    assert_eq!(warnings.len(), 1, "{run}");
    assert!(warnings[0].contains(says) && warnings[0].contains("user.fred"), "{run}");
}
