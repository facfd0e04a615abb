//! Tests `--status`: its report while a rolling client runs, while a client cannot replicate, and
//! without a client.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use cyrsync_lab::run::Running;
use cyrsync_lab::{Cyrus, Imap, Lab, Options, Run};
use serde_json::Value;

use crate::common::{append, create, message_file, ours, program, until};
use crate::rolling::{drained, log, rolling, stop};

fn status(lab: &Lab, args: &[&str]) -> Run {
    ours(lab, &[&["--status"], args].concat())
}

/// Returns the exit status of `--status --json`, and the object that it prints.
fn object(lab: &Lab, args: &[&str]) -> (i32, Value) {
    let run = status(lab, &[&["--json"], args].concat());
    let object = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    (run.status.code().unwrap(), object)
}

/// Waits until the status satisfies a condition. Returns the last status.
fn until_status(
    running: Running,
    lab: &Lab,
    wanted: impl Fn(i32, &Value) -> bool,
) -> (Running, Value) {
    let last = std::cell::RefCell::new(Value::Null);
    let running = until(running, |_| {
        let (level, object) = object(lab, &[]);
        let is_wanted = wanted(level, &object);
        last.replace(object);
        is_wanted
    });
    (running, last.into_inner())
}

fn status_file(cyrus: &Cyrus) -> PathBuf {
    cyrus.config_dir().join("sync/log-status")
}

/// Returns the thread names of a client, as `ps -L -o comm` shows them. Asserts that the process
/// has the name of its program.
fn thread_names(running: &Running) -> Vec<String> {
    let process = PathBuf::from(format!("/proc/{}", running.pid()));
    let comm = |of: PathBuf| fs::read_to_string(of.join("comm")).unwrap_or_default();
    let program = program().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(comm(process.clone()).trim_end(), &program[..program.len().min(15)]);
    let threads = fs::read_dir(process.join("task")).expect("a process");
    threads.flatten().map(|thread| comm(thread.path()).trim_end().to_owned()).collect()
}

#[test]
fn a_client_that_keeps_up_is_ok() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let running = drained(running, &lab);
    let (running, reported) = until_status(running, &lab, |level, reported| {
        level == 0 && reported["backlog"]["entries"] == 0 && reported["totals"]["messages"] == 1
    });
    assert_eq!(reported["contact"]["state"], "connected", "{reported}");
    assert_eq!(reported["pid"], running.pid(), "{reported}");
    assert_eq!(reported["lag"], 0, "{reported}");
    assert!(reported["last_success"].is_u64(), "{reported}");
    // A monitoring system in the group of the files may read both, whatever the umask is.
    for name in ["log-status", "sync_client.lock"] {
        let file = fs::metadata(log(&lab).with_file_name(name)).expect("the client writes it");
        assert_eq!(file.permissions().mode() & 0o777, 0o640, "{name}");
    }
    let run = status(&lab, &["--warn-lag", "60", "--crit-lag", "600"]).ok();
    let first = run.stdout.lines().next().unwrap();
    assert!(first.starts_with("CYRSYNC OK - the log without a channel to 127.0.0.1: "), "{run}");
    assert!(first.contains("in sync | lag=0s;60;600 backlog=0 users=0 deferred=0"), "{run}");
    let names = thread_names(&running);
    assert!(names.iter().any(|name| name == "in sync"), "{names:?}");
    stop(running);
    // The client has ended with nothing left to do. The status is still a warning, because no
    // client would replicate new changes.
    let run = status(&lab, &[]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(
        run.stdout.contains("WARNING") && run.stdout.contains("no rolling client runs"),
        "{run}"
    );
}

#[test]
fn an_unreachable_replica_is_critical_with_the_reason_and_the_backlog() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    let running = drained(rolling(&lab, &[]), &lab);
    lab.replica.stop_server();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "two");
    // The first attempt may meet a server that is just ending.
    let (running, reported) = until_status(running, &lab, |level, reported| {
        let reason = reported["contact"]["reason"].as_str().unwrap_or_default();
        level == 2
            && reported["contact"]["state"] == "unreachable"
            && reason.contains("connect to 127.0.0.1")
            && reported["backlog"]["users"] == 2
    });
    assert!(reported["oldest"].is_u64() && reported["contact"]["next"].is_u64(), "{reported}");
    let run = status(&lab, &[]);
    assert!(run.stdout.starts_with("CYRSYNC CRITICAL"), "{run}");
    assert!(run.stdout.contains("unreachable for") && run.stdout.contains("next attempt"), "{run}");
    let names = thread_names(&running);
    assert!(names.iter().any(|name| name == "unreachable"), "{names:?}");
    // Start the replica again. The status must become OK.
    lab.replica.start_server();
    running.signal(libc::SIGHUP);
    let (running, _) = until_status(running, &lab, |level, reported| {
        level == 0 && reported["backlog"]["entries"] == 0
    });
    stop(running);
}

