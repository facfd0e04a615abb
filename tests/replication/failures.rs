//! Tests data that cannot be replicated. It is reported with the reason, and all other data is
//! replicated.

use std::fs;
use std::path::Path;
use std::time::Duration;

use cyrsync_lab::{Imap, Lab, Options, Proxy, Run, Sieve, Status, cyrus_sync_client, places};

use crate::common::{
    Holder, append, create, differing, errors, message, message_file, ours, replicate, start_ours,
    uniqueid, until,
};

/// Starts a lab with fred (INBOX and Sent), anna and zoe (INBOX). Each mailbox has two messages,
/// which are replicated.
fn replicated() -> Lab {
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.fred", "user.fred.Sent", "user.zoe"]);
    mail(&lab, "first");
    replicate(&lab, &["-A"]);
    lab
}

/// Adds two more messages to every mailbox.
fn more(lab: &Lab) {
    mail(lab, "later");
}

fn mail(lab: &Lab, when: &str) {
    for (user, mailbox) in
        [("fred", "INBOX"), ("fred", "INBOX.Sent"), ("anna", "INBOX"), ("zoe", "INBOX")]
    {
        let mut imap = Imap::login(&lab.master, user);
        for number in 1..=2 {
            append(&mut imap, mailbox, &format!("{when} {number} of {user} in {mailbox}"));
        }
    }
}

/// Asserts that a run failed for this user, that the failure was logged, and that only these
/// mailboxes differ.
#[track_caller]
fn failed_for(lab: &Lab, run: &Run, user: &str, mailboxes: &[&str]) {
    assert_eq!(run.status.code(), Some(1), "{run}");
    let line = errors(run).into_iter().find(|l| l.contains("IOERROR: user replication failed"));
    let line = line.unwrap_or_else(|| panic!("nothing logged: {run}"));
    assert!(line.contains(&format!("userid=<{user}>")), "{line}");
    let left = differing(lab);
    assert!(!left.is_empty());
    let other = |path: &&String| {
        let quota = path.starts_with("QUOTA");
        !quota && !mailboxes.iter().any(|m| path.starts_with(&format!("{m} ")))
    };
    let others: Vec<_> = left.iter().filter(other).collect();
    assert!(others.is_empty(), "{others:#?}\n{run}");
}

#[test]
fn a_missing_user_is_no_error_as_with_cyrus() {
    let lab = replicated();
    more(&lab);
    let args = ["-v", "-u", "nobody", "fred"];
    let run = ours(&lab, &args).ok();
    assert!(run.stdout.contains("Does not exist locally nobody\n"), "{run}");
    assert!(run.stdout.contains("USER fred\nMAILBOX user.fred\n"), "{run}");
    let theirs = cyrus_sync_client(&lab.master, &args).ok();
    assert!(theirs.stdout.contains("Does not exist locally nobody\n"), "{theirs}");
}

/// Function that damages a file.
type Damage = fn(&Path);

#[test]
fn a_missing_or_changed_message_file_fails_only_its_mailbox() {
    let damages: [(&str, Damage); 3] = [
        ("missing", |file| fs::remove_file(file).expect("own file")),
        ("truncated", |file| {
            let bytes = fs::read(file).expect("own file");
            fs::write(file, &bytes[..bytes.len() / 2]).expect("own file");
        }),
        ("changed", |file| {
            let mut bytes = fs::read(file).expect("own file");
            bytes[9] ^= 1;
            fs::write(file, bytes).expect("own file");
        }),
    ];
    for (what, damage) in damages {
        let lab = replicated();
        more(&lab);
        let file = message_file(&lab.master, "user.fred", 4);
        let intact = fs::read(&file).expect("own file");
        damage(&file);
        let run = ours(&lab, &["-A", "-v"]);
        failed_for(&lab, &run, "fred", &["user.fred"]);
        assert!(run.stderr.contains("user.fred"), "{what}: {run}");
        assert!(run.stderr.contains("hint: "), "{what}: {run}");
        assert!(run.stderr.contains("4"), "{what}: {run}");
        // Restore the file. Then everything must be replicated.
        fs::write(&file, intact).expect("own file");
        let owner = ["cyrus:mail", &file.display().to_string()].map(str::to_owned);
        assert!(std::process::Command::new("chown").args(owner).status().is_ok());
        replicate(&lab, &["-A"]);
    }
}

