//! Tests events that end a wait of the client: a wait for a replica that does not answer, or for
//! something to do.

use std::fs;
use std::time::{Duration, Instant};

use cyrsync_lab::run::Running;
use cyrsync_lab::{Fault, Imap, Lab, Proxy};

use crate::common::{append, assert_equal, create, until};
use crate::rolling::{drained, log, rolling, stop};

/// Time limit for the end of a wait. It is far below `sync_timeout`, which is half an hour, and
/// below ten seconds, after which a client that must stop interrupts any work.
const SOON: Duration = Duration::from_secs(8);

/// Starts a rolling client that connects through a proxy. Waits until it has nothing to do. There
/// is only one user, so the client makes only one connection, and has none in preparation that the
/// silence could meet.
fn relayed(lab: &Lab, args: &[&str]) -> (Proxy, Running) {
    create(&lab.master, &["user.fred"]);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    let running = drained(rolling(lab, args), lab);
    (proxy, running)
}

/// Makes the proxy forward nothing more from the replica while fred is replicated.
fn silence(lab: &Lab, proxy: &Proxy, running: Running) -> Running {
    proxy.fail_next(Fault::Silence);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "into silence");
    until(running, |_| !proxy.fault_is_due())
}

#[test]
fn sighup_ends_a_wait_for_a_silent_replica() {
    let lab = Lab::default();
    let (proxy, running) = relayed(&lab, &[]);
    let running = silence(&lab, &proxy, running);
    running.signal(libc::SIGHUP);
    let running = until(running, |so_far| so_far[2].contains("starting over"));
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn a_skip_file_for_the_user_ends_a_wait_for_a_silent_replica() {
    let lab = Lab::default();
    let (proxy, running) = relayed(&lab, &[]);
    let running = silence(&lab, &proxy, running);
    let skip = lab.master.config_dir().join("sync/skipuser-fred");
    fs::write(&skip, "").expect("own directory");
    create(&lab.master, &["user.zoe"]);
    let running = until(running, |so_far| {
        so_far[2].contains("left for later: items=<MAILBOX user.fred>")
            && so_far[0].contains("MAILBOX user.zoe\n")
    });
    let work = fs::read_to_string(log(&lab).with_file_name("log-run")).expect("it is there");
    assert!(work.contains("MAILBOX user.fred\n"), "{work}");
    fs::remove_file(skip).expect("own file");
    running.signal(libc::SIGHUP);
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn the_shutdown_file_ends_a_wait_for_a_silent_replica() {
    let lab = Lab::default();
    let file = lab.master.scratch().join("shutdown");
    let path = file.display().to_string();
    let (proxy, running) = relayed(&lab, &["-F", &path]);
    let running = silence(&lab, &proxy, running);
    fs::write(&file, "").expect("own directory");
    let run = running.wait_within(SOON).expect("it ends soon");
    assert_eq!((run.status.code(), file.exists()), (Some(0), false), "{run}");
    let work = fs::read_to_string(log(&lab).with_file_name("log-run")).expect("it is there");
    assert!(work.contains("user.fred\n"), "{work}");
    stop(rolling(&lab, &[]));
    assert_equal(&lab);
}

#[test]
fn a_request_to_stop_ends_a_wait_for_a_silent_replica() {
    let lab = Lab::default();
    let (proxy, running) = relayed(&lab, &[]);
    let running = silence(&lab, &proxy, running);
    running.signal(libc::SIGTERM);
    let run = running.wait_within(SOON).expect("it ends soon");
    assert_eq!(run.status.code(), Some(75), "{run}");
    stop(rolling(&lab, &[]));
    assert_equal(&lab);
}

/// Returns how many times the threads of a process have gone to sleep so far.
fn sleeps(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let status = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let count = |status: String| -> Option<u64> {
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    status.filter_map(count).sum()
}

/// Returns the processor time of a process so far, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, rest) = stat.rsplit_once(") ").expect("the name is in parentheses");
    rest.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn an_idle_client_uses_little_cpu_and_reacts_to_every_event() {
    const IDLE: Duration = Duration::from_secs(4);
    let lab = Lab::default();
    let file = lab.master.scratch().join("shutdown");
    let (_proxy, running) = relayed(&lab, &["-F", &file.display().to_string()]);
    let (begun, before) = (Instant::now(), sleeps(running.pid()));
    let worked = ticks(running.pid());
    // The test measures an idle client, so it must sleep.
    std::thread::sleep(IDLE);
    let (slept, worked) = (sleeps(running.pid()) - before, ticks(running.pid()) - worked);
    // The client wakes once a second to look for the shutdown file, a few times at the end of
    // earlier work, and every five seconds to write the status file. This write wakes two threads:
    // the writer and the one that watches the directory.
    let seconds = begun.elapsed().as_secs();
    assert!(slept <= 8 + seconds, "it woke {slept} times in {seconds} s");
    assert!(worked <= 2, "it worked for {worked}0 ms in {seconds} s");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "something to do");
    let running = until(running, |so_far| so_far[0].matches("MAILBOX user.fred\n").count() >= 2);
    let running = drained(running, &lab);
    assert_equal(&lab);
    fs::write(&file, "").expect("own directory");
    let run = running.wait_within(SOON).expect("it ends soon");
    assert_eq!(run.status.code(), Some(0), "{run}");
}
