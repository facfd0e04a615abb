//! A small ManageSieve client (RFC 5804).

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::cyrus::Cyrus;
use crate::imap::{Status, base64, quote};
use crate::options::{ADMIN, PASSWORD};
use crate::sync_server::read_line;

/// A ManageSieve connection.
#[derive(Debug)]
pub struct Sieve {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

impl Sieve {
    /// Logs in as a user. The user needs no password, because the administrator authenticates.
    pub fn login(cyrus: &Cyrus, user: &str) -> Sieve {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, cyrus.sieve_port()))
            .unwrap_or_else(|e| panic!("{} has no timsieved: {e}", cyrus.name()));
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let output = stream.try_clone().expect("dup");
        let mut sieve = Sieve { input: BufReader::new(stream), output };
        sieve.reply();
        let initial = base64(format!("{user}\0{ADMIN}\0{PASSWORD}").as_bytes());
        let (status, text) = sieve.command(&format!("AUTHENTICATE \"PLAIN\" {}", quote(&initial)));
        assert!(status == Status::Ok, "timsieved: {text}");
        sieve
    }

    /// Sends a command. Returns its result and all lines of the reply.
    pub fn command(&mut self, command: &str) -> (Status, String) {
        let line = format!("{command}\r\n");
        self.output.write_all(line.as_bytes()).expect("timsieved takes commands");
        self.reply()
    }

    /// Stores a script. The server compiles it, so it must be valid.
    pub fn put(&mut self, name: &str, script: &str) -> (Status, String) {
        self.command(&format!("PUTSCRIPT {} {{{}+}}\r\n{script}", quote(name), script.len()))
    }

    /// Activates a script. An empty name deactivates the active one.
    pub fn activate(&mut self, name: &str) -> (Status, String) {
        self.command(&format!("SETACTIVE {}", quote(name)))
    }

    /// Deletes a script, which must not be active.
    pub fn delete(&mut self, name: &str) -> (Status, String) {
        self.command(&format!("DELETESCRIPT {}", quote(name)))
    }

    fn reply(&mut self) -> (Status, String) {
        let mut text = String::new();
        loop {
            let line = read_line(&mut self.input).expect("timsieved answers");
            let line = String::from_utf8_lossy(&line).into_owned();
            text.push_str(&line);
            let word = line.split([' ', '\r', '(']).next().unwrap_or("");
            if matches!(word, "OK" | "NO" | "BYE") {
                return (Status::parse(word), text);
            }
        }
    }
}
