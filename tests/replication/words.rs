//! Tests the log lines of Cyrus's own client that operators watch for. Where the test can make
//! Cyrus's client write a line, it compares the line with ours.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cyrsync_lab::{Fault, Imap, Lab, Proxy, cyrus_sync_client};

use crate::common::{append, create, kill_sync_servers, ours, replicate, until};
use crate::rolling::{drained, rolling, stop};

/// Returns the only line of a log that contains this text.
#[track_caller]
fn the_line(log: &str, words: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(words)).collect();
    assert_eq!(lines.len(), 1, "{words}: {lines:#?}\n{log}");
    lines[0].to_owned()
}

#[test]
fn a_log_with_names_that_never_existed() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-A"]);
    let file = lab.master.scratch().join("by-hand");
    let args = ["-r", "-f", file.to_str().expect("UTF-8")];
    let notice = "SYNCNOTICE: attempt to UNMAILBOX without a tombstone: mailbox=<user.fred.never>";
    for is_ours in [true, false] {
        fs::write(&file, "UNMAILBOX user.fred.never\nFROB user.fred\n").expect("own file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("own file");
        let run =
            if is_ours { ours(&lab, &args) } else { cyrus_sync_client(&lab.master, &args) }.ok();
        assert!(the_line(&run.log, notice).starts_with("NOTICE"), "{run}");
        assert!(the_line(&run.log, "Unknown action type: FROB").starts_with("ERR"), "{run}");
    }
}

#[test]
fn an_unreachable_replica() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    for (server, words) in [
        ("nobody.invalid", "getaddrinfo(nobody.invalid) failed: "),
        ("127.0.0.1", "couldn't authenticate to backend server: authentication failure"),
        ("127.0.0.1", "connect(127.0.0.1) failed: Connection refused"),
    ] {
        lab.master.set_config("sync_host", Some(server));
        lab.master.set_config("sync_password", Some("wrong"));
        if words.starts_with("connect") {
            lab.replica.stop_server();
        }
        let run = ours(&lab, &["-o", "-u", "fred"]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        let line = the_line(&run.log, words);
        assert!(line.starts_with("ERR") && line.contains("cannot reach the replica: "), "{line}");
        let reported = format!("Can not connect to server '{server}'");
        assert!(the_line(&run.log, &reported).starts_with("ERR"), "{run}");
    }
}

#[test]
fn a_user_and_a_mailbox_that_fail() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.here"]);
    replicate(&lab, &["-A"]);
    Imap::admin(&lab.master).ok("CREATE user.fred.far second");
    lab.replica.set_config("partition-second", None);
    kill_sync_servers(&lab.replica);
    let denied = "do_folders(): update failed: user.fred.far \
                  'The remote Server(s) denied the operation";
    let failed =
        "IOERROR: user replication failed: error=<The remote Server(s) denied the operation";
    let run = ours(&lab, &["-u", "fred"]);
    for words in [denied, failed, "MAILBOX received NO response: "] {
        assert!(the_line(&run.log, words).starts_with("ERR"), "{run}");
    }
    assert!(the_line(&run.log, failed).contains("userid=<fred>"), "{run}");
    let run = cyrus_sync_client(&lab.master, &["-u", "fred"]);
    for words in [denied, failed, "MAILBOX received NO response: "] {
        assert!(run.log.contains(words), "{words}: {run}");
    }
    // A rename that the replica refuses.
    Imap::login(&lab.master, "fred").ok("DELETE INBOX.far");
    Imap::admin(&lab.master).ok("RENAME user.fred.here user.fred.here second");
    let renamed = "do_folders(): failed to rename: user.fred.here -> user.fred.here ";
    let run = ours(&lab, &["-u", "fred"]);
    assert!(the_line(&run.log, renamed).starts_with("ERR"), "{run}");
    let run = cyrus_sync_client(&lab.master, &["-u", "fred"]);
    assert!(run.log.contains(renamed), "{run}");
}

#[test]
fn an_invalid_answer() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    let running = rolling(&lab, &[]);
    proxy.fail_next(Fault::Say(b"BAD what is that\r\n".to_vec()));
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let running = until(running, |so_far| {
        so_far[2].lines().any(|line| {
            line.starts_with("ERR")
                && line.contains("IOERROR: received bad response: command=<")
                && line.contains("> response=<BAD> errmsg=<what is that>")
        })
    });
    stop(drained(running, &lab));
}

#[test]
fn a_restart_that_succeeds() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &["-t", "1"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let reported = |line: &str| line.starts_with("INFO") && line.contains("RESTART succeeded");
    stop(until(running, |so_far| so_far[2].lines().any(reported)));
}
