//! Tests `cyr_withlock_run` of Cyrus 3.12, which runs a program while no other program can change a
//! whole server or the data of one user.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use cyrsync_lab::run::{start_sync_client, sync_client};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Cyrus, Imap, Lab, Options, compare};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sync_client");
/// Enough time for a client that does not wait to finish its run.
const A_WHILE: Duration = Duration::from_secs(2);

/// A running `cyr_withlock_run`, which ends when this value is dropped.
struct Still(Child);

impl Still {
    #[track_caller]
    fn new(master: &Cyrus, args: &[&str]) -> Still {
        let mut command = master.program("cyr_withlock_run");
        command.args(args).args(["--", "/bin/sh", "-c", "echo held; read end"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it tells");
        assert_eq!(line, "held\n");
        Still(child)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn append(lab: &Lab, subject: &str) {
    let text = format!("Subject: {subject}\r\n\r\n{subject}\r\n");
    assert!(Imap::login(&lab.master, "fred").append("INBOX", "", text.as_bytes()).is_ok());
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn the_client_waits_for_the_locks_of_cyr_withlock_run_of_3_12() {
    let master_tree = Some(Tree::of(Release::Forky));
    let replica_tree = master_tree.clone();
    let lab = Lab::new(Options { master_tree, replica_tree, ..Options::default() });
    Imap::admin(&lab.master).ok("CREATE user.fred");
    sync_client(PROGRAM, &lab.master, &["-A"]).ok();
    for of in [&[][..], &["-u", "fred"]] {
        append(&lab, "before it");
        let still = Still::new(&lab.master, of);
        let running = start_sync_client(PROGRAM, &lab.master, &["-u", "fred"]);
        let running = running.wait_within(A_WHILE).expect_err("it does not wait");
        // A client that `cyr_withlock_run` starts does not wait. An environment variable shows that
        // the lock is held for it.
        let (variable, value) = match of {
            [] => ("CYRUS_HAVELOCK_GLOBAL", "1"),
            _ => ("CYRUS_HAVELOCK_USER", "fred"),
        };
        running.signal(libc::SIGKILL);
        drop(running);
        let mut inside =
            lab.master.command(cyrsync_lab::run::reachable(&lab.master, PROGRAM.as_ref()));
        inside.env(variable, value).arg("-C").arg(lab.master.imapd_conf()).args(["-u", "fred"]);
        let inside = cyrsync_lab::run::start(&lab.master, &mut inside);
        inside.wait_within(A_WHILE * 10).expect("it waits").ok();
        // Release the lock, which the server also needs to answer.
        drop(still);
        assert!(compare(&lab.master, &lab.replica).is_empty());

        append(&lab, "another");
        let still = Still::new(&lab.master, of);
        let running = start_sync_client(PROGRAM, &lab.master, &["-u", "fred"]);
        let running = running.wait_within(A_WHILE).expect_err("it does not wait");
        drop(still);
        running.wait().ok();
        assert!(compare(&lab.master, &lab.replica).is_empty());
    }
}
