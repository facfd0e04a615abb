//! What an operator is warned of: a replica that is away, names that do not exist, set-ups in which
//! nothing would be replicated, locks that take long.

use cyrsync_lab::{Imap, Lab, Options, Run};

use crate::common::{Holder, append, assert_equal, create, ours, replicate, start_ours, until};
use crate::rolling::{drained, rolling, stop};

/// What a run logged at a level.
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
    let began = "SYNCERROR: cannot reach the replica: server=<127.0.0.1> channel=<far> error=<";
    let running = until(running, |so_far| so_far[2].contains(began));
    // However often it is tried.
    let running = until(running, |so_far| so_far[1].matches("retrying in 1 seconds").count() > 2);
    lab.replica.start_server();
    let ended = "the replica is reachable again: server=<127.0.0.1> channel=<far> after=<";
    let running = until(running, |so_far| so_far[2].contains(ended));
    running.signal(libc::SIGTERM);
    let run = running.wait();
    let errors = logged(&run, "ERR");
    assert_eq!(errors.len(), 1, "one error for one outage: {run}");
    assert!(errors[0].contains(began), "{run}");
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
fn a_deleted_mailbox_that_is_named_is_no_mistake() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.old"]);
    replicate(&lab, &["-A"]);
    Imap::login(&lab.master, "fred").ok("DELETE INBOX.old");
    let run = ours(&lab, &["--strict", "-m", "user.fred.old"]).ok();
    assert_eq!(run.stderr, "", "{run}");
}

#[test]
fn a_channel_that_nothing_is_known_of_is_refused() {
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
fn rolling_says_at_the_start_what_would_keep_it_from_replicating() {
    let lab = Lab::default();
    let shutdown = lab.master.scratch().join("shutdown");
    std::fs::write(&shutdown, "").expect("own file");
    let run = ours(&lab, &["-R", "-F", shutdown.to_str().unwrap()]).ok();
    let says = format!("the shutdown file {} is there", shutdown.display());
    assert!(logged(&run, "NOTICE").iter().any(|line| line.contains(&says)), "{run}");

    lab.master.set_config("far_sync_host", Some("127.0.0.1"));
    for (option, value, says) in [
        ("sync_log_channels", "near", "the log without a channel (\"\") is not among"),
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
    // A client that rolls does not wait: who holds the lock is with what is deferred.
    let running = drained(rolling(&lab, &[]), &lab);
    let holder = Holder::of(&lab, "*S*127^0^0^1*fred.lock");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "while it is locked");
    let running = until(running, |so_far| so_far[2].contains("left for later"));
    let log = running.so_far()[2].clone();
    let line = log.lines().find(|line| line.contains("left for later")).unwrap();
    assert!(line.starts_with("INFO") && line.contains("(python3"), "{line}");
    drop(holder);
    stop(drained(running, &lab));
}

#[test]
fn a_number_that_is_none_is_a_wrong_command_line() {
    let lab = Lab::default();
    for flag in ["-d", "-t", "-w", "--warn-lag"] {
        let run = ours(&lab, &["-R", flag, "abc"]);
        assert_eq!(run.status.code(), Some(64), "{run}");
        assert!(run.stderr.starts_with(&format!("{flag} abc: not a number")), "{run}");
    }
}
