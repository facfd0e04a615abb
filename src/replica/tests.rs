//! Tests of sessions and links. The other end is a script on a thread.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Replica;
use super::dialect::{Dialect, Tagger};
use super::link::{Fill, Link};
use super::session::Session;
use super::socket::Socket;
use crate::error::{Kind, Peer, Result};
use crate::events::Silent;
use crate::protocol::{Command, MessageFiles, OutgoingFile, Ticket};
use crate::types::{Guid, Text};

pub(super) fn link(socket: UnixStream, limit: Duration) -> Link {
    Link::new(Socket::Unix(socket), Peer::replica(""), limit, Arc::default()).unwrap()
}

/// Makes a session. The other end runs `peer` on a thread.
fn session(
    timeout: Duration,
    peer: impl FnOnce(UnixStream) + Send + 'static,
) -> (Session, JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || peer(theirs));
    let link = link(ours, timeout);
    (Session::new(link, Tagger::new(Dialect::Csync), Arc::new(Silent)), thread)
}

fn patient(peer: impl FnOnce(UnixStream) + Send + 'static) -> (Session, JoinHandle<()>) {
    session(Duration::from_secs(20), peer)
}

pub(super) fn get(session: &mut Session, name: &str) -> Result<Ticket> {
    session.submit(Command::GetUser(&name.into()))
}

/// Reads until `count` line feeds have arrived.
fn read_lines(socket: &mut UnixStream, count: usize) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while text.iter().filter(|b| **b == b'\n').count() < count {
        socket.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn commands_are_sent_together_and_replies_can_be_read_in_any_order() {
    let (mut session, peer) = patient(|mut socket| {
        let commands = read_lines(&mut socket, 3);
        assert_eq!(commands, "GET USER a\r\nGET USER b\r\nGET USER c\r\n");
        let replies = b"* LSUB (x)\r\nOK\r\nNO IMAP_MAILBOX_MOVED elsewhere\r\nOK success\r\n";
        socket.write_all(replies).unwrap();
    });
    let [a, b, c] = ["a", "b", "c"].map(|name| get(&mut session, name).unwrap());
    assert!(session.wait(c).unwrap().items.is_empty());
    let moved = session.wait(b).unwrap_err();
    assert_eq!((moved.kind(), moved.subject()), (Kind::ReplicaMoved, &"GET USER b".into()));
    assert_eq!(moved.peer(), Some(&Peer::replica("")));
    assert_eq!(session.wait(a).unwrap().items[0].name(), b"LSUB");
    assert_eq!(session.wait(a).unwrap_err().kind(), Kind::Internal, "a reply is taken once");
    peer.join().unwrap();
}

#[test]
fn the_last_reply_is_reported_if_the_replica_closes_before_the_next_command() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"OK success\r\n* BYE shutting down\r\n").unwrap();
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    let link = link(ours, Duration::from_secs(20));
    let mut session = Session::new(link, Tagger::new(Dialect::Csync), Arc::new(Silent));
    let [a, b] = ["a", "b"].map(|name| get(&mut session, name).unwrap());
    let error = session.wait(b).unwrap_err();
    assert_eq!(error.kind(), Kind::Bye);
    assert!(error.to_string().contains("shutting down"), "{error}");
    assert!(session.wait(a).unwrap().items.is_empty());
}

#[test]
fn two_full_pipes_do_not_wait_for_each_other() {
    const COMMANDS: usize = 200;
    const LENGTH: usize = 8000;
    let (mut session, peer) = patient(|mut socket| {
        // A server that reads the next command only after it has written its reply.
        for _ in 0..COMMANDS {
            let mut command = vec![0; "GET USER ".len() + LENGTH + "\r\n".len()];
            socket.read_exact(&mut command).unwrap();
            let item = "y".repeat(100_000);
            socket.write_all(format!("* LSUB ({item})\r\nOK\r\n").as_bytes()).unwrap();
        }
    });
    let name = "x".repeat(LENGTH);
    let tickets: Vec<_> = (0..COMMANDS).map(|_| get(&mut session, &name).unwrap()).collect();
    for ticket in tickets {
        assert_eq!(session.wait(ticket).unwrap().items.len(), 1);
    }
    peer.join().unwrap();
}

