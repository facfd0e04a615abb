//! Tests rolling replication: every kind of log entry, and the daemon with its usual problems.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cyrsync_lab::random::World;
use cyrsync_lab::run::Running;
use cyrsync_lab::{Imap, Lab, Lmtp, Options, Sieve, Status, places, tools};

use crate::common::{
    Holder, append, assert_equal, create, differing, errors, message, message_file, ours,
    replicate, start_ours, uniqueid, until,
};

/// Returns the path of the default channel's log.
pub fn log(lab: &Lab) -> PathBuf {
    lab.master.config_dir().join("sync/log")
}

/// Waits until the client has nothing to do: there is no log and no work file.
#[track_caller]
pub fn drained(mut running: Running, lab: &Lab) -> Running {
    let files = ["sync/log", "sync/log-run"].map(|name| lab.master.config_dir().join(name));
    let end = Instant::now() + Duration::from_secs(60);
    while files.iter().any(|file| file.exists()) {
        assert!(Instant::now() < end, "it is not done: {:#?}", running.so_far());
        // No event announces a change of these files, so check again.
        match running.wait_within(Duration::from_millis(5)) {
            Ok(run) => panic!("it ended before that: {run}"),
            Err(still_running) => running = still_running,
        }
    }
    running
}

/// Starts a rolling client. Waits until it has connected and replicated all earlier log entries.
/// From then on it replicates each entry at once.
#[track_caller]
pub fn rolling(lab: &Lab, args: &[&str]) -> Running {
    lab.master.set_config("sync_repeat_interval", Some("0"));
    let running = start_ours(lab, &[&["-R", "-v"], args].concat());
    let running = until(running, |so_far| so_far[2].contains("Destination supports"));
    drained(running, lab)
}

/// Waits until the log and the work file have no entry of this mailbox.
#[track_caller]
pub fn until_done(running: Running, lab: &Lab, mailbox: &str) -> Running {
    let work = log(lab).with_file_name("log-run");
    let names_it = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.contains(mailbox));
    // An entry moves from the log to the work file, so look in this order.
    until(running, |_| !names_it(&log(lab)) && !names_it(&work))
}

/// Ends the client with SIGTERM.
#[track_caller]
pub fn stop(running: Running) {
    running.signal(libc::SIGTERM);
    let run = running.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
}

/// Replicates only these log entries, and asserts that both sides are equal.
#[track_caller]
fn process(lab: &Lab, text: &str) {
    let _ = fs::remove_file(log(lab));
    let file = lab.master.scratch().join("by-hand");
    fs::write(&file, text).expect("own file");
    let path = file.display().to_string();
    let run = ours(lab, &["-R", "-v", "-f", &path]).ok();
    assert_eq!(errors(&run), [""; 0], "{run}");
    assert_equal(lab);
    assert_eq!(fs::read_to_string(&file).expect("it stays"), text);
}

#[test]
fn every_kind_of_log_entry_is_replicated() {
    let lab = Lab::new(Options { delayed_delete: false, ..Options::default() });
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.anna", "shared", "user.zoe"]);
    process(&lab, "USER fred\nUSER anna\nUSER zoe\nMAILBOX shared\n");
    let mut fred = Imap::login(&lab.master, "fred");
    let mut admin = Imap::admin(&lab.master);
    append(&mut fred, "INBOX", "one");
    process(&lab, "APPEND user.fred\nSEEN fred nothing\n");
    append(&mut fred, "INBOX.Sent", "two");
    process(&lab, "\r\nMAILBOX \"user.fred.Sent\"\r\n");
    fred.ok("SELECT INBOX");
    fred.ok("UID MOVE 1 INBOX.Sent");
    process(&lab, "doublemailbox user.fred {14+}\r\nuser.fred.Sent\n");
    fred.ok("RENAME INBOX.Sent INBOX.Posted");
    process(&lab, "RENAME user.fred.Sent user.fred.Posted\n");
    fred.ok("DELETE INBOX.Posted");
    process(&lab, "UNMAILBOX user.fred.Posted\n");
    fred.ok("SUBSCRIBE INBOX");
    process(&lab, "SUB fred user.fred\n");
    fred.ok("UNSUBSCRIBE INBOX");
    process(&lab, "UNSUB fred user.fred\n");
    admin.ok("SETQUOTA user.fred (STORAGE 5000)");
    process(&lab, "QUOTA user.fred\nMAILBOX user.fred\n");
    assert!(fred.set_metadata("INBOX", "/shared/comment", Some(b"mine")).is_ok());
    process(&lab, "ANNOTATION user.fred\n");
    assert!(admin.set_metadata("", "/shared/comment", Some(b"of the server")).is_ok());
    process(&lab, "ANNOTATION \"\"\n");
    assert_eq!(Sieve::login(&lab.master, "fred").put("main", "keep;\r\n").0, Status::Ok);
    process(&lab, "SIEVE fred\nMAILBOX user.fred.#sieve\n");
    admin.ok("SETACL user.fred anna lrs");
    append(&mut fred, "INBOX", "for anna");
    let mut anna = Imap::login(&lab.master, "anna").with_selected("user.fred");
    anna.ok("UID STORE 1:* +FLAGS (\\Seen)");
    anna.ok("UNSELECT");
    let id = uniqueid(&lab.master, "user.fred");
    process(&lab, &format!("SEEN anna {id}\nMAILBOX user.fred\n"));
    anna.ok("SUBSCRIBE user.fred");
    process(&lab, "META anna\n");
    admin.ok("SETACL user.zoe admin lrswipkxtecdan");
    admin.ok("DELETE user.zoe");
    process(&lab, "UNUSER zoe\n");
}

