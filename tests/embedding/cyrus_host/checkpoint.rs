//! Tests services of Cyrus that replicate each change before they answer the user. A real Cyrus
//! master process starts them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use cyrsync_lab::{Imap, Lab, Lmtp, Options, tools};

use super::build::program;
use super::client::another_client;
use super::filled::{append, embedded, filled, subjects};

pub fn options() -> Options {
    Options { conversations: true, ..Options::default() }
}

/// Starts a master and a replica with equal contents. The master's services then log each change
/// for immediate replication on the channel `now`, which no client reads.
pub fn equal(options: Options) -> Lab {
    let lab = filled(options);
    embedded(&lab, &["-A"]).ok();
    lab.master.set_config("sync_rightnow_channel", Some("now"));
    lab
}

/// Waits until `is_so` returns true. Used where no event announces this.
#[track_caller]
fn wait_until(lab: &Lab, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: {}", lab.master.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A connection to our test service checkpointd (`cyrus-host/service`).
pub struct Service {
    input: BufReader<UnixStream>,
}

impl Service {
    /// Adds the service to cyrus.conf and restarts the master.
    pub fn added(lab: &mut Lab, idle_seconds: u32) {
        let (socket, conf) = (Service::socket(lab), lab.master.imapd_conf());
        let command = program(&lab.master, "checkpointd");
        let command = format!("{} -C {} -i {idle_seconds}", command.display(), conf.display());
        let command = format!("{command}\" listen=\"{}\" prefork=\"0", socket.display());
        lab.master.add_entry("SERVICES", "checkpoint", &command);
        lab.master.stop_server();
        lab.master.start_server();
    }

    fn socket(lab: &Lab) -> std::path::PathBuf {
        lab.master.config_dir().join("socket/checkpoint")
    }

    pub fn connect(lab: &Lab) -> Service {
        let stream = UnixStream::connect(Service::socket(lab)).expect("the master listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        let mut service = Service { input: BufReader::new(stream) };
        let greeting = service.answer(lab);
        assert_eq!(greeting, "OK checkpointd ready");
        service
    }

    fn answer(&mut self, lab: &Lab) -> String {
        let mut line = String::new();
        self.input.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "it ended: {}", lab.master.log());
        line.trim_end().to_owned()
    }

    pub fn say(&mut self, lab: &Lab, command: &str) -> String {
        let stream = self.input.get_mut();
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("it listens");
        self.answer(lab)
    }
}

/// Sends a command and asserts that the service answers OK.
#[track_caller]
pub fn does(service: &mut Service, lab: &Lab, command: &str) {
    let answer = service.say(lab, command);
    assert_eq!(answer, "OK", "{command}: {}", lab.master.log());
}

/// Returns how many times a client has logged in to the replica's csync port.
fn logins(lab: &Lab) -> usize {
    let log = lab.replica.log();
    log.lines().filter(|line| line.contains("login: ") && line.contains(" repl ")).count()
}

/// Returns the number of open connections to the replica's csync port.
fn connections(lab: &Lab) -> usize {
    let port = format!(":{:04X}", lab.replica.csync_port());
    let all = fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let words = all.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words[2].ends_with(&port) && words[3] == "01").count()
}

pub fn flags_on_replica(lab: &Lab, uid: u32) -> String {
    let mut imap = Imap::login(&lab.replica, "paula").with_selected("INBOX");
    imap.ok(&format!("UID FETCH {uid} FLAGS")).lines().join(" ")
}

#[test]
fn a_service_answers_when_the_replica_has_the_change() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let before = logins(&lab);
    let mut service = Service::connect(&lab);
    assert!(!flags_on_replica(&lab, 2).contains("\\Flagged"));
    does(&mut service, &lab, "FLAG user.paula 2");
    assert!(flags_on_replica(&lab, 2).contains("\\Flagged"), "{}", lab.master.log());
    append(&lab.master, "paula", "INBOX", "three");
    does(&mut service, &lab, "MAILBOX user.paula");
    assert!(subjects(&lab.replica, "paula").contains(&"three".to_owned()));
    assert_eq!(logins(&lab), before + 1, "one connection for all: {}", lab.replica.log());
    assert!(service.say(&lab, "FLAG user.nobody 1").starts_with("NO "));
    assert!(service.say(&lab, "DANCE").starts_with("NO "));
}