#[test]
fn a_failing_task_is_a_warning_with_its_attempts_and_reason() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    let running = drained(rolling(&lab, &[]), &lab);
    running.signal(libc::SIGSTOP);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "broken");
    let file = message_file(&lab.master, "user.fred", 1);
    fs::write(&file, "nonsense").expect("own file");
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "fine");
    running.signal(libc::SIGCONT);
    let (running, reported) = until_status(running, &lab, |level, reported| {
        level == 1 && reported["deferred_count"] == 1
    });
    let deferred = &reported["deferred"][0];
    assert!(deferred["items"][0].as_str().unwrap().contains("fred"), "{reported}");
    assert_eq!(deferred["tries"], 1, "{reported}");
    assert_eq!(deferred["is_locked"], false, "{reported}");
    assert!(deferred["reason"].as_str().unwrap().contains("user.fred"), "{reported}");
    let lag = reported["lag"].as_u64().unwrap();
    let (_, critical) = object(&lab, &["--crit-lag", &lag.to_string()]);
    assert_eq!(critical["level"], "CRITICAL", "{critical}");
    stop(running);
}

#[test]
fn a_killed_client_is_reported_with_the_backlog_of_the_logs() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = drained(rolling(&lab, &[]), &lab);
    let (running, _) = until_status(running, &lab, |level, _| level == 0);
    running.signal(libc::SIGKILL);
    running.wait();
    let (level, reported) = object(&lab, &[]);
    assert_eq!((level, &reported["pid"]), (2, &Value::Null), "{reported}");
    assert!(reported["reasons"][0].as_str().unwrap().contains("ended unexpectedly"), "{reported}");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let (_, reported) = object(&lab, &[]);
    assert!(reported["backlog"]["entries"].as_u64() > Some(0), "{reported}");
    assert_eq!(reported["backlog"]["users"], 1, "{reported}");
    // A new client replicates the remaining entries.
    let running = drained(rolling(&lab, &[]), &lab);
    let (running, _) = until_status(running, &lab, |level, reported| {
        level == 0 && reported["backlog"]["entries"] == 0
    });
    stop(running);
}

/// Returns the value of a metric with any labels.
fn metric(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(&format!("cyrsync_{name}{{")))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn metrics_report_the_rolling_client_and_failures() {
    let mut lab = Lab::default();
    let file = lab.master.scratch().join("cyrsync.prom");
    lab.master.set_config("sync_metrics_file", file.to_str());
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    let metrics = || fs::read_to_string(&file).unwrap_or_default();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let running = until(running, |_| {
        let text = metrics();
        let expected = [
            ("messages_total", 1.0),
            ("lag_seconds", 0.0),
            ("up", 1.0),
            ("connected", 1.0),
            ("backlog_entries", 0.0),
        ];
        expected.iter().all(|(name, value)| metric(&text, name) == Some(*value))
            && metric(&text, "last_success_timestamp_seconds") > Some(1.0)
    });
    lab.replica.stop_server();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "two");
    let running = until(running, |_| {
        let text = metrics();
        metric(&text, "connected") == Some(0.0)
            && metric(&text, "backlog_entries") > Some(0.0)
            && text.contains("cyrsync_failures_total{")
    });
    stop(running);
    assert_eq!(metric(&metrics(), "up"), Some(0.0));
}

#[test]
fn other_modes_write_their_metrics_at_the_end() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let file = lab.master.scratch().join("cyrsync.prom");
    let args = ["-A", "--metrics-file", file.to_str().unwrap()];
    ours(&lab, &args).ok();
    let text = fs::read_to_string(&file).expect("it was written");
    assert_eq!(metric(&text, "messages_total"), Some(1.0), "{text}");
    assert_eq!(metric(&text, "users_total"), Some(1.0), "{text}");
    assert!(metric(&text, "last_success_timestamp_seconds") > Some(1.0), "{text}");
    // Other users must be able to read the file, although the umask is 077.
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    // A failed mailbox counts as a failure in every mode.
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "two");
    let message = message_file(&lab.master, "user.fred", 2);
    let good = fs::read(&message).expect("it is there");
    fs::write(&message, "nonsense").expect("own file");
    for mode in [&["-A"][..], &["-u", "fred"], &["-m", "user.fred"]] {
        let run = ours(&lab, &[mode, &args[1..]].concat());
        assert_eq!(run.status.code(), Some(1), "{run}");
        let text = fs::read_to_string(&file).expect("it was written");
        assert_eq!(metric(&text, "failures_total"), Some(1.0), "{mode:?}: {text}");
    }
    fs::write(&message, good).expect("own file");
    // If the file cannot be written, the run reports it and succeeds.
    let nowhere = ["-A", "--metrics-file", "/nonexistent/cyrsync.prom"];
    let run = ours(&lab, &nowhere).ok();
    assert!(run.stderr.contains("write metrics file /nonexistent/cyrsync.prom"), "{run}");
    lab.replica.stop_server();
    assert_eq!(ours(&lab, &["-o", args[0], args[1], args[2]]).status.code(), Some(1));
    let text = fs::read_to_string(&file).expect("it was written");
    assert_eq!(metric(&text, "last_success_timestamp_seconds"), Some(0.0), "{text}");
}

