//! A scripted replica: it behaves like sync_server or imapd, in clear or over TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The protocol of a replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Csync,
    Imap,
}

/// The kind of replica, and the capabilities that it offers.
#[derive(Clone)]
pub struct Way {
    pub dialect: Dialect,
    /// The TLS configuration. If set, the replica offers STARTTLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether the replica offers compression.
    pub deflate: bool,
}

impl Way {
    /// Returns a replica without TLS and compression.
    pub fn plain(dialect: Dialect) -> Way {
        Way { dialect, tls: None, deflate: false }
    }

    pub fn name(&self) -> String {
        let tls = if self.tls.is_some() { " over TLS" } else { "" };
        let deflate = if self.deflate { ", compressed" } else { "" };
        format!("{:?}{tls}{deflate}", self.dialect)
    }
}

/// Listens on a free port and runs `script` for every connection until this process ends.
pub fn serve(way: Way, script: impl Fn(&mut Peer) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port");
    let port = listener.local_addr().expect("a bound socket has a port").port();
    let script = Arc::new(script);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (script, way) = (script.clone(), way.clone());
            std::thread::spawn(move || script(&mut Peer::new(socket, way)));
        }
    });
    port
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Reads a line of a command or reply with its literals. Returns an empty line at the end of the
/// input.
pub fn whole_line(input: &mut impl BufRead) -> Vec<u8> {
    let mut line = Vec::new();
    loop {
        if input.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return line;
        }
        let text = line.trim_ascii_end();
        let Some(text) = text.strip_suffix(b"}") else { return line };
        let text = text.strip_suffix(b"+").unwrap_or(text);
        let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = String::from_utf8_lossy(&text[text.len() - digits..]).into_owned();
        let Ok(size) = digits.parse::<u64>() else { return line };
        let _ = input.take(size).read_to_end(&mut line);
    }
}

/// The connection to a client. Once the client has disconnected, errors of sending are ignored.
pub struct Peer {
    stream: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
    way: Way,
    encrypted: bool,
    deflate: Option<DeflateEncoder<Vec<u8>>>,
    /// Tag of the last command, followed by a blank.
    tag: String,
    /// Bytes to send together with the next ones.
    later: Vec<u8>,
}

impl Peer {
    fn new(socket: TcpStream, way: Way) -> Peer {
        let stream: Box<dyn Stream> = Box::new(socket.try_clone().expect("dup of a socket"));
        let (stream, tag) = (BufReader::new(stream), String::new());
        Peer { stream, socket, way, encrypted: false, deflate: None, tag, later: Vec::new() }
    }

