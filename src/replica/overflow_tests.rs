//! Tests of replies that are written to files. The other end is a script on a thread.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Replica;
use super::dialect::{Dialect, Tagger};
use super::session::Session;
use super::tests::{get, link};
use crate::error::{Kind, Result};
use crate::events::{Direction, Observer, Silent};
use crate::protocol::command::FetchPlace;
use crate::protocol::decode::FetchedMessage;
use crate::protocol::{Command, FullMailbox, Item, RemoteFolder, Reply};
use crate::types::{Guid, MboxName};

/// The bytes that the peer sends after the line under test: the end of its reply, and another
/// reply.
const AFTER: &[u8] = b"OK\r\n* LSUB (a)\r\nOK\r\n";

/// Counts the received bytes that the observer gets.
#[derive(Default)]
struct Listening(AtomicUsize);

impl Observer for Listening {
    fn wire(&self, direction: Direction, bytes: &[u8]) {
        if direction == Direction::Received {
            self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        }
    }

    fn wants_wire(&self) -> bool {
        true
    }
}

/// Fetches a message of this size. The peer sends `* MESSAGE ` and `reply`.
fn fetched(size: u64, reply: Vec<u8>, compressed: bool) -> (Result<Reply>, bool) {
    let dir = tempfile::tempdir().unwrap();
    let place = FetchPlace { size, temp_path: dir.path() };
    let folder = RemoteFolder::default();
    let fetch = Command::Fetch(folder.fetch(1, Guid::default(), Some(place)));
    let answered = answered(fetch, [b"* MESSAGE ", &reply[..], b"\r\n"].concat(), compressed);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    answered
}

/// Sends a command. The peer answers it with `line`. Returns the reply, and whether the session can
/// still be used.
fn answered(command: Command<'_>, line: Vec<u8>, compressed: bool) -> (Result<Reply>, bool) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut link = link(ours, Duration::from_secs(20));
    if compressed {
        link.start_deflate(crate::settings::DeflateLevel::Fixed(3)).unwrap();
    }
    let shown = Arc::new(Listening::default());
    let mut session = Session::new(link, Tagger::new(Dialect::Csync), shown.clone());
    let size_of_all = line.len() + AFTER.len();
    let peer = std::thread::spawn(move || {
        let all = [&line[..], AFTER].concat();
        let mut wire = Vec::new();
        if compressed {
            let mut encoder = super::deflate::Deflate::new(3);
            encoder.write(&all, &mut wire).unwrap();
            encoder.flush(&mut wire).unwrap();
        } else {
            wire = all;
        }
        let _ = theirs.write_all(&wire);
        let _ = theirs.read_to_end(&mut Vec::new());
    });
    session.expect(1 << 30);
    let ticket = session.submit(command).unwrap();
    let next = get(&mut session, "b").unwrap();
    let reply = session.wait(ticket);
    let alive = session.wait(next).is_ok_and(|reply| reply.items.len() == 1);
    assert_eq!(shown.0.load(Ordering::Relaxed) == size_of_all, alive);
    drop(session);
    peer.join().unwrap();
    (reply, alive)
}

fn message(size: usize) -> Vec<u8> {
    let header = format!("%{{default {} {size}}}\r\n", "0".repeat(40));
    [header.into_bytes(), (0..size).map(|n| (n % 251) as u8).collect()].concat()
}

#[test]
fn a_long_message_may_arrive_while_another_command_is_sent() {
    const SIZE: usize = 40 << 20;
    let dir = tempfile::tempdir().unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let link = link(ours, Duration::from_secs(20));
    let mut session = Session::new(link, Tagger::new(Dialect::Csync), Arc::new(Silent));
    // A server reads the next command only after it has written its reply.
    let peer = std::thread::spawn(move || {
        let reply = [b"* MESSAGE ", &message(SIZE)[..], b"\r\nOK\r\nOK\r\n"].concat();
        theirs.write_all(&reply).unwrap();
        theirs.read_to_end(&mut Vec::new()).unwrap();
    });
    let place = FetchPlace { size: SIZE as u64, temp_path: dir.path() };
    let folder = RemoteFolder::default();
    let fetch = folder.fetch(1, Guid::default(), Some(place));
    let fetch = session.submit(Command::Fetch(fetch)).unwrap();
    let long = get(&mut session, &"x".repeat(4 << 20)).unwrap();
    let message = session.wait(fetch).unwrap().into_message();
    let Some(FetchedMessage::Temp(file)) = message else { panic!("it is in a file") };
    assert_eq!(file.size(), SIZE as u64);
    session.wait(long).unwrap();
    drop(session);
    peer.join().unwrap();
}

#[test]
fn a_long_message_goes_to_a_file_and_a_short_one_does_not() {
    for compressed in [false, true] {
        let long = 70 << 20;
        let (reply, alive) = fetched(long as u64, message(long), compressed);
        let file = reply.unwrap().file.unwrap();
        assert_eq!(file.size(), long as u64);
        let mut bytes = Vec::new();
        file.reader().unwrap().read_to_end(&mut bytes).unwrap();
        assert!(message(long).ends_with(&bytes) && bytes.len() == long);
        assert!(alive);
        let (reply, alive) = fetched(1 << 20, message(1 << 20), compressed);
        let reply = reply.unwrap();
        assert!(reply.file.is_none() && reply.items.len() == 1 && alive);
    }
}

