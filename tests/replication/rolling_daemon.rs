//! Tests a rolling client that Cyrus's master process starts from cyrus.conf.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cyrsync_lab::run::reachable;
use cyrsync_lab::{Imap, Lab};

use crate::common::{append, assert_equal, create, program};
use crate::rolling::log;

/// Waits until `look` returns a value. Used where no event announces this.
#[track_caller]
fn wait_for<T>(lab: &Lab, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: {}", lab.master.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A client that Cyrus's master process started. It ends with the test.
struct Daemon<'l> {
    lab: &'l Lab,
    pid: i32,
}

impl<'l> Daemon<'l> {
    /// Waits for a client that works on the default channel and whose process id is not `before`.
    #[track_caller]
    fn working(lab: &'l Lab, before: i32) -> Daemon<'l> {
        let guard = log(lab).with_file_name("sync_client.lock");
        let pid = wait_for(lab, "no client works on the channel", || {
            let pid = fs::read_to_string(&guard).ok()?.trim().parse().ok()?;
            (pid != before && is_alive(pid)).then_some(pid)
        });
        Daemon { lab, pid }
    }

    fn signal(&self, signal: &str) {
        // Use the shell's built-in kill, because there may be no separate program.
        let kill = format!("kill -{signal} {}", self.pid);
        let status = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
        status.expect("sh runs");
    }

    #[track_caller]
    fn await_end(&self) {
        wait_for(self.lab, "it does not end", || (!is_alive(self.pid)).then_some(()));
    }

    /// Makes a change that Cyrus logs, and waits until it is on the replica.
    #[track_caller]
    fn replicates(&self, subject: &str) {
        append(&mut Imap::login(&self.lab.master, "fred"), "INBOX", subject);
        let files = ["log", "log-run"].map(|name| log(self.lab).with_file_name(name));
        wait_for(self.lab, "the log is not done", || {
            (!files.iter().any(|file| file.exists())).then_some(())
        });
        assert_equal(self.lab);
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if is_alive(self.pid) {
            self.signal("KILL");
        }
    }
}

/// Returns whether a process runs and is not a zombie.
fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Starts a lab whose master process starts our client from this section of cyrus.conf.
fn started_from(section: &str) -> Lab {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    lab.master.stop_server();
    let file = lab.master.scratch().join("shutdown").display().to_string();
    lab.master.set_config("sync_shutdown_file", Some(&file));
    let program = reachable(&lab.master, &program());
    let conf = lab.master.imapd_conf();
    let command = format!("{} -C {} -r", program.display(), conf.display());
    lab.master.add_entry(section, "syncclient", &command);
    lab.master.start_server();
    lab
}

#[test]
fn a_client_started_by_master_is_the_only_one_and_ends_by_the_shutdown_file() {
    let mut lab = started_from("START");
    let daemon = Daemon::working(&lab, 0);
    daemon.replicates("one");
    let pid = daemon.pid;
    // The client keeps running when its master process ends. The next master process starts another
    // client, which must refuse to work on the same channel.
    std::mem::forget(daemon);
    lab.master.stop_server();
    lab.master.start_server();
    let daemon = Daemon::working(&lab, 0);
    assert_eq!(daemon.pid, pid);
    let reported = format!("process {pid} already works on it");
    wait_for(&lab, "the second is not refused", || {
        lab.master.log().contains(&reported).then_some(())
    });
    daemon.replicates("two");
    let file = lab.master.scratch().join("shutdown");
    fs::write(&file, "").expect("own directory");
    daemon.await_end();
    assert!(!file.exists());
}

#[test]
fn master_restarts_a_client_that_ended_for_any_reason() {
    let mut lab = started_from("DAEMON");
    let file = lab.master.scratch().join("shutdown");
    let mut before = 0;
    for end in ["TERM", "INT", "KILL", "shutdown file"] {
        let daemon = Daemon::working(&lab, before);
        daemon.replicates(end);
        match end {
            "shutdown file" => fs::write(&file, "").expect("own directory"),
            signal => daemon.signal(signal),
        }
        daemon.await_end();
        assert!(!file.exists());
        before = daemon.pid;
    }
    let daemon = Daemon::working(&lab, before);
    daemon.replicates("it is there again");
    before = daemon.pid;
    drop(daemon);
    lab.master.stop_server();
    assert!(!is_alive(before));
}