    /// Sends bytes. Returns `false` if the client has disconnected.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        let mut all = std::mem::take(&mut self.later);
        all.extend_from_slice(bytes);
        let bytes = &all;
        let packed = self.deflate.as_mut().map(|deflate| {
            // Writing to a vector cannot fail.
            let _ = deflate.write_all(bytes).and_then(|()| deflate.flush());
            std::mem::take(deflate.get_mut())
        });
        self.send_raw(packed.as_deref().unwrap_or(bytes))
    }

    /// Like [`Peer::send`], but without compression.
    pub fn send_raw(&mut self, bytes: &[u8]) -> bool {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).is_ok()
    }

    /// Sends the same bytes again and again until the client has disconnected.
    pub fn flood(&mut self, piece: &[u8]) {
        self.repeat(piece, usize::MAX);
    }

    /// Sends the same bytes about this many times. Keeps only a small part in memory.
    pub fn repeat(&mut self, piece: &[u8], times: usize) {
        let at_once = (64 << 10) / piece.len() + 1;
        let many = piece.repeat(at_once);
        for _ in 0..times.div_ceil(at_once) {
            if !self.send(&many) {
                return;
            }
        }
    }

    /// Sends one byte exactly this many times.
    pub fn repeat_to(&mut self, byte: &[u8; 1], times: usize) {
        let many = byte.repeat(64 << 10);
        let mut left = times;
        while left > 0 {
            let now = left.min(many.len());
            if !self.send(&many[..now]) {
                return;
            }
            left -= now;
        }
    }

    /// Like [`Peer::send`], for many small pieces: keeps the bytes and sends them with the next
    /// ones.
    pub fn send_later(&mut self, bytes: &[u8]) {
        self.later.extend_from_slice(bytes);
        if self.later.len() >= 64 << 10 {
            self.send(b"");
        }
    }

    /// Returns the last line of a reply: `OK` or `NO why`, with the tag of the last command.
    pub fn ending(&self, text: &str) -> Vec<u8> {
        format!("{}{text}\r\n", self.tag).into_bytes()
    }

    /// Sends the last line of a reply.
    pub fn end(&mut self, text: &str) {
        self.send(&self.ending(text));
    }

    /// Reads the next command, without its tag. Returns an empty text if the client has
    /// disconnected.
    pub fn command(&mut self) -> String {
        let line = whole_line(&mut self.stream);
        let line = &line[..line.len().min(200)];
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        match text.split_once(' ') {
            Some((tag, rest)) if self.way.dialect == Dialect::Imap => {
                self.tag = format!("{tag} ");
                rest.strip_prefix("SYNC").unwrap_or(rest).to_owned()
            }
            _ => text,
        }
    }

    /// Like [`Peer::command`], but returns the bytes unchanged.
    pub fn raw_command(&mut self) -> Vec<u8> {
        whole_line(&mut self.stream)
    }

    /// Waits until the client has sent at least one byte.
    pub fn heard(&mut self) {
        let _ = self.stream.fill_buf();
    }

    fn capabilities(&self, csync: bool) -> String {
        let tls = self.way.tls.is_some() && !self.encrypted;
        let deflate = self.way.deflate && self.deflate.is_none();
        let starttls = if tls { ["* STARTTLS\r\n", " STARTTLS"] } else { ["", ""] };
        let compress =
            if deflate { ["* COMPRESS DEFLATE\r\n", " COMPRESS=DEFLATE"] } else { ["", ""] };
        match csync {
            true => format!("* SASL PLAIN\r\n{}{}", starttls[0], compress[0]),
            false => format!(
                "CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN X-REPLICATION{}{}",
                starttls[1], compress[1]
            ),
        }
    }

    /// Greets like a Cyrus server.
    pub fn greet(&mut self) {
        let text = match self.way.dialect {
            Dialect::Csync => {
                format!("{}* OK lab Cyrus sync server 3.6.1\r\n", self.capabilities(true))
            }
            Dialect::Imap => {
                format!("* OK [{}] lab Cyrus IMAP 3.6.1 server ready\r\n", self.capabilities(false))
            }
        };
        self.send(text.as_bytes());
    }

    /// Starts TLS.
    pub fn encrypt(&mut self) {
        let config = self.way.tls.clone().expect("it offered TLS");
        let connection = ServerConnection::new(config).expect("a good configuration");
        let socket = self.socket.try_clone().expect("dup of a socket");
        self.stream = BufReader::new(Box::new(StreamOwned::new(connection, socket)));
        self.encrypted = true;
    }

    /// Answers all commands correctly up to the first that begins with `last`. Leaves that one
    /// unanswered.
    pub fn obey_until(&mut self, last: &str) {
        loop {
            let command = self.command();
            if command.is_empty() || command.starts_with(last) {
                return;
            }
            self.obey(&command);
            if self.deflate.is_some() {
                return self.heard();
            }
        }
    }

    fn obey(&mut self, command: &str) {
        match command.split(' ').next().unwrap_or_default() {
            "STARTTLS" => {
                self.end("OK begin");
                self.encrypt();
                if self.way.dialect == Dialect::Csync {
                    self.greet();
                }
            }
            "CAPABILITY" => {
                let text = self.capabilities(false);
                self.send(format!("* {text}\r\n").as_bytes());
                self.end("OK");
            }
            "COMPRESS" => {
                self.end("OK DEFLATE active");
                self.deflate = Some(DeflateEncoder::new(Vec::new(), Compression::best()));
            }
            "GET" => self.end("NO IMAP_MAILBOX_NONEXISTENT"),
            _ => self.end("OK success"),
        }
    }

    /// Performs the login and reads the client's `GET USER`.
    pub fn asked_for_user(&mut self) {
        self.greet();
        self.obey_until("GET USER fred");
    }

    /// Closes the connection.
    pub fn hang_up(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Reads commands without answering. Closes the connection after EXIT.
    pub fn wait_for_goodbye(&mut self) {
        loop {
            let command = self.raw_command();
            if command.is_empty() || command.starts_with(b"EXIT") {
                return self.hang_up();
            }
        }
    }

    /// Sends nothing and waits until the client has disconnected.
    pub fn wait_for_end(&mut self) {
        let _ = io::copy(&mut self.stream, &mut io::sink());
    }
}