#[test]
fn no_text_leaves_the_session_usable() {
    let (mut session, peer) = patient(|mut socket| {
        read_lines(&mut socket, 2);
        socket.write_all(b"NO IMAP_SYNC_CHECKSUM Checksum Failure\r\nOK\r\n").unwrap();
    });
    let (first, second) = (get(&mut session, "a").unwrap(), get(&mut session, "b").unwrap());
    assert_eq!(session.wait(first).unwrap_err().kind(), Kind::ReplicaChecksum);
    session.wait(second).unwrap();
    peer.join().unwrap();
}

#[test]
fn bye_and_end_name_what_was_waited_for() {
    let (mut session, peer) = patient(|mut socket| {
        read_lines(&mut socket, 1);
        socket.write_all(b"* BYE shutting down\r\n").unwrap();
    });
    let ticket = get(&mut session, "fred").unwrap();
    let error = session.wait(ticket).unwrap_err();
    assert_eq!(error.kind(), Kind::Bye);
    assert!(error.to_string().contains("GET USER fred"), "{error}");
    assert_eq!(get(&mut session, "x").unwrap_err().kind(), Kind::Bye, "it stays ended");
    peer.join().unwrap();

    let (mut session, peer) = patient(|mut socket| drop(read_lines(&mut socket, 1)));
    let ticket = get(&mut session, "fred").unwrap();
    assert_eq!(session.wait(ticket).unwrap_err().kind(), Kind::Closed);
    peer.join().unwrap();

    let (mut session, peer) = patient(|mut socket| {
        read_lines(&mut socket, 1);
        socket.write_all(b"* Fatal error: [TOOBIG] Word too long\r\n").unwrap();
    });
    let ticket = get(&mut session, "fred").unwrap();
    let error = session.wait(ticket).unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert!(error.to_string().contains("[TOOBIG] Word too long"), "{error}");
    assert!(error.hint().contains("maxword"), "{error}");
    peer.join().unwrap();
}

#[test]
fn after_bad_no_reply_is_trusted() {
    let (mut session, peer) = patient(|mut socket| {
        read_lines(&mut socket, 2);
        // The second OK could be mistaken for the reply to the second command.
        socket.write_all(b"BAD IMAP_PROTOCOL_ERROR Failed to parse\r\nOK\r\nOK\r\n").unwrap();
    });
    let (first, second) = (get(&mut session, "a").unwrap(), get(&mut session, "b").unwrap());
    assert_eq!(session.wait(first).unwrap_err().kind(), Kind::Protocol);
    assert!(session.wait(second).unwrap_err().is_connection());
    assert!(get(&mut session, "c").unwrap_err().is_connection());
    peer.join().unwrap();
}

#[test]
fn nonsense_is_a_protocol_error() {
    let replies: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"* USER %(A\r\nOK\r\n",
        b"* A {99999999999}\r\n",
        b"* A b) c\r\nOK\r\n",
        b"OK\r\nOK\r\n",
        b"\xff\xff\xff\n",
    ];
    for reply in replies {
        let (mut session, peer) = patient(move |mut socket| {
            read_lines(&mut socket, 1);
            socket.write_all(reply).unwrap();
            // Keep the connection open until the client closes it.
            let _ = socket.read_to_end(&mut Vec::new());
        });
        let ticket = get(&mut session, "a").unwrap();
        let error = match session.wait(ticket) {
            Err(error) => error,
            Ok(_) => {
                let again = get(&mut session, "b").unwrap();
                session.wait(again).unwrap_err()
            }
        };
        assert_eq!(error.kind(), Kind::Protocol, "{reply:?}: {error}");
        drop(session);
        peer.join().unwrap();
    }
}