#[test]
fn a_new_user_with_a_broken_inbox_does_not_stop_the_others() {
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.fred", "user.fred.Sent", "user.zoe"]);
    more(&lab);
    fs::remove_file(message_file(&lab.master, "user.fred", 1)).expect("own file");
    let run = ours(&lab, &["-A", "-v"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let left = differing(&lab);
    let of_fred = |path: &String| path.contains("user.fred") || path.contains(" I ");
    assert!(left.iter().all(of_fred), "{left:#?}\n{run}");
}

#[test]
fn a_destroyed_index_fails_only_its_mailbox() {
    for mailbox in ["user.fred", "user.fred.Sent"] {
        let lab = replicated();
        more(&lab);
        let index = places::place(&lab.master, mailbox).data.join("cyrus.index");
        let intact = fs::read(&index).expect("own file");
        let mut bytes = intact.clone();
        for byte in &mut bytes[200..260] {
            *byte ^= 0x55;
        }
        fs::write(&index, bytes).expect("own file");
        let run = ours(&lab, &["-A", "-v"]);
        assert!(run.stderr.contains("cyrus.index"), "{run}");
        assert!(run.stderr.contains("reconstruct"), "{run}");
        fs::write(&index, intact).expect("own file");
        failed_for(&lab, &run, "fred", &[mailbox]);
        replicate(&lab, &["-A"]);
    }
}

#[test]
fn an_unreachable_replica_is_reported_and_tried_only_once_with_o() {
    let mut lab = replicated();
    lab.replica.stop_server();
    let run = ours(&lab, &["-o", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("Can not connect to server '127.0.0.1'"), "{run}");
    assert!(run.stderr.contains("refused"), "{run}");
    assert!(!errors(&run).is_empty(), "{run}");
    // Without -o the client waits for the replica. SIGTERM ends the wait.
    let waiting = start_ours(&lab, &["-u", "fred"]);
    let waiting = until(waiting, |so_far| so_far[1].contains("retrying in 15 seconds"));
    waiting.signal(libc::SIGTERM);
    let run = waiting.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
}

#[test]
fn a_wrong_password_is_reported_but_not_shown() {
    let lab = replicated();
    lab.master.set_config("sync_password", Some("not-the-right-one"));
    let run = ours(&lab, &["-o", "-v", "-v", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("Can not connect to server '127.0.0.1'"), "{run}");
    assert!(run.stderr.to_lowercase().contains("auth"), "{run}");
    let encoded = "bm90LXRoZS1yaWdodC1vbm";
    for secret in ["not-the-right-one", encoded] {
        assert!(!run.to_string().contains(secret), "{run}");
    }
}

#[test]
fn a_user_that_is_being_replicated_is_waited_for() {
    let lab = replicated();
    more(&lab);
    let holder = Holder::of(&lab, "*S*127^0^0^1*fred.lock");
    let run = ours(&lab, &["-N", "-v", "-A"]).ok();
    assert!(run.stdout.contains("MAILBOX user.zoe\n"), "{run}");
    let left = differing(&lab);
    assert!(left.iter().all(|path| path.starts_with("user.fred")), "{left:#?}");
    drop(holder);
    replicate(&lab, &["-A"]);
}

#[test]
fn a_mailbox_locked_by_cyrus_is_waited_for() {
    let lab = replicated();
    more(&lab);
    let id = uniqueid(&lab.master, "user.fred");
    let holder = Holder::of(&lab, &format!("{id}.lock"));
    let waiting = start_ours(&lab, &["-v", "-u", "fred"]);
    let limit = Duration::from_secs(1);
    let waiting = waiting.wait_within(limit).expect_err("it waits for the mailbox");
    drop(holder);
    waiting.wait().ok();
    replicate(&lab, &["-A"]);
}

#[test]
fn a_script_that_the_replica_refuses_stops_nothing_else() {
    let lab = Lab::new(Options {
        replica_conf: "sieve_extensions: fileinto\n".to_owned(),
        ..Options::default()
    });
    create(&lab.master, &["user.fred", "user.zoe"]);
    let mut sieve = Sieve::login(&lab.master, "fred");
    let script = "require \"vacation\";\r\nvacation \"gone\";\r\n";
    assert_eq!(sieve.put("main", script).0, Status::Ok);
    assert_eq!(sieve.activate("main").0, Status::Ok);
    assert!(Imap::login(&lab.master, "fred").append("INBOX", "", &message("one")).is_ok());
    assert!(Imap::login(&lab.master, "zoe").append("INBOX", "", &message("two")).is_ok());
    let run = ours(&lab, &["-A", "-v"]);
    let left = differing(&lab);
    let script = |path: &String| path.contains("SIEVE") || path.contains("#sieve");
    assert!(left.iter().all(script), "{left:#?}\n{run}");
    assert!(left.is_empty() == run.status.success(), "{left:#?}\n{run}");
}

#[test]
fn after_a_broken_connection_the_next_run_continues() {
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.fred", "user.fred.Sent", "user.zoe"]);
    more(&lab);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    for bytes in [700, 1500, 2500] {
        proxy.reset();
        proxy.cut_after(bytes);
        // The proxy cuts every connection once it has forwarded this many bytes in total, so a new
        // connection does not help.
        let run = ours(&lab, &["-o", "-A", "-v"]);
        assert_eq!(run.status.code(), Some(1), "after {bytes}: {run}");
        assert!(run.stderr.contains("closed the connection"), "after {bytes}: {run}");
    }
    proxy.never_cut();
    replicate(&lab, &["-A"]);
}
