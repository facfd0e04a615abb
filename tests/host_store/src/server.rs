//! Runs the master's own `sync_server` on a socket pair. Sends it commands as text, one by one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running server.
pub struct Server {
    input: BufReader<UnixStream>,
    output: UnixStream,
    child: Child,
}

impl Server {
    /// Starts the server and announces that this client supports the #sieve mailbox.
    pub fn start(program: &Path, imapd_conf: &Path) -> io::Result<Server> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let child = Command::new(program)
            .arg("-C")
            .arg(imapd_conf)
            .arg("-X")
            .env("CYRUS_SERVICE", "sync_repair")
            .env("CYRUS_ID", "0")
            .stdin(Stdio::from(theirs.try_clone()?))
            .stdout(Stdio::from(theirs))
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Server { input: BufReader::new(ours.try_clone()?), output: ours, child };
        let mut line = String::new();
        while !line.starts_with("* OK") {
            line.clear();
            if server.input.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        server.ask(b"APPLY CAPABILITIES (SIEVE-MAILBOX)\r\n")?;
        Ok(server)
    }

    /// Sends a command and reads the reply to it.
    pub fn ask(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.output.write_all(command)?;
        let mut reply = Vec::new();
        loop {
            let line = self.line()?;
            reply.extend_from_slice(&line);
            if !line.starts_with(b"* ") {
                return Ok(reply);
            }
        }
    }

    /// Reads a line with its literals. `{n+}` at the end of a part announces n bytes; the line
    /// continues after them.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            if self.input.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(length) = announced(&line) else { return Ok(line) };
            let before = line.len();
            line.resize(before + length, 0);
            self.input.read_exact(&mut line[before..])?;
        }
    }
}

/// Returns the length of the literal that a part of a line announces. Returns `None` if there is no
/// literal.
fn announced(part: &[u8]) -> Option<usize> {
    let part = part.strip_suffix(b"}\r\n")?;
    let part = part.strip_suffix(b"+").unwrap_or(part);
    let start = part.iter().rposition(|byte| !byte.is_ascii_digit())? + 1;
    let is_announced = part[..start].ends_with(b"{");
    str::from_utf8(&part[start..]).ok()?.parse().ok().filter(|_| is_announced)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.output.write_all(b"EXIT\r\n");
        let _ = self.output.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}