#[test]
fn a_user_deleted_and_created_again_has_no_old_data() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("CREATE INBOX.Sent");
    fred.ok("SUBSCRIBE INBOX");
    fred.ok("SUBSCRIBE INBOX.Sent");
    append(&mut fred, "INBOX", "one");
    assert_eq!(Sieve::login(&lab.master, "fred").put("main", "keep;\r\n").0, Status::Ok);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETQUOTA user.fred (STORAGE 5000)");
    ours(&lab, &["-1"]).ok();
    assert_equal(&lab);
    drop(fred);
    admin.ok("SETACL user.fred admin lrswipkxtecdan");
    admin.ok("DELETE user.fred");
    admin.ok("CREATE user.fred");
    Imap::login(&lab.master, "fred").ok("SUBSCRIBE INBOX");
    let run = ours(&lab, &["-1"]).ok();
    assert!(run.log.contains("Promoting: UNUSER fred -> USER fred"), "{run}");
    assert_equal(&lab);
}

/// The replica deletes for good what a deleted user still has there. The master keeps it for a while.
#[test]
fn a_user_is_not_deleted_on_the_replica_while_a_mailbox_of_the_user_fails() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX.Sent", "one");
    ours(&lab, &["-1"]).ok();
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETACL user.fred admin lrswipkxtecdan");
    admin.ok("DELETE user.fred");
    let names = tools::mailbox_names(&lab.master);
    let sent = names.iter().find(|name| name.starts_with("DELETED.user.fred.Sent"));
    let index = places::place(&lab.master, sent.expect("it is kept")).meta.join("cyrus.index");
    let sound = fs::read(&index).expect("own file");
    fs::write(&index, "damaged").expect("own file");
    let run = ours(&lab, &["-v", "-1"]);
    assert!(!run.status.success(), "{run}");
    assert!(!run.stdout.contains("UNUSER fred"), "{run}");
    let left = fs::read_to_string(log(&lab)).unwrap_or_default();
    assert!(left.contains("UNUSER fred\n"), "{left}{run}");
    fs::write(&index, sound).expect("own file");
    let run = ours(&lab, &["-v", "-1"]).ok();
    assert!(run.stdout.contains("UNUSER fred"), "{run}");
    assert_equal(&lab);
}

