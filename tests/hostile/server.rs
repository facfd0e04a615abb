//! A replica of a few lines.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

/// Listens on a free port; every connection is treated by `script` until this process ends.
pub fn serve(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port");
    let port = listener.local_addr().expect("a bound socket has a port").port();
    let script = Arc::new(script);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let script = script.clone();
            std::thread::spawn(move || script(&mut Peer::new(socket)));
        }
    });
    port
}

/// The client at the other end. Once it has gone, nothing that is sent matters.
pub struct Peer {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

impl Peer {
    fn new(socket: TcpStream) -> Peer {
        let input = BufReader::new(socket.try_clone().expect("dup of a socket"));
        Peer { input, output: socket }
    }

    /// Sends bytes; says whether anybody takes them.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.output.write_all(bytes).is_ok()
    }

    /// Sends the same over and over, as long as anybody takes it.
    pub fn flood(&mut self, piece: &[u8]) {
        let many = piece.repeat((64 << 10) / piece.len() + 1);
        while self.send(&many) {}
    }

    /// The next line of the client; empty if it has gone.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        let _ = self.input.read_until(b'\n', &mut line);
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Waits until the client has sent anything.
    pub fn heard(&mut self) {
        let _ = self.input.fill_buf();
    }

    /// Greets as a sync_server does, offering this beside PLAIN.
    pub fn greet(&mut self, offers: &str) {
        self.send(
            format!("* SASL PLAIN\r\n{offers}* OK lab Cyrus sync server 3.6.1\r\n").as_bytes(),
        );
    }

    /// Greets, and lets the client in.
    pub fn let_in(&mut self, offers: &str) {
        self.greet(offers);
        assert!(self.line().starts_with("AUTHENTICATE PLAIN "));
        self.send(b"OK success\r\n");
    }

    /// Lets the client in and reads its `GET USER`.
    pub fn asked_for_user(&mut self) {
        self.let_in("");
        let line = self.line();
        assert!(line.is_empty() || line == "GET USER fred", "{line}");
    }

    /// Keeps silent until the client has gone.
    pub fn wait_for_end(&mut self) {
        let _ = std::io::copy(&mut self.input, &mut std::io::sink());
    }
}
