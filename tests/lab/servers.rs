//! Tests the lab itself: it sets up, fills, changes and compares real servers, with Cyrus's own
//! sync_client as the client, and leaves nothing behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cyrsync_lab::fill::{Bulk, Filler};
use cyrsync_lab::{
    Imap, Lab, Lmtp, Options, Proxy, Sieve, Status, SyncServer, Value, another_replica, compare,
    cyrus_sync_client, describe, places, random_changes, tools,
};

/// Replicates with Cyrus's client and asserts that both servers are equal.
#[track_caller]
fn replicate(lab: &Lab) {
    cyrus_sync_client(&lab.master, &["-A", "-v"]).ok();
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

/// Returns the paths in which the two servers differ.
fn paths(lab: &Lab) -> Vec<String> {
    compare(&lab.master, &lab.replica).into_iter().map(|d| d.path).collect()
}

/// Starts a lab with one message in fred's INBOX, which is replicated.
fn one_message() -> Lab {
    let lab = Lab::default();
    Imap::admin(&lab.master).ok("CREATE user.fred");
    let mut fred = Imap::login(&lab.master, "fred");
    assert!(fred.append("INBOX", "\\Seen", b"Subject: one\r\n\r\nHello\r\n").is_ok());
    replicate(&lab);
    lab
}

#[test]
fn a_filled_master_replicates_without_difference() {
    let lab = Lab::default();
    Filler::new(&lab.master, 1).bulk(Bulk { users: 2, folders: 3, messages: 60, seed: 1 });
    assert!(!compare(&lab.master, &lab.replica).is_empty());
    replicate(&lab);
    for server in [&lab.master, &lab.replica] {
        assert_eq!(tools::reconstruct_complaints(server, "*"), [""; 0]);
        assert_eq!(tools::quota_complaints(server), [""; 0]);
    }
}

#[test]
fn every_kind_of_change_reaches_the_replica_and_the_oracle() {
    let lab = Lab::new(Options { conversations: true, ..Options::modern() });
    let master = &lab.master;
    let mut admin = Imap::admin(master);
    for mailbox in ["user/fred", "user/an.na", "lists"] {
        admin.ok(&format!("CREATE {mailbox}"));
    }
    admin.ok("SETQUOTA user/fred (STORAGE 1000 MESSAGE 100 X-NUM-FOLDERS 9)");
    replicate(&lab);

    let mut fred = Imap::login(master, "fred");
    let changes: [(&str, &mut dyn FnMut()); 8] = [
        ("user.fred RECORD 1 GUID", &mut || {
            let taken = Lmtp::connect(master).deliver("fred", b"Subject: two\r\n\r\nHi\r\n");
            assert!(taken.is_ok(), "{taken:?}");
        }),
        ("user.fred RECORD 1 FLAGS", &mut || {
            fred.ok("SELECT INBOX");
            assert!(fred.uid_store("1", "+FLAGS (\\Flagged $Work)").is_ok());
        }),
        ("user.fred RECORD 1 ANNOTATION /comment fred VALUE", &mut || {
            let stored = Imap::login(master, "fred").with_selected("INBOX").annotate_messages(
                "1",
                "/comment",
                true,
                Some(b"mine"),
            );
            assert!(stored.is_ok());
        }),
        ("user.fred ANNOTATION /comment  VALUE", &mut || {
            let mut session = Imap::login(master, "fred");
            assert!(session.set_metadata("INBOX", "/shared/comment", Some(b"ours")).is_ok());
        }),
        ("USER fred LSUB user.fred.Sent", &mut || {
            let mut session = Imap::login(master, "fred");
            session.ok("CREATE Sent");
            session.ok("SUBSCRIBE Sent");
        }),
        ("USER fred SIEVE main.script GUID", &mut || {
            let mut sieve = Sieve::login(master, "fred");
            assert_eq!(sieve.put("main", "keep;\r\n").0, Status::Ok);
            assert_eq!(sieve.activate("main").0, Status::Ok);
        }),
        ("QUOTA user.fred STORAGE", &mut || {
            Imap::admin(master).ok("SETQUOTA user/fred (STORAGE 2000)");
        }),
        ("mailboxes.db N user.an^na.v1^2 I", &mut || {
            Imap::login(master, "an.na").ok("CREATE v1.2");
        }),
    ];
    for (expected, change) in changes {
        change();
        let found = paths(&lab);
        assert!(found.iter().any(|p| p == expected), "{expected} is not among {found:#?}");
        replicate(&lab);
    }
}

#[test]
fn another_users_seen_state_is_compared() {
    let lab = one_message();
    Imap::admin(&lab.master).ok("CREATE user.anna");
    Imap::login(&lab.master, "fred").ok("SETACL INBOX anna lrs");
    let mut anna = Imap::login(&lab.master, "anna");
    anna.ok("SELECT user.fred");
    anna.ok("STORE 1 +FLAGS (\\Seen)");
    anna.ok("UNSELECT");
    assert!(paths(&lab).iter().any(|p| p.starts_with("USER anna SEEN ")));
    replicate(&lab);
}

#[test]
fn a_flag_changed_on_the_replica_is_found_and_nothing_else() {
    let lab = one_message();
    // Change the flag through the replication server with the record's own modseq. So only the flag
    // differs.
    let mut server = SyncServer::spawn(&lab.replica);
    let items = server.get("FULLMAILBOX", &Value::text("user.fred")).ok();
    let Value::Keyed(mut fields) = items.into_iter().next().expect("one mailbox").1 else {
        panic!("a mailbox is a keyed list");
    };
    for (key, value) in &mut fields {
        if key == "SYNC_CRC" {
            *value = Value::number(0);
        }
        if let ("RECORD", Value::List(records)) = (key.as_str(), &mut *value)
            && let Some(Value::Keyed(record)) = records.first_mut()
        {
            let flags = record.iter_mut().find(|(key, _)| key == "FLAGS").expect("flags");
            flags.1 = Value::texts(["\\Answered"]);
        }
    }
    server.apply("FORCE", &Value::Nil);
    server.apply("MAILBOX", &Value::Keyed(fields)).ok();
    drop(server);
    let found = compare(&lab.master, &lab.replica);
    let flags = found.iter().find(|d| d.path == "user.fred RECORD 1 FLAGS").expect("the flags");
    assert_eq!(
        flags.to_string(),
        "user.fred RECORD 1 FLAGS: master (\\\\Seen) replica (\\\\Answered)"
    );
    let expected = ["user.fred RECORD 1 FLAGS", "user.fred SYNC_CRC"];
    assert_eq!(paths(&lab), expected, "{}", describe(&found, 9));
}

#[test]
fn a_damaged_message_file_on_the_replica_is_found_and_nothing_else() {
    let lab = one_message();
    let [file, _] = places::place(&lab.replica, "user.fred").message(1);
    let mut bytes = fs::read(&file).expect("the message is there");
    bytes[20] ^= 1;
    fs::write(&file, bytes).expect("own file");
    assert_eq!(paths(&lab), ["user.fred RECORD 1 FILE"]);
    fs::remove_file(&file).expect("own file");
    assert_eq!(paths(&lab), ["user.fred RECORD 1 FILE"]);
}

#[test]
fn changes_at_random_replicate_without_difference() {
    for (seed, options) in [(11, Options::default()), (12, Options::modern())] {
        let lab = Lab::new(options);
        let done = random_changes(&lab.master, seed, 80);
        assert!(done.len() >= 80);
        replicate(&lab);
    }
}

#[test]
fn the_same_seed_makes_the_same_changes() {
    let done = [1, 2].map(|_| random_changes(&Lab::default().master, 5, 25));
    assert_eq!(done[0], done[1]);
}

#[test]
fn servers_stop_and_start_again_on_the_same_spool() {
    let mut lab = one_message();
    lab.master.stop_server();
    assert!(std::net::TcpStream::connect(("127.0.0.1", lab.master.imap_port())).is_err());
    replicate(&lab); // sync_client needs no daemon on the master
    lab.master.start_server();
    assert_eq!(Imap::admin(&lab.master).list("*"), ["user.fred"]);
}

#[test]
fn message_files_in_the_replicas_archive_are_compared() {
    let lab = Lab::new(Options { archive_on_replica: true, ..Options::default() });
    Filler::new(&lab.master, 3).mailbox("user.fred", 30);
    replicate(&lab);
    let archived = Command::new("find")
        .arg(lab.replica.archive_dir("default"))
        .args(["-name", "[0-9]*."])
        .output()
        .expect("find runs");
    assert!(!archived.stdout.is_empty(), "nothing was archived");
}

#[test]
fn a_second_replica_starts_empty() {
    let lab = one_message();
    let second = another_replica(&lab, "second-replica", &Options::default());
    assert!(!compare(&lab.master, &second).is_empty());
    lab.master.use_replica(&second);
    cyrus_sync_client(&lab.master, &["-A"]).ok();
    assert_eq!(describe(&compare(&lab.master, &second), 9), "0 differences\n");
}

#[test]
fn a_proxy_records_the_clients_commands_and_cuts_the_connection() {
    let lab = one_message();
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::from_millis(2), true);
    lab.master.use_port(proxy.port());
    cyrus_sync_client(&lab.master, &["-v", "-u", "fred"]).ok();
    let commands = proxy.commands();
    assert!(commands.iter().any(|c| c == "GET USER"), "{commands:?}");
    assert!(!commands.iter().any(|c| c == "APPLY MAILBOX"), "{commands:?}");
    let traffic = proxy.traffic();
    assert_eq!(traffic.connections, 1);
    assert_eq!(traffic.sent, proxy.transcript().len() as u64);

    proxy.reset();
    proxy.cut_after(traffic.sent - 20);
    let cut = cyrus_sync_client(&lab.master, &["-v", "-u", "fred"]);
    assert!(!cut.status.success(), "{cut}\n{:?}", proxy.commands());
}