#[test]
fn a_run_does_not_overwrite_the_metrics_of_a_rolling_client() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let file = lab.master.scratch().join("cyrsync.prom");
    lab.master.set_config("sync_metrics_file", file.to_str());
    let running = rolling(&lab, &[]);
    let running = until(running, |_| file.exists());
    // Another run does not change the rolling client's file. The rolling client replaces the file
    // within five seconds.
    let inode = || fs::metadata(&file).expect("it is there").ino();
    let up = || metric(&fs::read_to_string(&file).expect("it is there"), "up");
    let own = lab.master.scratch().join("own.prom");
    for args in [&["-A"][..], &["-A", "--metrics-file", own.to_str().unwrap()]] {
        ours(&lab, args).ok();
        assert_eq!(up(), Some(1.0));
    }
    assert_eq!(metric(&fs::read_to_string(own).expect("it was asked for"), "up"), Some(0.0));
    stop(running);
    let before = inode();
    ours(&lab, &["-A"]).ok();
    assert_ne!(inode(), before, "nobody rolls any more");
}

#[test]
fn a_client_that_cannot_write_its_status_is_reported() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    fs::create_dir_all(status_file(&lab.master).with_file_name("log-status.new")).unwrap();
    let running = rolling(&lab, &[]);
    let running = until(running, |so_far| so_far[2].contains("write status file"));
    assert_eq!(status(&lab, &[]).status.code(), Some(0), "it may have just begun");
    // Make the client look as if it had started a minute ago.
    let guards = fs::read_dir(status_file(&lab.master).parent().unwrap()).unwrap().flatten();
    let pid = format!("{}\n", running.pid());
    let is_guard = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text == pid);
    let guard = guards.map(|entry| entry.path()).find(is_guard).expect("it claims the channel");
    let a_minute_ago = SystemTime::now() - Duration::from_secs(60);
    fs::File::options().append(true).open(guard).unwrap().set_modified(a_minute_ago).unwrap();
    let run = status(&lab, &[]);
    assert_eq!(run.status.code(), Some(2), "{run}");
    assert!(run.stdout.contains("has not written its status for "), "{run}");
    stop(running);
}

#[test]
fn all_channels_are_reported_and_the_worst_is_the_exit_status() {
    let channels = ["", "far", "squatter"].map(str::to_owned).to_vec();
    let lab = Lab::new(Options { sync_log_channels: channels, ..Options::default() });
    create(&lab.master, &["user.fred"]);
    let running = drained(rolling(&lab, &[]), &lab);
    let (running, _) = until_status(running, &lab, |level, _| level == 0);
    let run = status(&lab, &["--all-channels", "--json"]);
    let objects: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<_> = objects
        .iter()
        .map(|reported| (reported["channel"].as_str(), reported["level"].as_str()))
        .collect();
    assert_eq!(found, [(None, Some("OK")), (Some("far"), Some("CRITICAL"))], "{run}");
    assert_eq!(run.status.code(), Some(2), "{run}");
    stop(running);
    lab.master.set_config("sync_log_channels", Some("squatter"));
    let run = status(&lab, &["--all-channels"]);
    assert_eq!(run.status.code(), Some(3), "nothing is replicated: {run}");
}

#[test]
fn a_status_that_cannot_be_read_is_unknown() {
    let lab = Lab::default();
    fs::create_dir_all(status_file(&lab.master).parent().unwrap()).unwrap();
    fs::write(status_file(&lab.master), "{\"version\":99}").unwrap();
    let run = status(&lab, &[]);
    assert_eq!(run.status.code(), Some(3), "{run}");
    assert!(run.stdout.starts_with("CYRSYNC UNKNOWN - ") && run.stdout.contains("99"), "{run}");
    let run = status(&lab, &["-n", "nowhere"]);
    assert_eq!(run.status.code(), Some(3), "{run}");
    assert!(!log(&lab).exists(), "nothing was made");
}