#[test]
fn a_renamed_user_keeps_all_data() {
    let moves = || "allowusermoves: yes\n".to_owned();
    let lab =
        Lab::new(Options { master_conf: moves(), replica_conf: moves(), ..Options::default() });
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("CREATE INBOX.Sent");
    fred.ok("SUBSCRIBE INBOX.Sent");
    append(&mut fred, "INBOX", "one");
    assert_eq!(Sieve::login(&lab.master, "fred").put("main", "keep;\r\n").0, Status::Ok);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETQUOTA user.fred (STORAGE 5000)");
    ours(&lab, &["-1"]).ok();
    drop(fred);
    admin.ok("SETACL user.fred admin lrswipkxtecdan");
    admin.ok("RENAME user.fred user.freda");
    ours(&lab, &["-1"]).ok();
    let left = differing(&lab);
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_parent_that_the_replica_created_is_deleted_with_the_mailbox() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for name in ["INBOX.a", "INBOX.a.b"] {
        fred.ok(&format!("CREATE {name}"));
    }
    ours(&lab, &["-1"]).ok();
    // As in the middle of a rename, the folder on the replica has no parent mailbox of its own.
    let mut replica = Imap::login(&lab.replica, "fred");
    replica.ok("DELETE INBOX.a.b");
    replica.ok("DELETE INBOX.a");
    replica.ok("CREATE INBOX.a");
    fred.ok("DELETE INBOX.a.b");
    fred.ok("DELETE INBOX.a");
    let run = ours(&lab, &["-1"]).ok();
    assert!(
        run.log.contains("user.fred.a was created by the replica itself, deleting it"),
        "{run}"
    );
    let internal = tools::mailbox_names(&lab.replica);
    assert!(!internal.contains(&"user.fred.a".to_owned()), "{internal:#?}");
}

#[test]
fn invalid_log_lines_are_reported_and_skipped() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let long = "x".repeat(100_000);
    let text = format!("MAILBOX\nnonsense\nMAILBOX {long}\n\n\u{ff} \u{1}\nFROB x\nUSER fred\n");
    fs::write(log(&lab), text).expect("own file");
    let run = ours(&lab, &["-1"]).ok();
    let reported = errors(&run);
    for number in [1, 2, 3, 5, 6] {
        let place = format!("log-run:{number}: ");
        assert!(reported.iter().any(|line| line.contains(&place)), "{number}: {reported:#?}");
    }
    assert_eq!(reported.len(), 5, "{reported:#?}");
    assert_equal(&lab);
    assert!(!log(&lab).with_file_name("log-run").exists());
}

#[test]
fn changes_that_cyrus_logs_are_soon_on_the_replica() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    let mut fred = Imap::login(&lab.master, "fred");
    for number in 1..=10 {
        append(&mut fred, "INBOX", &format!("message {number}"));
        assert!(Lmtp::connect(&lab.master).deliver("fred", &message(&number.to_string())).is_ok());
    }
    fred.ok("CREATE INBOX.New");
    fred.ok("RENAME INBOX.New INBOX.Newer");
    assert_eq!(Sieve::login(&lab.master, "fred").put("main", "keep;\r\n").0, Status::Ok);
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn only_one_client_works_on_a_channel() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    let pid = running.pid();
    let second = ours(&lab, &["-1"]);
    assert_eq!(second.status.code(), Some(75), "{second}");
    assert!(second.stderr.contains(&format!("process {pid} already works on it")), "{second}");
    stop(running);
    ours(&lab, &["-1"]).ok();
}

#[test]
fn the_shutdown_file_ends_the_client_and_is_removed() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let file = lab.master.scratch().join("shutdown");
    let path = file.display().to_string();
    let running = rolling(&lab, &["-F", &path]);
    fs::write(&file, "").expect("own directory");
    let run = running.wait();
    assert_eq!((run.status.code(), file.exists()), (Some(0), false), "{run}");
    // The file also ends a client that waits for an unreachable replica.
    lab.replica.stop_server();
    lab.master.set_config("sync_shutdown_file", Some(&path));
    let waiting = until(start_ours(&lab, &["-R"]), |so_far| so_far[1].contains("retrying in 15"));
    fs::write(&file, "").expect("own directory");
    let run = waiting.wait();
    assert_eq!((run.status.code(), file.exists()), (Some(0), false), "{run}");
}

