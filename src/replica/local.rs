//! A session with a server at the other end of a socket pair, which needs no login.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Replica;
use super::dialect::{Dialect, Tagger};
use super::lines::read_line;
use super::link::Link;
use super::responses::{Ending, ending};
use super::session::Session;
use super::socket::Socket;
use crate::error::{Error, Kind, Peer, Result};
use crate::events::Observer;
use crate::protocol::Command;

/// Maximum number of lines of a greeting. On a socket pair the server announces no capabilities, so
/// its greeting has one line.
const GREETING_LINES: usize = 64;

impl Session {
    /// Opens a session with the replication server `program`, which runs at the other end of the
    /// socket pair. The server does not require a login on a UNIX socket. Also returns its
    /// greeting.
    ///
    /// # Errors
    /// [`Kind::Connect`] if the program does not greet like a replication server; errors of the
    /// connection.
    pub fn local(
        socket: UnixStream,
        program: &Path,
        greeting: Duration,
        timeout: Duration,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
    ) -> Result<(Session, String)> {
        let peer = Peer::OwnServer { path: program.to_owned() };
        let refused =
            |text: String| Error::new(Kind::Connect, "greet", &peer, text).with_peer(peer.clone());
        let mut link = Link::new(Socket::Unix(socket), peer.clone(), greeting, cancel)?;
        for _ in 0..GREETING_LINES {
            let line = read_line(&mut link)?;
            let line = String::from_utf8_lossy(&line);
            match line.strip_prefix("* ").and_then(|line| ending(line.as_bytes())) {
                Some(Ending::Ok(_)) => {
                    link.reply_ended();
                    link.set_timeout(timeout, "sync_timeout");
                    let session = local_session(link, observer)?;
                    return Ok((session, line.trim_start_matches("* ").trim_end().to_owned()));
                }
                Some(Ending::No(text) | Ending::Bad(text) | Ending::Bye(text)) => {
                    return Err(refused(format!("its greeting is: {text}")));
                }
                None if line.starts_with("* Fatal error: ") => return Err(refused(shown(&line))),
                None if line.starts_with("* ") => {}
                None => {
                    let line = shown(&line);
                    return Err(refused(format!(
                        "its greeting is not the one of a replication server: {line}"
                    )));
                }
            }
        }
        Err(refused("its greeting does not end".into()))
    }
}

/// Returns the start of a line, without control characters, for an error message.
fn shown(line: &str) -> String {
    let line = line.trim_start_matches("* ");
    line.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn local_session(link: Link, observer: Arc<dyn Observer>) -> Result<Session> {
    let mut session = Session::new(link, Tagger::new(Dialect::Csync), observer);
    // On a UNIX socket the server announces no capabilities. But it accepts the `#sieve` mailbox
    // from a client that names this capability.
    let ticket = session.submit(Command::Capabilities(&["SIEVE-MAILBOX"]))?;
    match session.wait(ticket) {
        Err(error) if error.is_connection() => Err(error),
        // Cyrus before 3.6 refuses the command. It has no `#sieve` mailbox either.
        _ => Ok(session),
    }
}