#[test]
fn a_message_of_another_size_is_not_stored_and_the_session_goes_on() {
    let (reply, alive) = fetched(5 << 20, message(6 << 20), false);
    let error = reply.unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.to_string().contains("6291456 bytes, but its record says 5242880"), "{error}");
    assert!(alive);
    // A literal that is longer than any literal may be.
    let (reply, alive) = fetched(5 << 20, b"%{default 00 70000000}\r\n".to_vec(), false);
    assert_eq!(reply.unwrap_err().kind(), Kind::Protocol);
    assert!(!alive);
}

/// Makes the line for a mailbox with this many messages. Every thousandth message has a literal.
fn mailbox(records: u32) -> Vec<u8> {
    let guid = "0123456789abcdef0123456789abcdef01234567";
    let mut line = b"* MAILBOX %(UNIQUEID u MBOXNAME user.fred RECORD (".to_vec();
    for uid in 1..=records {
        let note = match uid % 1000 {
            0 => " ANNOTATIONS (%(ENTRY /x USERID NIL VALUE {4+}\r\n)\r\n\n))",
            _ => "",
        };
        let record = format!(
            "%(UID {uid} MODSEQ {uid} LAST_UPDATED 1 FLAGS (\\Seen) INTERNALDATE 1 SIZE 3 GUID \
             {guid}{note}) "
        );
        line.extend_from_slice(record.as_bytes());
    }
    let rest = ") LAST_UID 9 HIGHESTMODSEQ 1 RECENTUID 0 RECENTTIME 0 LAST_APPENDDATE 0 \
                POP3_LAST_LOGIN 0 UIDVALIDITY 7 PARTITION default ACL \"\" OPTIONS P)\r\n";
    line.extend_from_slice(rest.as_bytes());
    line
}

fn full(dir: Option<&Path>, line: Vec<u8>, compressed: bool) -> (Result<Reply>, bool) {
    let mailbox = MboxName::from("user.fred");
    let full = FullMailbox { mailbox: &mailbox, temp_path: dir };
    answered(Command::GetFullMailbox(full), line, compressed)
}

#[test]
fn a_long_mailbox_goes_to_a_file_and_is_read_as_from_memory() {
    let dir = tempfile::tempdir().unwrap();
    for (compressed, records, is_long) in
        [(false, 30_000, true), (true, 30_000, true), (false, 1000, false)]
    {
        let [on_disk, in_memory] = [Some(dir.path()), None].map(|dir| {
            let (reply, alive) = full(dir, mailbox(records), compressed);
            assert!(alive);
            let reply = reply.unwrap();
            assert_eq!(matches!(reply.items[0], Item::Long(_)), dir.is_some() && is_long);
            let mut found = Vec::new();
            let folder = reply.visit_full_mailbox(&mut |record| {
                found.push(record);
                Ok(())
            });
            (folder.unwrap(), found)
        });
        assert_eq!(on_disk.1.len(), records as usize);
        assert_eq!(on_disk, in_memory);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_long_mailbox_that_cannot_be_stored_fails_alone() {
    let missing = Path::new("/nonexistent/directory");
    let (reply, alive) = full(Some(missing), mailbox(30_000), false);
    let error = reply.unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.hint().contains("temp_path"), "{error}");
    assert!(alive);
}

#[test]
fn a_long_mailbox_that_is_damaged_is_an_error_where_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut line = mailbox(30_000);
    let place = line.len() - 1_000_000;
    line[place..place + 3].copy_from_slice(b")))");
    let (reply, alive) = full(Some(dir.path()), line, false);
    assert!(alive);
    let mut count = 0;
    let folder = reply.unwrap().visit_full_mailbox(&mut |_| {
        count += 1;
        Ok(())
    });
    assert_eq!(folder.unwrap_err().kind(), Kind::Protocol);
    assert!((1000..30_000).contains(&count), "{count}");
}

#[test]
fn a_mailbox_without_end_is_refused_whatever_the_disk_could_hold() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let link = link(ours, Duration::from_secs(20));
    let mut session =
        Session::new(link, Tagger::new(Dialect::Csync), Arc::new(crate::events::Silent));
    let peer = std::thread::spawn(move || {
        let _ = theirs.write_all(b"* MAILBOX %(RECORD (");
        while theirs.write_all(&[b'a'; 4096]).is_ok() {}
    });
    let mailbox = MboxName::from("user.fred");
    let full = FullMailbox { mailbox: &mailbox, temp_path: Some(dir.path()) };
    let ticket = session.submit(Command::GetFullMailbox(full)).unwrap();
    let error = session.wait(ticket).unwrap_err();
    assert!(error.to_string().contains("longer than 24 MiB"), "{error}");
    drop(session);
    peer.join().unwrap();
}
