//! Tests connection faults of a rolling client, and users who cannot be replicated.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use cyrsync_lab::run::{Running, reachable};
use cyrsync_lab::{Fault, Imap, Lab, Proxy, places};

use crate::common::{
    Holder, append, assert_equal, create, differing, find, message_file, ours, program, replicate,
    until,
};
use crate::rolling::{drained, log, rolling, stop, until_done};

/// Starts a rolling client that connects through a proxy.
fn through_a_proxy(lab: &Lab, args: &[&str]) -> (Proxy, Running) {
    create(&lab.master, &["user.fred"]);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    let running = rolling(lab, args);
    (proxy, running)
}

#[test]
fn the_client_recovers_from_any_wrong_answer() {
    let lab = Lab::default();
    lab.master.set_config("sync_timeout", Some("3"));
    let (proxy, mut running) = through_a_proxy(&lab, &[]);
    let mut fred = Imap::login(&lab.master, "fred");
    let say = |words: &str| Fault::Say(words.as_bytes().to_vec());
    for (fault, reported) in [
        (say("* BYE shutting down\r\n"), "shutting down"),
        (say("(]nonsense\u{0}{99999999999}\r\n"), "understand the replica"),
        (say("OK"), "closed the connection"),
        (say(""), "closed the connection"),
        (say("NO IMAP_PROTOCOL_ERROR Protocol error\r\n"), "IMAP_PROTOCOL_ERROR"),
        (say("BAD what is that\r\n"), "what is that"),
        (Fault::Silence, "does not answer for 3 seconds"),
    ] {
        let before = running.so_far()[2].matches(reported).count();
        let wakes = running.so_far()[2].matches("starting over").count();
        proxy.fail_next(fault.clone());
        append(&mut fred, "INBOX", reported);
        running = until(running, |so_far| so_far[2].matches(reported).count() > before);
        assert!(!proxy.fault_is_due(), "{fault:?}");
        // The failed task waits for its next attempt. SIGHUP makes the client try at once.
        running.signal(libc::SIGHUP);
        // Wait for the new connection, so that the next fault hits a task on this connection.
        running = until(running, |so_far| {
            let since = so_far[2].matches("starting over").count() > wakes;
            let (_, after) = so_far[2].rsplit_once("starting over").unwrap_or_default();
            since && after.contains("Destination supports")
        });
        running = drained(running, &lab);
        assert_equal(&lab);
    }
    running.signal(libc::SIGINT);
    let run = running.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
}

#[test]
fn the_replica_releases_staged_files_after_each_task_and_in_intervals() {
    let lab = Lab::default();
    let (proxy, running) = through_a_proxy(&lab, &["-t", "1"]);
    let restarts = || proxy.commands().iter().filter(|command| *command == "RESTART").count();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let running = drained(running, &lab);
    let staged = lab.replica.partition_dir("default").join("sync.");
    let left = || {
        let processes = fs::read_dir(&staged).into_iter().flatten().flatten();
        let files =
            processes.flat_map(|process| fs::read_dir(process.path()).into_iter().flatten());
        files.count()
    };
    // The replica removes its staged files some time after RESTART.
    let running = until(running, |_| restarts() > 0 && left() == 0);
    let before = restarts();
    let running = until(running, |_| restarts() >= before + 2);
    assert_eq!(proxy.traffic().connections, 1);
    stop(running);
}

#[test]
fn standard_input_may_be_the_log() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    let text = lab.master.scratch().join("by-hand");
    fs::write(&text, "USER fred\nnonsense\nMAILBOX user.anna\n").expect("own file");
    let script = "exec \"$0\" -C \"$1\" -R -f - < \"$2\"";
    let mut command = lab.master.command("/bin/sh");
    command.args(["-c", script]).arg(reachable(&lab.master, &program()));
    command.arg(lab.master.imapd_conf()).arg(&text);
    let run = cyrsync_lab::run::start(&lab.master, &mut command).wait().ok();
    assert!(run.log.contains(":2: no name follows: nonsense"), "{run}");
    assert_equal(&lab);
    assert!(text.exists() && log(&lab).exists(), "neither is its own");
}

#[test]
fn a_failed_entry_is_tried_again_with_its_whole_user() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX", "one");
    fred.ok("SUBSCRIBE INBOX");
    Imap::admin(&lab.master).ok("SETQUOTA user.fred (STORAGE 5000)");
    replicate(&lab, &["-A"]);
    let file = lab.master.scratch().join("by-hand").display().to_string();
    let conf = lab.master.config_dir();
    for (damaged, below, line, promoted) in [
        ("sub.db", conf.join("user"), "SUB fred user.fred", "SUB fred user.fred -> META fred"),
        ("sub.db", conf.join("user"), "META fred", "META fred -> USER fred"),
        ("user.fred", conf.join("quota"), "QUOTA user.fred", "QUOTA user.fred -> USER fred"),
        (
            "cyrus.index",
            lab.master.partition_dir("default"),
            "MAILBOX user.fred",
            "MAILBOX user.fred -> USER fred",
        ),
    ] {
        fs::write(&file, format!("{line}\n")).expect("own file");
        let path = find(&below, damaged).unwrap_or_else(|| panic!("no {damaged}"));
        let intact = fs::read(&path).expect("own file");
        fs::write(&path, "no such thing").expect("own file");
        let run = ours(&lab, &["-R", "-l", "-f", &file]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(run.log.contains(&format!("Promoting: {promoted}")), "{run}");
        // sync_client and cyrus-host's program report the reason in different words.
        let reported =
            ["Processing sync log file failed: USER fred", "not replicated: items=<USER fred>"];
        assert!(reported.iter().any(|words| run.log.contains(words)), "{run}");
        fs::write(&path, intact).expect("own file");
    }
    assert_equal(&lab);
}