#[test]
fn a_service_repairs_what_both_sides_changed() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    append(&lab.master, "paula", "INBOX", "from the master");
    append(&lab.replica, "paula", "INBOX", "from the replica");
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "FLAG user.paula 2");
    let all = ["from the master", "from the replica", "one", "two"];
    assert_eq!(subjects(&lab.master, "paula"), all);
    assert_eq!(subjects(&lab.replica, "paula"), all);
    assert!(flags_on_replica(&lab, 2).contains("\\Flagged"));
    // The repair also writes to the master. The service must not log this write for replication.
    let log = lab.master.log();
    assert!(!log.contains("checkpointd: SYNCNOTICE: rightnow log leaked"), "{log}");
    // Cyrus's imapd does not call sync_checkpoint() after an APPEND that answers with a UID.
    assert!(log.contains("imap: SYNCNOTICE: rightnow log leaked APPEND user.paula"), "{log}");
    for cyrus in [&lab.master, &lab.replica] {
        let pattern = cyrus.admin_name("user.*");
        assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{}", cyrus.name());
    }
}

#[test]
fn sync_checkpoint_calls_our_engine_in_a_service_linked_with_it() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "STORE user.paula 2");
    assert!(flags_on_replica(&lab, 2).contains("\\Flagged"), "{}", lab.master.log());
    // The user gets the same answer when the replica is down, as with Cyrus's own function.
    lab.replica.stop_server();
    does(&mut service, &lab, "STORE user.paula 1");
    assert!(lab.master.log().contains("SYNCERROR sync_rightnow: "), "{}", lab.master.log());
}

#[test]
fn an_idle_connection_is_closed_and_reopened() {
    let mut lab = equal(options());
    Service::added(&mut lab, 1);
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "FLAG user.paula 2");
    let made = logins(&lab);
    wait_until(&lab, "the connection is kept", || connections(&lab) == 0);
    does(&mut service, &lab, "MAILBOX user.paula");
    assert_eq!(logins(&lab), made + 1);
    // A new client of the service gets a new connection to the replica.
    drop(service);
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "MAILBOX user.paula");
}

#[test]
fn an_unreachable_replica_does_not_block_the_service() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    lab.replica.stop_server();
    assert_eq!(service.say(&lab, "FLAG user.paula 2"), "LATER");
    assert!(lab.master.log().contains("SYNCERROR sync_rightnow: "), "{}", lab.master.log());
    lab.replica.start_server();
    // The next change also replicates the missing change.
    does(&mut service, &lab, "FLAG user.paula 1");
    assert!(flags_on_replica(&lab, 2).contains("\\Flagged"));
    // If the replica closed the connection, the service connects again without an error.
    lab.replica.stop_server();
    lab.replica.start_server();
    append(&lab.master, "paula", "INBOX", "three");
    does(&mut service, &lab, "MAILBOX user.paula");
    assert_eq!(subjects(&lab.replica, "paula"), ["one", "three", "two"]);
}

/// Returns the processes whose command lines contain all of these words.
fn processes(words: &[&str]) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("Linux has it").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let runs = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        words.iter().all(|word| line.contains(word))
    };
    pids.filter(runs).collect()
}

fn signal(pids: &[u32], name: &str) {
    for pid in pids {
        // The shell's own `kill`: a minimal machine has no program of this name. The process may have
        // ended.
        let status = Command::new("sh").args(["-c", &format!("kill {name} {pid}")]).status();
        status.expect("a shell is there");
    }
}

#[test]
fn sigterm_ends_the_wait_for_a_silent_replica() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "FLAG user.paula 2");
    let imapd_conf = lab.replica.imapd_conf().display().to_string();
    let silent = processes(&["sync_server", &imapd_conf]);
    assert!(!silent.is_empty());
    signal(&silent, "-STOP");
    service.input.get_mut().write_all(b"FLAG user.paula 1\r\n").expect("it listens");
    let mut imap = Imap::login(&lab.master, "paula").with_selected("INBOX");
    wait_until(&lab, "the flag is not set", || {
        imap.ok("UID FETCH 1 FLAGS").lines().join(" ").contains("\\Flagged")
    });
    // The change is made, so the service replicates it now, or in a moment. No event tells which.
    let imapd_conf = lab.master.imapd_conf().display().to_string();
    let stream = service.input.get_ref();
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
    let mut answer = String::new();
    wait_until(&lab, "the service does not answer", || {
        signal(&processes(&["checkpointd", &imapd_conf]), "-TERM");
        let _ = service.input.read_line(&mut answer);
        answer.ends_with('\n')
    });
    assert_eq!(answer.trim_end(), "LATER", "{}", lab.master.log());
    signal(&silent, "-CONT");
}

