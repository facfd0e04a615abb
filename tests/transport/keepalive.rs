//! Tests `tcp_keepalive` and related options on the socket of our sync_client.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use cyrsync_lab::Lab;
use cyrsync_lab::run::start_sync_client;

use crate::common::{OURS, lab, set};

/// Returns the time until the system's next keepalive probe to `peer`, in hundredths of a second.
/// Returns `None` if it sends no probes.
fn probed_after(peer: &TcpStream) -> Option<u64> {
    let port = |address: std::net::SocketAddr| format!(":{:04X}", address.port());
    let (theirs, ours) = (port(peer.peer_addr().unwrap()), port(peer.local_addr().unwrap()));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row[1].ends_with(&theirs) && row[2].ends_with(&ours));
        let row = row.unwrap_or_else(|| panic!("{theirs} is not connected: {table}"));
        let (kind, when) = row[5].split_once(':').unwrap();
        // The system shows when it would send again, until it has processed our acknowledgement.
        if kind != "01" {
            return (kind == "02").then(|| u64::from_str_radix(when, 16).unwrap());
        }
        assert!(Instant::now() < deadline, "not acknowledged: {table}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs our client with these options, and calls [`probed_after`] once the client begins to log in.
fn connected(lab: &Lab, options: &[(&str, &str)]) -> Option<u64> {
    for option in ["tcp_keepalive", "tcp_keepalive_idle"] {
        set(lab, &[(option, "")]);
    }
    set(lab, options);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    set(lab, &[("sync_port", &listener.local_addr().unwrap().port().to_string())]);
    let running = start_sync_client(OURS, &lab.master, &["-o", "-u", "u0"]);
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"* SASL PLAIN\r\n* OK a Cyrus sync server 3.6.1\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(peer.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("AUTHENTICATE"), "{line}");
    let probed = probed_after(&peer);
    peer.write_all(b"NO enough\r\n").unwrap();
    drop(peer);
    assert_eq!(running.wait().status.code(), Some(1));
    probed
}

#[test]
fn keepalive_probes_follow_imapd_conf() {
    let lab = lab("PLAIN");
    let system = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_keepalive_time").unwrap();
    let system: u64 = system.trim().parse().unwrap();
    let about = |seconds: u64| seconds * 100 - 3000..=seconds * 100;
    let found = connected(&lab, &[]).expect("on by itself");
    assert!(about(system).contains(&found), "{found}");
    let found = connected(&lab, &[("tcp_keepalive", "yes"), ("tcp_keepalive_idle", "90m")]);
    assert!(about(5400).contains(&found.expect("switched on")), "{found:?}");
    assert_eq!(connected(&lab, &[("tcp_keepalive", "no"), ("tcp_keepalive_idle", "90m")]), None);
}
