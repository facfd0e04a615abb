//! Services of Cyrus, started by a real master, replicate a change before they answer.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use cyrsync_lab::{Imap, Lab, Lmtp, Options, tools};

use crate::build::program;
use crate::client::another_client;
use crate::filled::{append, embedded, filled, subjects};

pub fn options() -> Options {
    Options { conversations: true, ..Options::default() }
}

/// A master and its replica, which are equal. What changes there from now on is to be replicated at
/// once, by a channel that no client rolls.
pub fn equal(options: Options) -> Lab {
    let lab = filled(options);
    embedded(&lab, &["-A"]).ok();
    lab.master.set_config("sync_rightnow_channel", Some("now"));
    lab
}

/// Waits for something that nobody announces.
#[track_caller]
fn wait_until(lab: &Lab, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: {}", lab.master.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A connection to the service of `cyrus-host/service`.
pub struct Service {
    input: BufReader<UnixStream>,
}

impl Service {
    /// Adds it to cyrus.conf, and starts the master again.
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

/// The service obeys, and the replica has it.
#[track_caller]
pub fn does(service: &mut Service, lab: &Lab, command: &str) {
    let answer = service.say(lab, command);
    assert_eq!(answer, "OK", "{command}: {}", lab.master.log());
}

/// How often a client logged in to the replica's csync port.
fn logins(lab: &Lab) -> usize {
    let log = lab.replica.log();
    log.lines().filter(|line| line.contains("login: ") && line.contains(" repl ")).count()
}

/// How many connections to the replica's csync port there are.
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
    // The repair wrote to this server. Its own change must not be replicated once more.
    let log = lab.master.log();
    assert!(!log.contains("checkpointd: SYNCNOTICE: rightnow log leaked"), "{log}");
    // Cyrus's imapd does not call sync_checkpoint() after an APPEND that has a UID for an answer.
    assert!(log.contains("imap: SYNCNOTICE: rightnow log leaked APPEND user.paula"), "{log}");
    for cyrus in [&lab.master, &lab.replica] {
        let pattern = cyrus.admin_name("user.*");
        assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{}", cyrus.name());
    }
}

#[test]
fn calls_of_sync_checkpoint_come_to_the_engine_where_a_service_is_linked_with_it() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "STORE user.paula 2");
    assert!(flags_on_replica(&lab, 2).contains("\\Flagged"), "{}", lab.master.log());
    // As with Cyrus's own function the user gets the same answer when the replica is away.
    lab.replica.stop_server();
    does(&mut service, &lab, "STORE user.paula 1");
    assert!(lab.master.log().contains("SYNCERROR sync_rightnow: "), "{}", lab.master.log());
}

#[test]
fn a_connection_that_has_nothing_to_do_is_closed_and_made_again() {
    let mut lab = equal(options());
    Service::added(&mut lab, 1);
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "FLAG user.paula 2");
    let made = logins(&lab);
    wait_until(&lab, "the connection is kept", || connections(&lab) == 0);
    does(&mut service, &lab, "MAILBOX user.paula");
    assert_eq!(logins(&lab), made + 1);
    // Nor is it kept for a user who left.
    drop(service);
    let mut service = Service::connect(&lab);
    does(&mut service, &lab, "MAILBOX user.paula");
}

#[test]
fn a_replica_that_cannot_be_reached_holds_up_nobody() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    lab.replica.stop_server();
    assert_eq!(service.say(&lab, "FLAG user.paula 2"), "LATER");
    assert!(lab.master.log().contains("SYNCERROR sync_rightnow: "), "{}", lab.master.log());
    lab.replica.start_server();
    // The next change brings what is missing with it.
    does(&mut service, &lab, "FLAG user.paula 1");
    assert!(flags_on_replica(&lab, 2).contains("\\Flagged"));
    // A connection that the replica ended is no failure: it is made again.
    lab.replica.stop_server();
    lab.replica.start_server();
    append(&lab.master, "paula", "INBOX", "three");
    does(&mut service, &lab, "MAILBOX user.paula");
    assert_eq!(subjects(&lab.replica, "paula"), ["one", "three", "two"]);
}

#[test]
fn what_another_client_has_locked_waits_in_the_log_of_the_channel() {
    let mut lab = equal(options());
    Service::added(&mut lab, 30);
    let mut service = Service::connect(&lab);
    let mut holder = another_client(&lab);
    assert_eq!(service.say(&lab, "FLAG user.paula 2"), "LATER");
    let told = "entries are locked by others, and wait in the log of the channel";
    assert!(lab.master.log().contains(told), "{}", lab.master.log());
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
fn debians_own_imapd_and_lmtpd_replicate_with_the_engine_before_they_answer() {
    cyrus_itself(options());
}

/// Cyrus's services as they are, with the library preloaded. No client runs.
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
    // What both sides changed is repaired, by imapd too.
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
    // In each service the engine replicated, not Cyrus's own code.
    for service in ["imap", "lmtpunix"] {
        let said = format!("cyrus/{service}: cyrsync replicates what this process changes");
        assert!(log.contains(&said), "{said}: {log}");
    }
}