#[test]
fn after_an_outage_sighup_makes_the_client_replicate_at_once() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    lab.replica.stop_server();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "while it is away");
    let running = until(running, |so_far| so_far[1].contains("retrying in 15 seconds"));
    assert!(log(&lab).with_file_name("log-run").exists(), "nothing is lost");
    lab.replica.start_server();
    running.signal(libc::SIGHUP);
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn a_client_that_never_connects_keeps_an_earlier_work_file() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let work = log(&lab).with_file_name("log-run");
    fs::rename(log(&lab), &work).expect("the log of the creation");
    let left = fs::read(&work).expect("own file");
    lab.replica.stop_server();
    // The first client ends by itself, the second one by SIGTERM.
    let run = ours(&lab, &["-R", "-o"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert_eq!(fs::read(&work).expect("it is there"), left);
    stop(until(start_ours(&lab, &["-R"]), |so_far| so_far[1].contains("retrying in 15")));
    assert_eq!(fs::read(&work).expect("it is there"), left);
    lab.replica.start_server();
    stop(rolling(&lab, &[]));
    assert_equal(&lab);
}

#[test]
fn failed_and_locked_users_stay_in_the_log_and_stop_no_other_user() {
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.bert", "user.carl", "user.dora"]);
    replicate(&lab, &["-A"]);
    let running = rolling(&lab, &[]);
    let skip = lab.master.config_dir().join("sync/skipuser-carl");
    fs::write(&skip, "").expect("own directory");
    let holder = Holder::of(&lab, "*S*127^0^0^1*bert.lock");
    let mut intact = Vec::new();
    // Stop the client, so that it replicates nothing before the damage.
    running.signal(libc::SIGSTOP);
    for user in ["anna", "bert", "carl", "dora"] {
        append(&mut Imap::login(&lab.master, user), "INBOX", "first");
        if user == "anna" {
            intact = fs::read(message_file(&lab.master, "user.anna", 1)).expect("own file");
            fs::write(message_file(&lab.master, "user.anna", 1), "nonsense").expect("own file");
        }
    }
    running.signal(libc::SIGCONT);
    let running = until(running, |so_far| {
        ["USER anna", "MAILBOX user.bert", "MAILBOX user.carl"]
            .iter()
            .all(|item| so_far[2].contains(&format!("left for later: items=<{item}>")))
            && so_far[0].contains("MAILBOX user.dora\n")
    });
    append(&mut Imap::login(&lab.master, "dora"), "INBOX", "dora goes on");
    let running = until(running, |so_far| so_far[0].matches("MAILBOX user.dora\n").count() >= 2);
    let running = until_done(running, &lab, "user.dora");
    let left = differing(&lab);
    assert!(left.iter().all(|path| !path.contains("dora")), "{left:#?}");
    let work = fs::read_to_string(log(&lab).with_file_name("log-run")).expect("it is there");
    for item in ["USER anna\n", "MAILBOX user.bert\n", "MAILBOX user.carl\n"] {
        assert!(work.contains(item), "{work}");
    }
    assert!(running.so_far()[2].contains("skipuser-carl"));
    drop(holder);
    fs::remove_file(skip).expect("own file");
    fs::write(message_file(&lab.master, "user.anna", 1), intact).expect("own file");
    running.signal(libc::SIGHUP);
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

/// Makes random changes while a client rolls, and calls `disturb` after each group of changes.
/// Afterwards both sides must be equal.
fn soak(seed: u64, disturb: impl Fn(Running, &mut Lab, u64) -> Running) {
    let mut lab = Lab::new(Options { conversations: true, ..Options::default() });
    lab.master.set_config("sync_repeat_interval", Some("0"));
    let mut running = start_ours(&lab, &["-R"]);
    for lot in 0..6 {
        let mut world = World::new(&lab.master, seed * 100 + lot);
        for _ in 0..40 {
            world.step();
        }
        drop(world);
        running = disturb(running, &mut lab, lot);
    }
    let running = drained(running, &lab);
    tools::quota_complaints(&lab.master);
    stop(running);
    // Compare everything, except the modseqs of quota roots.
    ours(&lab, &["-A"]).ok();
    tools::quota_complaints(&lab.replica);
    let left: Vec<String> =
        differing(&lab).into_iter().filter(|path| !path.ends_with(" MODSEQ")).collect();
    assert_eq!(left, [""; 0], "seed {seed}");
}

#[test]
fn random_changes_are_replicated() {
    soak(1, |running, _, _| running);
}

#[test]
fn a_client_that_is_killed_again_and_again_loses_nothing() {
    soak(2, |running, lab, _| {
        running.signal(libc::SIGKILL);
        running.wait();
        start_ours(lab, &["-R"])
    });
}

#[test]
fn a_replica_that_is_restarted_again_and_again_misses_nothing() {
    soak(3, |running, lab, _| {
        lab.replica.stop_server();
        lab.replica.start_server();
        running.signal(libc::SIGHUP);
        running
    });
}