#[test]
fn each_channel_has_its_own_log_and_shutdown_file() {
    let lab = Lab::new(cyrsync_lab::Options {
        sync_log_channels: vec![String::new(), "second".to_owned()],
        ..cyrsync_lab::Options::default()
    });
    let file = lab.master.scratch().join("shutdown-second");
    let path = file.display().to_string();
    lab.master.set_config("second_sync_shutdown_file", Some(&path));
    create(&lab.master, &["user.fred"]);
    let first = rolling(&lab, &[]);
    let second = lab.master.config_dir().join("sync/second/log");
    let logged = fs::read_to_string(&second).expect("the daemons wrote it");
    assert!(logged.contains("MAILBOX user.fred\n"), "{logged}");
    let running = crate::common::start_ours(&lab, &["-R", "-n", "second"]);
    let mut running = until(running, |_| !second.exists());
    let work = second.with_file_name("log-run");
    running = until(running, |_| !work.exists());
    fs::write(&file, "").expect("own directory");
    let run = running.wait();
    assert_eq!((run.status.code(), file.exists()), (Some(0), false), "{run}");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let first = drained(first, &lab);
    assert_equal(&lab);
    assert!(second.exists(), "nobody works on that channel");
    stop(first);
}

/// Returns the processor time of a process so far, in hundredths of a second.
fn ticks(running: &Running) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", running.pid())).expect("it runs");
    let (_, after_name) = stat.rsplit_once(") ").expect("a name in brackets");
    let fields: Vec<u64> = after_name.split(' ').map(|f| f.parse().unwrap_or(0)).collect();
    fields[11] + fields[12]
}

#[test]
fn failing_users_delay_no_other_user_and_are_reported_with_a_hint() {
    const MESSAGES: usize = 30;
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.bert", "user.carl", "user.dora", "user.emil"]);
    for user in ["anna", "bert", "carl", "dora", "emil"] {
        append(&mut Imap::login(&lab.master, user), "INBOX", "zero");
    }
    replicate(&lab, &["-A"]);
    let running = rolling(&lab, &[]);
    // anna's index is damaged, and another process holds bert's lock. The replica cannot write
    // carl's messages and emil's index.
    let index = message_file(&lab.master, "user.anna", 1).with_file_name("cyrus.index");
    let intact = fs::read(&index).expect("own file");
    let holder = Holder::of(&lab, "*S*127^0^0^1*bert.lock");
    let there = |user: &str| {
        let [file, _] = places::place(&lab.replica, &format!("user.{user}")).message(1);
        file.parent().expect("it is in a directory").to_owned()
    };
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("run as root");
    };
    mode(&there("carl"), 0o500);
    mode(&there("emil").join("cyrus.index"), 0o400);
    running.signal(libc::SIGSTOP);
    for user in ["anna", "bert", "carl", "emil"] {
        append(&mut Imap::login(&lab.master, user), "INBOX", "one");
    }
    let healthy = fs::read(&index).expect("own file");
    let mut damaged = healthy.clone();
    damaged.truncate(intact.len() - 50);
    fs::write(&index, &damaged).expect("own file");
    running.signal(libc::SIGCONT);
    let left = |name: &str| format!("left for later: items=<{name}>");
    let all = ["USER anna", "MAILBOX user.bert", "MAILBOX user.carl", "USER emil"].map(left);
    let mut running = until(running, |so_far| all.iter().all(|line| so_far[2].contains(line)));
    let before = ticks(&running);
    let [mut dora, mut carl] = ["dora", "carl"].map(|user| Imap::login(&lab.master, user));
    let done = |so_far: &[String; 3]| so_far[0].matches("MAILBOX user.dora\n").count();
    for number in 0..MESSAGES {
        let already = done(&running.so_far());
        append(&mut dora, "INBOX", &format!("message {number}"));
        append(&mut carl, "INBOX", &format!("more that cannot be taken {number}"));
        running = until(running, |so_far| done(so_far) > already);
    }
    let taken = ticks(&running) - before;
    let running = until_done(running, &lab, "user.dora");
    let [_, _, reported] = running.so_far();
    assert!(differing(&lab).iter().all(|path| !path.contains("dora")));
    for line in &all {
        // New mail for a deferred user does not cause another attempt.
        assert!(reported.matches(line.as_str()).count() <= MESSAGES / 3, "{line}: {reported}");
    }
    for line in reported.lines().filter(|line| line.contains("left for later")) {
        let advises = ["hint: ", "another process holds the lock", " failed, see above>"];
        let advises = advises.iter().any(|words| line.contains(words));
        assert!(advises && line.contains("next=<"), "{line}");
    }
    assert!(taken < 200, "{taken} ticks of processor time for {MESSAGES} messages");
    drop(holder);
    mode(&there("carl"), 0o700);
    mode(&there("emil").join("cyrus.index"), 0o600);
    fs::write(&index, healthy).expect("own file");
    running.signal(libc::SIGHUP);
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
    ours(&lab, &["-A"]).ok();
}
