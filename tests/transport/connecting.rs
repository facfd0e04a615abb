//! Tests the default ports, addresses that do not answer, and host names with several addresses.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use cyrsync_lab::run::start_sync_client;
use cyrsync_lab::{Imap, Lab};
use socket2::{Domain, Socket, Type};

use crate::apart;
use crate::common::{OURS, assert_equal, fill, lab, ours, sent, set};

const LOCALHOST: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// Time limit for any wait in these tests.
const SOON: Duration = Duration::from_secs(20);

/// Starts a lab whose replica has services on the default ports.
fn on_usual_ports(services: &[(&str, &str, &str)]) -> Lab {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    lab.replica.stop_server();
    for (name, program, listen) in services {
        lab.replica.add_service(name, program, listen);
    }
    lab.replica.start_server();
    set(&lab, &[("sync_port", ""), ("sync_try_imap", "yes")]);
    lab
}

#[test]
fn without_a_port_the_client_tries_imapd_then_sync_server() {
    let name = "connecting::without_a_port_the_client_tries_imapd_then_sync_server";
    if !apart::is_here(name, LOCALHOST) {
        return;
    }
    let csync = ("usualcsync", "sync_server", "127.0.0.1:2005");
    let lab = on_usual_ports(&[csync]);
    // No server listens on port 143.
    let run = ours(&lab, &["-v", "-v", "-u", "u0"]).ok();
    let reported = |run: &cyrsync_lab::Run, words: &[&str]| {
        run.log.lines().any(|line| words.iter().all(|word| line.contains(word)))
    };
    assert!(reported(&run, &["port 143 cannot be used for replication: ", "refused"]), "{run}");
    assert!(sent(&run, "APPLY MESSAGE"), "{run}");
    assert_equal(&lab);

    // A server on port 143 accepts the connection and sends nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 143)).unwrap();
    set(&lab, &[("client_timeout", "5s")]);
    append(&lab);
    let run = ours(&lab, &["-v", "-v", "-u", "u0"]).ok();
    assert!(
        reported(&run, &["port 143 cannot be used for replication: ", "client_timeout"]),
        "{run}"
    );
    assert!(sent(&run, "APPLY MESSAGE"), "{run}");
    assert_equal(&lab);
    drop(silent);

    // With `sync_try_imap: no` the client does not connect to port 143.
    set(&lab, &[("sync_try_imap", "no")]);
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 143)).unwrap();
    let run = ours(&lab, &["-v", "-v", "-u", "u0"]).ok();
    assert!(!run.log.contains("port 143"), "{run}");
    assert_equal(&lab);
    drop(silent);
}

#[test]
fn without_a_port_an_imapd_suffices() {
    if !apart::is_here("connecting::without_a_port_an_imapd_suffices", LOCALHOST) {
        return;
    }
    let lab = on_usual_ports(&[("usualimap", "imapd", "127.0.0.1:143")]);
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 2005)).unwrap();
    other.set_nonblocking(true).unwrap();
    let run = ours(&lab, &["-v", "-v", "-u", "u0"]).ok();
    assert!(sent(&run, "SYNCAPPLY MESSAGE"), "{run}");
    assert!(other.accept().is_err(), "nobody asks there: {run}");
    assert_equal(&lab);
}

fn append(lab: &Lab) {
    let mut imap = Imap::login(&lab.master, "u0");
    assert!(imap.append("INBOX", "", b"Subject: new\r\n\r\nnew\r\n").is_ok());
}

/// An address that does not answer. Its queue of connections is full, so the system drops new ones.
struct Deaf {
    listener: Socket,
    queue: Vec<Socket>,
}

impl Deaf {
    fn new(address: IpAddr, port: u16) -> Deaf {
        let address = SocketAddr::new(address, port);
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let mut deaf = Deaf { listener, queue: Vec::new() };
        while deaf.takes_another() {}
        // Close the last connection, which did not fit into the queue.
        deaf.queue.pop();
        deaf
    }

    fn takes_another(&mut self) -> bool {
        let address = self.listener.local_addr().unwrap();
        let socket = Socket::new(address.domain(), Type::STREAM, None).unwrap();
        let taken = socket.connect_timeout(&address, Duration::from_millis(300)).is_ok();
        self.queue.push(socket);
        assert!(self.queue.len() < 16, "the queue does not fill");
        taken
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().as_socket().unwrap().port()
    }