#[test]
fn a_change_that_another_client_has_locked_stays_in_the_channels_log() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    let mut holder = another_client(&lab);
    assert_eq!(service.say(&lab, "FLAG user.paula 2"), "LATER");
    let reported = "entries are locked by others, and wait in the log of the channel";
    assert!(lab.master.log().contains(reported), "{}", lab.master.log());
    let log = lab.master.config_dir().join("sync/now/log");
    let waits = fs::read_to_string(&log).expect("it waits there");
    assert!(waits.contains("user.paula"), "{waits}");
    assert!(!flags_on_replica(&lab, 2).contains("\\Flagged"));
    drop(holder.stdin.take());
    let _ = holder.wait();
    embedded(&lab, &["-n", "now", "-1"]).ok();
    assert!(flags_on_replica(&lab, 2).contains("\\Flagged"));
    assert!(!log.exists());
}

#[test]
fn nothing_is_replicated_while_the_process_has_a_mailbox_open() {
    waits_while_open(options());
}

/// Tests a service that has a mailbox open when it calls `sync_checkpoint()`.
pub fn waits_while_open(options: Options) {
    let mut lab = equal(options);
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    append(&lab.master, "paula", "INBOX", "three");
    append(&lab.replica, "paula", "INBOX", "from the replica");
    assert_eq!(service.say(&lab, "OPEN user.paula"), "LATER", "{}", lab.master.log());
    let reported = "this process has a mailbox open, so its changes wait in the log of the channel";
    assert!(lab.master.log().contains(reported), "{}", lab.master.log());
    let log = lab.master.config_dir().join("sync/now/log");
    let waits = fs::read_to_string(log).expect("it waits there");
    assert!(waits.lines().any(|line| line == "MAILBOX user.paula"), "{waits}");
    // Other mailboxes wait too.
    assert_eq!(service.say(&lab, "MAILBOX shared"), "LATER", "{}", lab.master.log());
    does(&mut service, &lab, "CLOSE user.paula");
    let all = ["from the replica", "one", "three", "two"];
    assert_eq!(subjects(&lab.replica, "paula"), all, "{}", lab.master.log());
    assert_eq!(subjects(&lab.master, "paula"), all);
}

#[test]
fn debians_imapd_and_lmtpd_replicate_with_the_engine_before_they_answer() {
    cyrus_itself(options());
}

/// Tests Debian's unmodified imapd and lmtpd, which preload the library. No client runs.
pub fn cyrus_itself(options: Options) {
    let mut lab = equal(options);
    let library = program(&lab.master, "libcyrsync_cyrus.so");
    lab.master.preload("imapd", &library);
    lab.master.preload("lmtpd", &library);
    lab.master.stop_server();
    lab.master.start_server();
    let mut imap = Imap::login(&lab.master, "paula").with_selected("INBOX");
    imap.ok("UID STORE 2 +FLAGS (\\Answered)");
    assert!(flags_on_replica(&lab, 2).contains("\\Answered"), "{}", lab.master.log());
    imap.ok("UID STORE 2 -FLAGS (\\Answered)");
    assert!(!flags_on_replica(&lab, 2).contains("\\Answered"), "{}", lab.master.log());
    let message = b"From: a@example.org\r\nSubject: by mail\r\n\r\nHello.\r\n";
    Lmtp::connect(&lab.master).deliver("paula", message).expect("it is taken");
    assert_eq!(subjects(&lab.replica, "paula"), ["by mail", "one", "two"]);
    // lmtpd and imapd repair a mailbox that was changed on both sides.
    append(&lab.replica, "paula", "INBOX", "from the replica");
    Lmtp::connect(&lab.master).deliver("paula", &message.repeat(2)).expect("it is taken");
    let log = lab.master.log();
    let all = ["by mail", "by mail", "from the replica", "one", "two"];
    assert_eq!(subjects(&lab.master, "paula"), all, "{log}");
    assert_eq!(subjects(&lab.replica, "paula"), all, "{log}");
    append(&lab.replica, "paula", "INBOX", "one more");
    imap.ok("UID STORE 2 +FLAGS (\\Answered)");
    let all = ["by mail", "by mail", "from the replica", "one", "one more", "two"];
    assert_eq!(subjects(&lab.master, "paula"), all, "{}", lab.master.log());
    // The log must show that our library replicated in each service, and not Cyrus's own code.
    for service in ["imap", "lmtpunix"] {
        let said = format!("cyrus/{service}: cyrsync replicates the changes of this process");
        assert!(log.contains(&said), "{said}: {log}");
    }
}