#[test]
fn silence_ends_in_a_timeout_that_names_the_command() {
    let (mut session, peer) = session(Duration::from_millis(300), |mut socket| {
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let ticket = get(&mut session, "fred").unwrap();
    let error = session.wait(ticket).unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.to_string().contains("GET USER fred"), "{error}");
    drop(session);
    peer.join().unwrap();
}

#[test]
fn a_cancelled_session_stops_waiting() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let cancel = Arc::new(AtomicBool::new(false));
    let link =
        Link::new(Socket::Unix(ours), Peer::replica(""), Duration::from_secs(60), cancel.clone())
            .unwrap();
    let mut session = Session::new(link, Tagger::new(Dialect::Csync), Arc::new(Silent));
    let ticket = get(&mut session, "a").unwrap();
    let asker = std::thread::spawn(move || cancel.store(true, Ordering::Relaxed));
    assert_eq!(session.wait(ticket).unwrap_err().kind(), Kind::Cancelled);
    asker.join().unwrap();
    drop(theirs);
}

#[test]
fn discarded_replies_are_read_past() {
    let (mut session, peer) = patient(|mut socket| {
        read_lines(&mut socket, 2);
        socket.write_all(b"* LSUB (a)\r\nOK\r\n* LSUB (b)\r\nOK\r\n").unwrap();
    });
    let (first, second) = (get(&mut session, "a").unwrap(), get(&mut session, "b").unwrap());
    session.discard(first);
    assert_eq!(session.wait(second).unwrap().items.len(), 1);
    assert_eq!(session.wait(first).unwrap_err().kind(), Kind::Internal);
    peer.join().unwrap();
}

#[test]
fn a_reply_may_be_long_only_in_proportion_to_the_masters_data() {
    let reply = |socket: &mut UnixStream| {
        read_lines(socket, 1);
        let item = format!("* LSUB (user.fred.{})\r\n", "x".repeat(1000));
        let many = item.repeat(1000);
        for _ in 0..30 {
            // Writing fails when the client closes the connection.
            if socket.write_all(many.as_bytes()).is_err() {
                return;
            }
        }
        let _ = socket.write_all(b"OK\r\n");
    };
    let (mut session, peer) = patient(move |mut socket| reply(&mut socket));
    let ticket = get(&mut session, "a").unwrap();
    let error = session.wait(ticket).unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(error.to_string().contains("24 MiB"), "{error}");
    drop(session);
    peer.join().unwrap();
    let (mut session, peer) = patient(move |mut socket| reply(&mut socket));
    session.expect(32 << 20);
    let ticket = get(&mut session, "a").unwrap();
    assert_eq!(session.wait(ticket).unwrap().items.len(), 30_000);
    peer.join().unwrap();
}

/// A message file that is shorter than its announced size.
struct Short(Text);

impl MessageFiles for Short {
    fn partition(&self) -> &Text {
        &self.0
    }

    fn next_file(&mut self) -> crate::Result<Option<OutgoingFile<'_>>> {
        let content = Box::new(b"short".as_slice());
        Ok(Some(OutgoingFile { partition: &self.0, guid: Guid::default(), size: 10, content }))
    }
}

