//! Tests of connecting. The other end is a script on a thread. They test which replicas are
//! refused, and how soon a wait can be cancelled.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::connect::is_better;
use super::destination::Destination;
use super::session::Session;
use super::tls::{Committed, Memory};
use crate::error::{Error, Kind};
use crate::events::Silent;
use crate::settings;

pub(super) const CSYNC: &str = "* SASL PLAIN\r\n* STARTTLS\r\n* OK a Cyrus sync server 3.6.1\r\n";
pub(super) const CSYNC_CLEAR: &str = "* SASL PLAIN\r\n* OK a Cyrus sync server 3.6.1\r\n";
const CSYNC_LOGIN: &str = "* SASL LOGIN\r\n* OK a Cyrus sync server 3.6.1\r\n";
pub(super) const IMAP: &str =
    "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] a Cyrus IMAP 3.6.1 server ready\r\n";

/// Returns a destination with the address `place` and this value of `sync_tls`.
pub(super) fn destination(place: &str, sync_tls: &str) -> Destination {
    let settings = settings::tests::of(&format!(
        "sync_host: {place}\nsync_tls: {sync_tls}\nsync_authname: repl\nsync_password: secret\n\
         client_timeout: 1m\nsync_timeout: 1m\nsync_deflate_level: 0\ntcp_keepalive: no\n"
    ));
    let target = settings.server().unwrap().target.clone();
    Destination { target, settings: settings.connection, memory: Memory::default(), limiter: None }
}

/// Starts a peer: it sends the first line of the script as its greeting, and answers each line that
/// it receives with the next line of the script. Returns its address. Its thread returns all bytes
/// that it received before the client closed the connection.
pub(super) fn peer(address: SocketAddr, script: Vec<String>) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind(address).unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut input = BufReader::new(socket.try_clone().unwrap());
        let mut heard = Vec::new();
        let mut script = script.into_iter();
        socket.write_all(script.next().unwrap_or_default().as_bytes()).unwrap();
        for answer in script {
            input.read_until(b'\n', &mut heard).unwrap();
            socket.write_all(answer.as_bytes()).unwrap();
        }
        let _ = input.read_to_end(&mut heard);
        heard
    });
    (place, thread)
}

pub(super) fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(super) fn connect(
    place: &str,
    sync_tls: &str,
    cancel: &Arc<AtomicBool>,
) -> Result<Session, Error> {
    to(&destination(place, sync_tls), cancel)
}

fn to(destination: &Destination, cancel: &Arc<AtomicBool>) -> Result<Session, Error> {
    Session::connect(destination, Arc::new(Silent), cancel.clone(), None)
}

/// Connects to a peer with this script, which must fail. Returns the error, and the bytes that the
/// peer received.
fn refused(script: &[&str], sync_tls: &str) -> (Error, String) {
    refused_with(&Memory::default(), script, sync_tls)
}

/// Same as [`refused`], with the memory of earlier connections.
fn refused_with(memory: &Memory, script: &[&str], sync_tls: &str) -> (Error, String) {
    let script = script.iter().map(|line| (*line).to_owned()).collect();
    let (place, peer) = peer(local(), script);
    let destination = Destination { memory: memory.clone(), ..destination(&place, sync_tls) };
    let error = to(&destination, &Arc::default()).err().expect("it should be refused");
    (error, String::from_utf8_lossy(&peer.join().unwrap()).into_owned())
}

#[test]
fn bytes_in_clear_after_the_reply_to_starttls_are_refused() {
    for (greeting, agreement) in [
        (CSYNC, "OK begin\r\n* SASL PLAIN\r\n* OK a Cyrus sync server 3.6.1\r\n"),
        (CSYNC, "OK begin\r\nx"),
        (IMAP, "C1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN X-REPLICATION\r\n"),
    ] {
        let (error, heard) = refused(&[greeting, agreement], "try");
        assert_eq!(error.kind(), Kind::Protocol, "{error}");
        assert!(error.detail().contains("unencrypted bytes"), "{error}");
        assert!(heard.trim_end().ends_with("STARTTLS"), "{heard}");
    }
}

#[test]
fn clear_text_is_refused_once_tls_was_required_or_begun() {
    let (error, heard) = refused(&[CSYNC_CLEAR], "require");
    assert_eq!((error.kind(), heard.as_str()), (Kind::Tls, ""));
    let (error, heard) = refused(&[CSYNC, "NO Error initializing TLS\r\n"], "require");
    assert_eq!((error.kind(), heard.as_str()), (Kind::Tls, "STARTTLS\r\n"));

    // After a failed handshake clear text is refused, as after a successful one.
    let memory = Memory::default();
    let script = [CSYNC, "OK begin\r\n", "NO Starttls failed\r\n"];
    let (error, _) = refused_with(&memory, &script, "try");
    assert_eq!(error.kind(), Kind::Tls, "{error}");
    assert!(memory.committed.get());
    for script in [&[CSYNC_CLEAR][..], &[CSYNC, "NO Error initializing TLS\r\n"]] {
        let (error, heard) = refused_with(&memory, script, "try");
        assert_eq!(error.kind(), Kind::Tls, "{error}");
        assert!(!heard.contains("AUTHENTICATE"), "{heard}");
    }
    assert!(!Committed::default().get());
}

