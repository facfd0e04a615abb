//! A replica as a script of a few lines: a sync_server or an imapd, in clear or over TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The protocol that a replica speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    Csync,
    Imap,
}

/// The kind of replica, and the capabilities that it offers.
#[derive(Clone)]
pub struct Way {
    pub dialect: Dialect,
    /// If set, it offers STARTTLS with this certificate.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether it offers compression.
    pub deflate: bool,
}

impl Way {
    /// In clear, uncompressed.
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

/// Reads a command or reply line with its literals, unparsed; empty at the end of the input.
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

/// The client at the other end. Once it has gone, nothing that is sent matters.
pub struct Peer {
    stream: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
    way: Way,
    encrypted: bool,
    deflate: Option<DeflateEncoder<Vec<u8>>>,
    /// Tag of the last command, with a blank after it.
    tag: String,
    /// Bytes that were not sent yet.
    later: Vec<u8>,
}

impl Peer {
    fn new(socket: TcpStream, way: Way) -> Peer {
        let stream: Box<dyn Stream> = Box::new(socket.try_clone().expect("dup of a socket"));
        let (stream, tag) = (BufReader::new(stream), String::new());
        Peer { stream, socket, way, encrypted: false, deflate: None, tag, later: Vec::new() }
    }

    /// Sends bytes; returns whether the client is still there.
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

    /// Like [`Peer::send`], but not compressed.
    pub fn send_raw(&mut self, bytes: &[u8]) -> bool {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).is_ok()
    }

    /// Sends the same bytes over and over until the client has gone.
    pub fn flood(&mut self, piece: &[u8]) {
        self.repeat(piece, usize::MAX);
    }

    /// Sends the same bytes about this many times, with little of it in memory.
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

    /// Like [`Peer::send`], for many small pieces: they go together with the next bytes sent.
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

    /// Reads the next command, without its tag; empty if the client has gone.
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

    /// Like [`Peer::command`], but unparsed.
    pub fn raw_command(&mut self) -> Vec<u8> {
        whole_line(&mut self.stream)
    }

    /// Waits until the client has sent anything.
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

    /// Answers all commands properly up to one that begins with these words, which gets no answer.
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

    /// Lets the client log in and waits for its `GET USER`.
    pub fn asked_for_user(&mut self) {
        self.greet();
        self.obey_until("GET USER fred");
    }

    /// Closes the connection.
    pub fn hang_up(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Answers only a goodbye until the client has gone.
    pub fn wait_for_goodbye(&mut self) {
        loop {
            let command = self.raw_command();
            if command.is_empty() || command.starts_with(b"EXIT") {
                return self.hang_up();
            }
        }
    }

    /// Stays silent until the client has gone.
    pub fn wait_for_end(&mut self) {
        let _ = io::copy(&mut self.stream, &mut io::sink());
    }
}