#[test]
fn the_output_and_log_of_a_program_are_kept_with_its_run() {
    let lab = one_message();
    let run = cyrus_sync_client(&lab.master, &["-v", "-u", "fred"]).ok();
    assert!(run.stdout.lines().any(|l| l == "USER fred"), "{run}");
    assert!(run.log.contains("INFO cyrus/sync_client: Destination supports #sieve"), "{run}");
    let log = lab.replica.log();
    assert!(log.contains("login: localhost [127.0.0.1] repl"), "{log}");
}

/// Kills a second process of this test while its lab runs, and waits until the lab's directory and
/// processes are gone.
#[test]
fn nothing_stays_when_the_test_process_is_killed() {
    const TWIN: &str = "CYRSYNC_LAB_TWIN";
    let own_name = "servers::nothing_stays_when_the_test_process_is_killed";
    if std::env::var_os(TWIN).is_some() {
        let lab = Lab::default();
        println!("\nlab {}", lab.dir().display());
        std::io::Write::flush(&mut std::io::stdout()).expect("stdout");
        std::thread::sleep(Duration::from_secs(600)); // killed long before
        return;
    }
    let mut twin = Command::new(std::env::current_exe().expect("own path"))
        .args(["--exact", own_name, "--nocapture"])
        .env(TWIN, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("own program starts");
    let stdout = std::io::BufReader::new(twin.stdout.take().expect("piped"));
    let mut lines = std::io::BufRead::lines(stdout).map_while(Result::ok);
    let dir = lines.find_map(|l| l.strip_prefix("lab ").map(str::to_owned)).expect("a lab");
    assert!(!processes_with(&dir).is_empty());
    twin.kill().expect("own child");
    twin.wait().expect("own child");
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while Path::new(&dir).exists() || !processes_with(&dir).is_empty() {
        assert!(std::time::Instant::now() < deadline, "{dir}: {:?}", processes_with(&dir));
        std::thread::sleep(Duration::from_millis(10)); // no process is left that could notify us
    }
}

/// Returns the command lines of processes that contain `text`, without zombies.
fn processes_with(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = entries.filter_map(|e| fs::read(e.path().join("cmdline")).ok());
    let lines = lines.map(|l| String::from_utf8_lossy(&l).replace('\0', " "));
    lines.filter(|l| l.contains(text) && !l.contains("rm -rf")).collect()
}
