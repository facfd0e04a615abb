//! Runs Cyrus's replication server on a socket pair. It reads and writes one spool without network,
//! login or daemons.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use crate::cyrus::Cyrus;
use crate::dlist::Value;
use crate::imap::Status;

/// A running `sync_server -X`. On a UNIX socket, its clients are already authorised.
#[derive(Debug)]
pub struct SyncServer {
    input: BufReader<UnixStream>,
    output: UnixStream,
    child: Child,
}

/// The reply to a command.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The untagged items: name and value.
    pub items: Vec<(String, Value)>,
    /// The result.
    pub status: Status,
    /// The text after OK, NO or BAD.
    pub text: String,
}

impl Reply {
    /// Returns the items of a successful reply.
    ///
    /// # Panics
    /// If the reply is not OK.
    #[track_caller]
    pub fn ok(self) -> Vec<(String, Value)> {
        assert!(self.status == Status::Ok, "sync_server: {:?} {}", self.status, self.text);
        self.items
    }
}

impl SyncServer {
    /// Starts it on a server's spool. The daemons may run at the same time.
    pub fn spawn(cyrus: &Cyrus) -> SyncServer {
        let (ours, theirs) = UnixStream::pair().expect("socketpair");
        let theirs = OwnedFd::from(theirs);
        let mut command = cyrus.program("sync_server");
        command
            .arg("-X")
            .env("CYRUS_SERVICE", "csync")
            .env("CYRUS_ID", "0")
            .stdin(Stdio::from(theirs.try_clone().expect("dup")))
            .stdout(Stdio::from(theirs))
            .stderr(Stdio::null());
        let child = command.spawn().expect("cannot start sync_server");
        let output = ours.try_clone().expect("dup");
        let mut server = SyncServer { input: BufReader::new(ours), output, child };
        let greeting = server.reply();
        assert!(greeting.status == Status::Ok, "sync_server greets with {greeting:?}");
        server
    }

    /// Sends `GET NAME value` and reads the reply.
    pub fn get(&mut self, name: &str, value: &Value) -> Reply {
        self.command("GET", name, value)
    }

    /// Sends `APPLY NAME value` and reads the reply.
    pub fn apply(&mut self, name: &str, value: &Value) -> Reply {
        self.command("APPLY", name, value)
    }

    /// Sends any command with a named value, such as `RESTORE`, and reads the reply.
    pub fn command(&mut self, verb: &str, name: &str, value: &Value) -> Reply {
        let mut line = format!("{verb} {name} ").into_bytes();
        value.write(&mut line);
        line.extend(b"\r\n");
        self.send(&line);
        self.reply()
    }

    /// Drops the staged message files of this session.
    pub fn restart(&mut self) {
        self.send(b"RESTART\r\n");
        self.reply().ok();
    }

    /// Writes bytes unchanged. The caller must call [`SyncServer::reply`] once for each command in
    /// them.
    pub fn send(&mut self, bytes: &[u8]) {
        self.output.write_all(bytes).expect("sync_server takes commands");
    }

    /// Reads the reply to the oldest unanswered command.
    pub fn reply(&mut self) -> Reply {
        let mut items = Vec::new();
        loop {
            let line = read_line(&mut self.input).expect("sync_server answers");
            let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
            if let Some(item) = line.strip_prefix(b"* ")
                && !item.starts_with(b"OK ")
            {
                // The capabilities in the greeting are not named values, so skip them.
                if let Ok(item) = Value::parse_named(item) {
                    items.push(item);
                }
                continue;
            }
            let text = String::from_utf8_lossy(line).into_owned();
            let text = text.strip_prefix("* ").unwrap_or(&text);
            let (status, text) = text.split_once(' ').unwrap_or((text, ""));
            return Reply { items, status: Status::parse(status), text: text.to_owned() };
        }
    }
}

impl Drop for SyncServer {
    fn drop(&mut self) {
        // At the end of its input, the server removes its staging files and exits.
        let _ = self.output.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// Reads a line with its literals. Fails if the input ends before the line does.
pub(crate) fn read_line(input: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let start = line.len();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some(size) = literal_size(&line[start..]) else { return Ok(line) };
        let got = input.by_ref().take(size).read_to_end(&mut line)?;
        if got as u64 != size {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Returns the size of the literal that a line announces at its end: `{5}`, `{5+}`, `%{partition
/// guid 5}`.
fn literal_size(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}\r\n")?;
    let inside = inside.strip_suffix(b"+").unwrap_or(inside);
    let start = inside.iter().rposition(|c| !c.is_ascii_digit())?;
    let (before, digits) = inside.split_at(start + 1);
    if !matches!(before.last(), Some(b'{' | b' ')) || !before.contains(&b'{') {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
