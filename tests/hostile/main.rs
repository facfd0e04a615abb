//! A replica that is broken or hostile: whatever it sends, the client ends soon, in little memory,
//! with an error that says what was sent and received last, and the master's mail is untouched.
//!
//! The client is the real program, with a real master; the replica is a script of a few lines.

mod greeting;
mod replies;
mod server;

use std::time::Duration;

use cyrsync_lab::run::start_sync_client;
use cyrsync_lab::{Imap, Lab, Options, compare, describe, sync_client};
use server::Peer;

const OURS: &str = env!("CARGO_BIN_EXE_sync_client");

/// Memory that no replica can make the client exceed.
const MEMORY_KIB: u64 = 64 << 10;
/// When a run is given up: far more than it needs, for the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A master with a user who has mail.
struct World {
    lab: Lab,
    real_port: u16,
}

impl World {
    fn new() -> World {
        let master_conf = "sync_timeout: 3s\nclient_timeout: 3s\n".to_owned();
        let lab = Lab::new(Options { master_conf, ..Options::default() });
        Imap::admin(&lab.master).ok("CREATE user.fred");
        let mut fred = Imap::login(&lab.master, "fred");
        for number in 0..3 {
            let message =
                format!("From: <a@example.com>\r\nSubject: {number}\r\n\r\nsome text\r\n");
            fred.append("INBOX", "", message.as_bytes());
        }
        let real_port = lab.replica.csync_port();
        World { lab, real_port }
    }

    /// Runs the client against a replica that does this on every connection. It must fail in
    /// bounded time and memory. Gives back all it printed and logged.
    #[track_caller]
    fn against(&self, case: &str, script: impl Fn(&mut Peer) + Send + Sync + 'static) -> String {
        let port = server::serve(script);
        self.lab.master.use_port(port);
        let args = ["-o", "-v", "-u", "fred"];
        let running = start_sync_client(OURS, &self.lab.master, &args);
        let (run, cost) = running
            .wait_measured_within(PATIENCE)
            .unwrap_or_else(|running| panic!("{case}: no end: {:?}", running.so_far()));
        assert_eq!(run.status.code(), Some(1), "{case}: {run}");
        assert!(cost.peak_kib < MEMORY_KIB, "{case}: {} KiB: {run}", cost.peak_kib);
        assert!(!run.stderr.contains("panicked"), "{case}: {run}");
        println!("{case}: {} KiB, {:?}", cost.peak_kib, cost.wall);
        format!("{}{}{}", run.stdout, run.stderr, run.log)
    }

    /// Afterwards a real replica gets everything.
    #[track_caller]
    fn nothing_is_lost(&self) {
        self.lab.master.use_port(self.real_port);
        sync_client(OURS, &self.lab.master, &["-o", "-u", "fred"]).ok();
        let differences = compare(&self.lab.master, &self.lab.replica);
        assert!(differences.is_empty(), "{}", describe(&differences, 20));
        let uids = Imap::login(&self.lab.replica, "fred").with_selected("INBOX").uids();
        assert_eq!(uids, [1, 2, 3]);
    }
}

/// All of these are told.
#[track_caller]
fn assert_told(case: &str, told: &str, words: &[&str]) {
    let line = told.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "{case}: no line with {words:?} in:\n{told}");
}
