//! Delivers mail by LMTP, like a mail server.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use crate::cyrus::Cyrus;

/// An LMTP connection on the server's UNIX socket.
#[derive(Debug)]
pub struct Lmtp {
    input: BufReader<UnixStream>,
    output: UnixStream,
}

impl Lmtp {
    /// Connects and sends LHLO.
    pub fn connect(cyrus: &Cyrus) -> Lmtp {
        let stream = UnixStream::connect(cyrus.lmtp_socket()).expect("lmtpd listens");
        let output = stream.try_clone().expect("dup");
        let mut lmtp = Lmtp { input: BufReader::new(stream), output };
        lmtp.reply();
        lmtp.say("LHLO lab");
        lmtp
    }

    /// Delivers to a user (`fred`) or to one of the user's mailboxes (`fred+Sent`). Returns the
    /// server's reply, as an error if the message was refused.
    pub fn deliver(&mut self, recipient: &str, message: &[u8]) -> Result<String, String> {
        self.say("RSET");
        self.say("MAIL FROM:<sender@example.org>");
        let answer = self.say(&format!("RCPT TO:<{recipient}>"));
        if !answer.starts_with('2') {
            return Err(answer);
        }
        let answer = self.say("DATA");
        if !answer.starts_with('3') {
            return Err(answer);
        }
        let mut data = Vec::with_capacity(message.len() + 5);
        for line in message.split_inclusive(|c| *c == b'\n') {
            if line.starts_with(b".") {
                data.push(b'.');
            }
            data.extend(line);
        }
        if !data.ends_with(b"\r\n") {
            data.extend(b"\r\n");
        }
        data.extend(b".\r\n");
        self.output.write_all(&data).expect("lmtpd takes data");
        let answer = self.reply();
        if answer.starts_with('2') { Ok(answer) } else { Err(answer) }
    }

    fn say(&mut self, line: &str) -> String {
        self.output.write_all(format!("{line}\r\n").as_bytes()).expect("lmtpd takes commands");
        self.reply()
    }

    /// Reads up to the last line of a reply and returns that line.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            let got = self.input.read_line(&mut line).expect("lmtpd answers");
            assert!(got > 0, "lmtpd hung up");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }
}