#[test]
fn no_password_is_sent_to_a_server_without_tls() {
    let (place, peer) = peer(local(), vec![CSYNC.into()]);
    let error = connect(&format!("{place}/tls"), "try", &Arc::default()).err();
    let error = error.expect("that is no TLS");
    assert_eq!(error.kind(), Kind::Tls);
    assert!(error.hint().contains("/tls"), "{error}");
    let heard = peer.join().unwrap();
    assert!(!heard.windows(6).any(|w| w == b"secret"));
}

#[test]
fn missing_replication_and_a_refused_password_are_different_errors() {
    let imap = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] a Cyrus IMAP 3.6.1 ready\r\n";
    let capability = "* CAPABILITY IMAP4rev1 IDLE\r\nC2 OK done\r\n";
    let (error, _) = refused(&[imap, "C1 OK hello\r\n", capability], "off");
    assert_eq!(error.kind(), Kind::Unsupported);
    assert!(error.detail().contains("X-REPLICATION"), "{error}");
    let (error, _) = refused(&[imap, "C1 NO bad password\r\n"], "off");
    assert_eq!(error.kind(), Kind::Auth);
}

#[test]
fn a_server_without_replication_on_one_port_does_not_hide_that_the_other_may_work_later() {
    let error = |kind| Error::new(kind, "connect to", "replica", "it is not there");
    for (first, second, is_first) in [
        (Kind::Unsupported, Kind::Connect, false),
        (Kind::Unsupported, Kind::Unsupported, true),
        (Kind::Connect, Kind::Unsupported, false),
        (Kind::Connect, Kind::Connect, false),
        (Kind::Auth, Kind::Connect, true),
        (Kind::Timeout, Kind::Connect, true),
    ] {
        let found = is_better(&error(first), &error(second));
        assert_eq!(found, is_first, "{first:?}, then {second:?}");
    }
}

#[test]
fn every_wait_before_the_session_can_be_given_up() {
    for (name, script, options) in [
        ("greeting", vec![], ""),
        ("after it agreed to start TLS", vec![CSYNC], ""),
        ("handshake", vec![CSYNC, "OK begin\r\n"], ""),
        ("handshake at once", vec![], "/tls"),
        ("capabilities", vec!["* OK IMAP ready\r\n"], ""),
        ("login", vec![CSYNC_CLEAR], ""),
        ("continuation", vec![CSYNC_LOGIN, "+ VXNlcm5hbWU6\r\n"], ""),
    ] {
        let cancel = Arc::new(AtomicBool::new(false));
        let listener = TcpListener::bind(local()).unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let stop = cancel.clone();
        let peer = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            for (number, line) in script.iter().enumerate() {
                if number > 0 {
                    wait_for_more(&mut socket);
                }
                socket.write_all(line.as_bytes()).unwrap();
            }
            // Wait until the client has sent its next bytes. The test cancels the wait that
            // follows.
            if !script.is_empty() {
                wait_for_more(&mut socket);
            }
            stop.store(true, Ordering::Relaxed);
            let _ = socket.read_to_end(&mut Vec::new());
        });
        let error = connect(&format!("{place}{options}"), "try", &cancel).err();
        assert_eq!(error.map(|e| e.kind()), Some(Kind::Cancelled), "{name}");
        peer.join().unwrap();
    }
}

fn wait_for_more(socket: &mut TcpStream) {
    let mut some = [0; 4096];
    assert!(socket.read(&mut some).unwrap() > 0);
}

#[test]
fn ipv6_addresses_are_connected_to() {
    let (place, peer) = peer(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), vec!["* BYE\r\n".into()]);
    let error = connect(&place, "off", &Arc::default()).err().unwrap();
    assert!(error.to_string().contains("refused the connection"), "{error}");
    peer.join().unwrap();
}

#[test]
fn another_list_of_mechanisms_below_a_security_layer_is_an_error() {
    let offer = |list: &str| super::server_capabilities::ServerCapabilities {
        mechanisms: list.split_whitespace().map(str::to_owned).collect(),
        ..Default::default()
    };
    let same =
        |before: &str, now: &str| super::connect::same_mechanisms(&offer(before), &offer(now));
    assert!(same("DIGEST-MD5 PLAIN", "DIGEST-MD5 PLAIN").is_ok());
    assert!(same("DIGEST-MD5", "").is_ok(), "the list is missing");
    let error = same("DIGEST-MD5", "GSSAPI DIGEST-MD5").unwrap_err();
    assert_eq!(error.kind(), Kind::Auth);
    assert!(error.to_string().contains("GSSAPI DIGEST-MD5 after it"), "{error}");
}
