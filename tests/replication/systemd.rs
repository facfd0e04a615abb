//! Tests rolling replication as a service of systemd: `Type=notify`, its status, its watchdog.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use cyrsync_lab::run::{reachable, start};
use cyrsync_lab::{Imap, Lab};

use crate::common::{append, create, program};

/// The socket to which a service sends its notifications.
struct Manager(UnixDatagram);

impl Manager {
    /// Waits for a notification that contains this line. Returns its lines.
    #[track_caller]
    fn until(&self, line: &str) -> Vec<String> {
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let Ok(len) = self.0.recv(&mut buffer) else {
                panic!("{line} does not come: {seen:#?}");
            };
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if lines.iter().any(|found| found.starts_with(line)) {
                return lines;
            }
            seen.push(text);
        }
    }
}

#[test]
fn systemd_is_notified_of_start_state_reload_and_end() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let path = lab.master.scratch().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).expect("own directory"));
    manager.0.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    lab.master.set_config("sync_repeat_interval", Some("0"));
    let mut command = lab.master.command(reachable(&lab.master, &program()));
    command.arg("-C").arg(lab.master.imapd_conf()).arg("-R").env("NOTIFY_SOCKET", &path);
    let running = start(&lab.master, &mut command);
    manager.until("READY=1");
    manager.until("STATUS=in sync with 127.0.0.1");
    let again = manager.until("WATCHDOG=1");
    assert!(!again.contains(&"READY=1".to_owned()), "once is enough: {again:?}");
    lab.replica.stop_server();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "meanwhile");
    manager.until("STATUS=127.0.0.1 unreachable, ");
    lab.replica.start_server();
    running.signal(libc::SIGHUP);
    let reload = manager.until("RELOADING=1");
    assert!(reload.iter().any(|line| line.starts_with("MONOTONIC_USEC=")), "{reload:?}");
    manager.until("READY=1");
    manager.until("STATUS=in sync with 127.0.0.1");
    lab.master.set_config("sync_timeout", Some("soon"));
    running.signal(libc::SIGHUP);
    manager.until("RELOADING=1");
    // The new configuration has an error, so the client is ready with the old one.
    manager.until("READY=1");
    running.signal(libc::SIGTERM);
    manager.until("STOPPING=1");
    assert_eq!(running.wait().status.code(), Some(75));
}
