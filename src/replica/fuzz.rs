//! Functions that pass fuzzing input to the parsers of bytes from the network; see
//! `src/fuzzing.rs`.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Replica;
use super::deflate::Deflate;
use super::dialect::{Dialect, Tagger};
use super::greet;
use super::link::Link;
use super::sasl;
use super::session::Session;
use super::socket::Socket;
use crate::error::Peer;
use crate::events::Silent;
use crate::protocol::FullMailbox;
use crate::protocol::command::FetchPlace;
use crate::protocol::{Command, RemoteFolder, Reply};
use crate::types::Guid;

/// Maximum number of input bytes that are written to the socket pair. The socket buffers that many,
/// so the write does not block.
const MOST: usize = 32 << 10;
/// Maximum number of bytes that the decompressor may return in one call.
const ROOM: usize = 1 << 20;

/// The size of the requested message, in bytes. A message of this size is written to a file.
const LONG: u64 = 2 << 20;

/// Makes a link that receives `data` and then the end of the stream. Also returns the other end of
/// the socket pair, which the caller must keep open while it uses the link.
fn link(data: &[u8]) -> (Link, UnixStream) {
    let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
    theirs.write_all(data.get(..data.len().min(MOST)).unwrap_or_default()).expect("it fits");
    theirs.shutdown(Shutdown::Write).expect("an open socket");
    let never = Arc::new(AtomicBool::new(false));
    let link = Link::new(Socket::Unix(ours), Peer::replica(""), Duration::from_secs(60), never);
    (link.expect("an open socket"), theirs)
}

/// Parses `data` as the greeting of a server, and as an imapd's reply to CAPABILITY.
pub fn greeting(data: &[u8]) {
    let (mut received, _theirs) = link(data);
    let _ = greet::greeting(&mut received);
    let (mut received, _theirs) = link(data);
    let _ = greet::capabilities(&mut received, &mut Tagger::new(Dialect::Imap), None);
}

/// Parses `data` as the replies to four commands that were sent together, in both dialects of the
/// protocol.
pub fn replies(data: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    for dialect in [Dialect::Csync, Dialect::Imap] {
        let (received, _theirs) = link(data);
        let mut session = Session::new(received, Tagger::new(dialect), Arc::new(Silent));
        let mut get = || session.submit(Command::GetUser(&"fred".into()));
        let [first, second] = [get(), get()];
        // Request a long message. `data` holds only the start of it.
        let place = FetchPlace { size: LONG, temp_path: &std::env::temp_dir() };
        let folder = RemoteFolder::default();
        let fetch = folder.fetch(1, Guid::default(), Some(place));
        let third = session.submit(Command::Fetch(fetch));
        let mailbox = "user.fred".into();
        let full = FullMailbox { mailbox: &mailbox, temp_path: Some(&std::env::temp_dir()) };
        let fourth = session.submit(Command::GetFullMailbox(full));
        for ticket in [first, second, third, fourth].into_iter().flatten() {
            replies.extend(session.wait(ticket));
        }
    }
    replies
}

/// Decompresses `data`, passed to the decompressor in two pieces.
pub fn deflate(data: &[u8]) {
    let (mut stream, mut out) = (Deflate::new(3), Vec::new());
    let (first, second) = data.split_at(data.len() / 2);
    for mut piece in [first, second] {
        while let Ok((taken, more)) = stream.read(piece, &mut out, ROOM) {
            assert!(out.len() < 2 * ROOM, "{} bytes", out.len());
            out.clear();
            piece = piece.get(taken..).expect("no more is taken than was given");
            if !more {
                break;
            }
        }
    }
}

/// Compresses `bytes` and returns the size of the result, for the micro-benchmarks.
#[cfg(test)]
pub fn compressed(level: u32, bytes: &[u8]) -> usize {
    let (mut stream, mut out) = (Deflate::new(level), Vec::new());
    stream.write(bytes, &mut out).expect("memory takes all");
    stream.flush(&mut out).expect("memory takes all");
    out.len()
}

/// Parses `data` as the lines of a login, and as the SASL challenges of every mechanism.
pub fn login(data: &[u8]) {
    let (mut received, _theirs) = link(data);
    let mut tagger = Tagger::new(Dialect::Csync);
    if let Ok(tag) = tagger.send(&mut received, "AUTHENTICATE PLAIN") {
        while tagger.answer(&mut received, tag, &mut |_| ()).is_ok() {}
    }
    sasl::challenges(data);
}
