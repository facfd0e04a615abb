//! Plays recorded replication from files to a server, as fast as its servers accept it. It reads no
//! spool, computes no hashes and compares nothing, so no client can be faster with the same number
//! of connections.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::cyrus::Cyrus;
use crate::imap::base64;
use crate::options::{PASSWORD, REPLICATOR};
use crate::sync_server::read_line;

/// Commands without arguments. After AUTHENTICATE, any other single word is part of the login.
const BARE: [&[u8]; 3] = [b"RESTART", b"NOOP", b"EXIT"];

/// The commands of one connection, stored in a file.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    /// Number of commands, each of which gets a reply.
    commands: usize,
}

impl Recording {
    /// Stores what clients sent on several connections, one after the other, without login and
    /// goodbye.
    ///
    /// # Errors
    /// If the file cannot be written, or the bytes are not a replication session.
    pub fn new(path: &Path, connections: &[&[u8]]) -> Result<Recording, String> {
        let mut file = File::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut commands = 0;
        for connection in connections {
            for command in after_login(connection)? {
                file.write_all(command).map_err(|e| format!("{}: {e}", path.display()))?;
                commands += 1;
            }
        }
        Ok(Recording { path: path.to_owned(), commands })
    }
}

/// Returns the commands after the login.
fn after_login(connection: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut rest = connection;
    let mut logging_in = None;
    let mut commands = Vec::new();
    while !rest.is_empty() {
        let before = rest;
        read_line(&mut rest).map_err(|_| "what was recorded ends within a command".to_owned())?;
        let command = before.get(..before.len() - rest.len()).unwrap_or_default();
        if !command.ends_with(b"\n") {
            return Err("what was recorded ends within a line".to_owned());
        }
        let words = command.trim_ascii_end();
        if command.starts_with(b"AUTHENTICATE ") {
            logging_in = Some(true);
        } else if logging_in == Some(true) && !words.contains(&b' ') && !BARE.contains(&words) {
            // Skip the client's answer to a challenge of the login.
        } else if words != b"EXIT" {
            logging_in = logging_in.and(Some(false));
            commands.push(command);
        }
    }
    if logging_in.is_none() || commands.is_empty() {
        return Err("what was recorded has no login, or nothing after it".to_owned());
    }
    Ok(commands)
}

/// Plays all recordings at once, each over its own connection. Returns the time from the first byte
/// after the logins to the last reply.
///
/// # Errors
/// If a command is refused.
pub fn play(replica: &Cyrus, recordings: &[Recording]) -> Result<Duration, String> {
    let barrier = Barrier::new(recordings.len() + 1);
    std::thread::scope(|scope| {
        let players: Vec<_> = recordings
            .iter()
            .map(|recording| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let connection = login(replica);
                    barrier.wait();
                    send_all(connection?, recording)
                })
            })
            .collect();
        barrier.wait();
        let started = Instant::now();
        for player in players {
            let played = player.join().map_err(|_| "a player panicked".to_owned())?;
            played.map_err(|e| format!("the recording: {e}"))?;
        }
        Ok(started.elapsed())
    })
}

struct Connection {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

fn login(replica: &Cyrus) -> io::Result<Connection> {
    let output = TcpStream::connect((Ipv4Addr::LOCALHOST, replica.csync_port()))?;
    output.set_nodelay(true)?;
    let mut connection = Connection { input: BufReader::new(output.try_clone()?), output };
    while !read_line(&mut connection.input)?.starts_with(b"* OK") {}
    let initial = base64(format!("\0{REPLICATOR}\0{PASSWORD}").as_bytes());
    connection.output.write_all(format!("AUTHENTICATE PLAIN {initial}\r\n").as_bytes())?;
    reply(&mut connection.input)?;
    Ok(connection)
}

fn send_all(connection: Connection, recording: &Recording) -> io::Result<()> {
    let Connection { mut input, mut output } = connection;
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let mut file = File::open(&recording.path)?;
            let mut buffer = vec![0; 256 << 10];
            loop {
                let size = file.read(&mut buffer)?;
                let Some(bytes) = buffer.get(..size).filter(|bytes| !bytes.is_empty()) else {
                    return Ok(output);
                };
                output.write_all(bytes)?;
            }
        });
        let mut replied = Ok(());
        for _ in 0..recording.commands {
            replied = reply(&mut input);
            if replied.is_err() {
                // Nobody reads further replies. Close the connection, so that the sender does not
                // wait forever.
                let _ = input.get_ref().shutdown(Shutdown::Both);
                break;
            }
        }
        let sent: io::Result<TcpStream> =
            sender.join().unwrap_or_else(|_| Err(io::Error::other("the sender panicked")));
        replied.and(sent.map(drop))
    })
}

/// Reads up to the end of a reply. Fails unless it is OK.
fn reply(input: &mut BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let line = read_line(input)?;
        if line.starts_with(b"OK") {
            return Ok(());
        }
        if !line.starts_with(b"* ") {
            return Err(io::Error::other(String::from_utf8_lossy(&line).trim_end().to_owned()));
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_and_goodbye_are_left_out() {
        let said = b"AUTHENTICATE SCRAM-SHA-256 abc=\r\nAHJl=\r\n\r\nGET USER fred\r\n\
            APPLY MESSAGE (%{default 0123 4+}\r\nEXIT)\r\nRESTART\r\nEXIT\r\n";
        let commands = after_login(said).expect("a recording");
        let wanted: [&[u8]; 3] = [
            b"GET USER fred\r\n",
            b"APPLY MESSAGE (%{default 0123 4+}\r\nEXIT)\r\n",
            b"RESTART\r\n",
        ];
        assert_eq!(commands, wanted);
    }

    #[test]
    fn bytes_that_are_no_session_are_refused() {
        for said in [&b""[..], b"GET USER fred\r\n", b"AUTHENTICATE PLAIN x\r\nGET USER fr"] {
            assert!(after_login(said).is_err(), "{}", said.escape_ascii());
        }
    }
}