    /// Waits until another process tries to connect.
    fn wait_for_another(&self) {
        let target = format!(":{:04X} 02 ", self.port());
        let trying = || {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            table.lines().filter(|line| line.contains(&target)).count()
        };
        // The system sends no event for this, so check again.
        let deadline = Instant::now() + SOON;
        while trying() == 0 {
            assert!(Instant::now() < deadline, "nobody connects");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_connection_attempt_ends_by_the_timeout_and_by_sigterm() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let deaf = Deaf::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let place = format!("127.0.0.1:{}", deaf.port());
    set(&lab, &[("sync_host", &place), ("client_timeout", "1s")]);
    let begun = Instant::now();
    let run = ours(&lab, &["-u", "u0"]);
    assert!(begun.elapsed() < SOON, "{:?}: {run}", begun.elapsed());
    assert_eq!(run.status.code(), Some(1), "{run}");
    let lines: Vec<&str> = run.stderr.lines().filter(|line| line.contains("hint: ")).collect();
    let says = format!("connect to {place}: {place}: no answer for 1 seconds (client_timeout)");
    assert!(lines.len() == 1 && lines[0].contains(&says), "{says}: {run}");

    set(&lab, &[("client_timeout", "10m")]);
    let running = start_sync_client(OURS, &lab.master, &["-o", "-u", "u0"]);
    deaf.wait_for_another();
    running.signal(libc::SIGTERM);
    let run = running.wait_within(SOON).expect("it ends when it is asked to");
    assert_eq!(run.status.code(), Some(75), "{run}");
}

#[test]
fn rolling_obeys_while_it_connects() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let deaf = Deaf::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let place = format!("127.0.0.1:{}", deaf.port());
    set(&lab, &[("sync_host", &place), ("client_timeout", "10m")]);
    let file = lab.master.scratch().join("shutdown");
    let start = || {
        let args = ["-R", "-F", &file.display().to_string()];
        let running = start_sync_client(OURS, &lab.master, &args);
        deaf.wait_for_another();
        running
    };
    let running = start();
    fs::write(&file, "").expect("own directory");
    let run = running.wait_within(SOON).expect("the shutdown file ends it");
    assert_eq!((run.status.code(), file.exists()), (Some(0), false), "{run}");

    let running = start();
    running.signal(libc::SIGTERM);
    let run = running.wait_within(SOON).expect("it ends when it is asked to");
    assert_eq!(run.status.code(), Some(75), "{run}");

    // After SIGHUP the client connects to the server that imapd.conf names now.
    let mut running = start();
    set(&lab, &[("sync_host", &format!("127.0.0.1:{}", lab.replica.csync_port()))]);
    running.signal(libc::SIGHUP);
    let deadline = Instant::now() + SOON;
    while !running.so_far()[2].contains("starting over") {
        assert!(Instant::now() < deadline, "{:?}", running.so_far());
        running = running.wait_within(Duration::from_millis(10)).expect_err("it continues");
    }
    running.signal(libc::SIGTERM);
    running.wait_within(SOON).expect("it ends when it is asked to");
}

#[test]
fn the_second_address_of_a_name_is_tried_when_the_first_does_not_answer() {
    let name = "connecting::the_second_address_of_a_name_is_tried_when_the_first_does_not_answer";
    // The system returns ::1 before 127.0.0.1 (RFC 6724).
    let hosts = format!("{LOCALHOST}::1 replica.two\n127.0.0.1 replica.two\n");
    if !apart::is_here(name, &hosts) {
        return;
    }
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let port = lab.replica.csync_port();
    let deaf = Deaf::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    set(&lab, &[("sync_host", "replica.two"), ("client_timeout", "5s")]);
    let begun = Instant::now();
    ours(&lab, &["-u", "u0"]).ok();
    assert!(begun.elapsed() > Duration::from_secs(5), "the first was tried: {:?}", begun.elapsed());
    assert_equal(&lab);

    // No server listens at either address. The error must name both.
    drop(deaf);
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    set(&lab, &[("sync_port", &gone.to_string())]);
    let run = ours(&lab, &["-u", "u0"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let says = [
        format!("connect to replica.two:{gone}: [::1]:{gone}: Connection refused"),
        format!("127.0.0.1:{gone}: Connection refused"),
    ];
    let line = run.stderr.lines().find(|line| line.contains("hint: ")).unwrap_or_default();
    assert!(says.iter().all(|words| line.contains(words)), "{run}");
}