#[test]
fn a_body_that_fails_ends_the_connection() {
    let (mut session, peer) = patient(|mut socket| {
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let error = session.submit(Command::Messages(&mut Short("p".into()))).unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert!(get(&mut session, "a").unwrap_err().is_connection());
    drop(session);
    peer.join().unwrap();
}

#[test]
fn a_replica_that_does_not_say_goodbye_is_left() {
    let (ended, end) = std::sync::mpsc::channel();
    let (session, peer) = session(Duration::from_secs(600), move |mut socket| {
        let _ = socket.read_to_end(&mut Vec::new());
        ended.send(()).unwrap();
    });
    session.close();
    end.recv_timeout(Duration::from_secs(60)).unwrap();
    peer.join().unwrap();
}

#[test]
fn a_reply_that_has_arrived_when_the_timeout_ends_is_read() {
    let span = Duration::from_secs(10);
    let (mut session, peer) = session(span, |mut socket| {
        read_lines(&mut socket, 1);
        socket.write_all(b"OK success\r\n").unwrap();
    });
    get(&mut session, "a").unwrap();
    session.link.flush().unwrap();
    peer.join().unwrap();
    // As if this process had not run since then.
    session.link.fill(Fill::Now(span)).unwrap();
    assert_eq!(session.link.received(), b"OK success\r\n");
}

#[test]
fn a_replica_that_sends_a_byte_now_and_then_is_as_good_as_silent() {
    let (mut session, peer) = session(Duration::from_millis(300), |mut socket| {
        read_lines(&mut socket, 1);
        // The timeout is much longer than this pause. The loop ends when the client closes the
        // connection.
        let pause = Duration::from_millis(20);
        while socket.write_all(b"x").is_ok() {
            std::thread::sleep(pause);
        }
    });
    let ticket = get(&mut session, "a").unwrap();
    assert_eq!(session.wait(ticket).unwrap_err().kind(), Kind::Timeout);
    drop(session);
    peer.join().unwrap();
}

#[test]
fn a_replica_that_takes_nothing_and_sends_a_byte_now_and_then_is_as_good_as_silent() {
    let (mut session, peer) = session(Duration::from_millis(300), |mut socket| {
        while socket.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let name = "x".repeat(4 << 20);
    let error = get(&mut session, &name).unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.to_string().contains("takes no more bytes"), "{error}");
    drop(session);
    peer.join().unwrap();
}

#[test]
fn short_lines_before_each_timeout_are_silence() {
    let (mut session, peer) = session(Duration::from_millis(300), |mut socket| {
        read_lines(&mut socket, 1);
        while socket.write_all(b"* LSUB (a)\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let ticket = get(&mut session, "a").unwrap();
    assert_eq!(session.wait(ticket).unwrap_err().kind(), Kind::Timeout);
    drop(session);
    peer.join().unwrap();
}

/// A security layer that inverts every bit, and fails at a NUL.
struct Flip;

impl super::layer::Layer for Flip {
    fn describe(&self) -> String {
        "a layer of bits turned over".into()
    }

    fn wrap(&mut self, clear: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend(clear.iter().map(|byte| !byte));
        Ok(())
    }

    fn unwrap(&mut self, bytes: &[u8], clear: &mut Vec<u8>) -> Result<()> {
        if bytes.contains(&0) {
            return Err(crate::error::Error::new(Kind::Protocol, "read", "the replica", "a NUL"));
        }
        clear.extend(bytes.iter().map(|byte| !byte));
        Ok(())
    }
}

#[test]
fn a_security_layer_is_around_all_bytes_and_compression_within_it() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut link = link(ours, Duration::from_secs(20));
    link.start_layer(Box::new(Flip)).unwrap();
    link.write(b"GET USER a").unwrap();
    link.flush().unwrap();
    let mut bytes = [0; 10];
    theirs.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes.map(|byte| !byte), *b"GET USER a");
    theirs.write_all(&b"OK".map(|byte| !byte)).unwrap();
    link.fill(Fill::Wait).unwrap();
    assert_eq!(link.take(2), b"OK");

    link.start_deflate(crate::settings::DeflateLevel::Fixed(6)).unwrap();
    link.write(&[b'a'; 10_000]).unwrap();
    link.flush().unwrap();
    let mut bytes = vec![0; 10_000];
    let size = theirs.read(&mut bytes).unwrap();
    assert!(size < 200, "{size}");
    let packed: Vec<u8> = bytes[..size].iter().map(|byte| !byte).collect();
    let mut clear = Vec::new();
    let mut inflate = flate2::read::DeflateDecoder::new(&packed[..]);
    // The stream has no end yet, so this returns an error.
    let _ = inflate.read_to_end(&mut clear);
    assert_eq!(clear, [b'a'; 10_000]);

    theirs.write_all(&[0]).unwrap();
    assert_eq!(link.fill(Fill::Wait).unwrap_err().kind(), Kind::Protocol);
}

#[test]
fn a_security_layer_is_not_put_around_bytes_that_came_before_it() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut link = link(ours, Duration::from_secs(20));
    theirs.write_all(b"OK\r\n").unwrap();
    link.fill(Fill::Wait).unwrap();
    let error = link.start_layer(Box::new(Flip)).unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(!link.coding().has_layer());
}
