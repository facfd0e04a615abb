//! A small IMAP client. Commands are text, and literals are sent without waiting (LITERAL+).

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::cyrus::Cyrus;
use crate::options::{ADMIN, PASSWORD};
use crate::sync_server::read_line;

/// The result of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok,
    /// The command was refused.
    No,
    /// The command was not understood.
    Bad,
    /// The server closes the connection.
    Bye,
}

impl Status {
    pub(crate) fn parse(word: &str) -> Status {
        match word.to_ascii_uppercase().as_str() {
            "OK" => Status::Ok,
            "NO" => Status::No,
            "BYE" => Status::Bye,
            _ => Status::Bad,
        }
    }
}

/// The response to an IMAP command.
#[derive(Debug, Clone)]
pub struct Response {
    /// The result.
    pub status: Status,
    /// The text of the tagged line.
    pub text: String,
    /// Untagged lines without `* `, including literals.
    pub untagged: Vec<Vec<u8>>,
}

impl Response {
    /// Returns whether the result is OK.
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// Returns the untagged lines as text. Invalid UTF-8 is replaced.
    pub fn lines(&self) -> Vec<String> {
        self.untagged.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect()
    }
}

/// An IMAP connection.
#[derive(Debug)]
pub struct Imap {
    input: BufReader<TcpStream>,
    output: TcpStream,
    tags: u32,
    /// Whether the server uses the names of RFC 9208 for quota resources (Cyrus 3.10 and later;
    /// `quota_names` in `imap/quota_db.c`).
    names_of_rfc_9208: bool,
}

impl Imap {
    /// Logs in as a user. The user needs no password, because the administrator authenticates.
    pub fn login(cyrus: &Cyrus, user: &str) -> Imap {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, cyrus.imap_port()))
            .unwrap_or_else(|e| panic!("{} has no imapd: {e}", cyrus.name()));
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let output = stream.try_clone().expect("dup");
        let input = BufReader::new(stream);
        let names_of_rfc_9208 = cyrus.release().version() >= (3, 10);
        let mut imap = Imap { input, output, tags: 0, names_of_rfc_9208 };
        imap.line();
        let identity = if user == ADMIN { String::new() } else { user.to_owned() };
        let initial = base64(format!("{identity}\0{ADMIN}\0{PASSWORD}").as_bytes());
        imap.ok(&format!("AUTHENTICATE PLAIN {initial}"));
        imap
    }

    /// Logs in as the administrator.
    pub fn admin(cyrus: &Cyrus) -> Imap {
        Imap::login(cyrus, ADMIN)
    }

    /// Sends a command and reads its response. In SETQUOTA, quota resources have the names of Cyrus
    /// 3.6; a later server is sent the names that it uses itself.
    pub fn command(&mut self, command: &str) -> Response {
        if self.names_of_rfc_9208 && command.starts_with("SETQUOTA ") {
            let names =
                [("X-ANNOTATION-STORAGE", "ANNOTATION-STORAGE"), ("X-NUM-FOLDERS", "MAILBOX")];
            let renamed =
                names.iter().fold(command.to_owned(), |text, (old, new)| text.replace(old, new));
            return self.command_bytes(renamed.as_bytes());
        }
        self.command_bytes(command.as_bytes())
    }

    /// Sends a command that may contain literals. Write a literal as `{5+}`, CRLF, five bytes.
    pub fn command_bytes(&mut self, command: &[u8]) -> Response {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        let line = [tag.as_bytes(), b" ", command, b"\r\n"].concat();
        self.output.write_all(&line).expect("imapd takes commands");
        let tag = format!("{tag} ");
        let mut untagged = Vec::new();
        loop {
            let line = self.line();
            if let Some(item) = line.strip_prefix(b"* ") {
                untagged.push(item.to_vec());
            } else if let Some(rest) = line.strip_prefix(tag.as_bytes()) {
                let text = String::from_utf8_lossy(rest).into_owned();
                let (status, text) = text.split_once(' ').unwrap_or((&text, ""));
                let (status, text) = (Status::parse(status), text.to_owned());
                return Response { status, text, untagged };
            } else {
                panic!("imapd: {}", String::from_utf8_lossy(&line));
            }
        }
    }

    /// Sends a command that must succeed.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> Response {
        let response = self.command(command);
        assert!(response.is_ok(), "IMAP {command}: {:?} {}", response.status, response.text);
        response
    }

    /// Appends a message. `flags` has the form `\Seen $Label`.
    pub fn append(&mut self, mailbox: &str, flags: &str, message: &[u8]) -> Response {
        let head = format!("APPEND {} ({flags}) {{{}+}}\r\n", quote(mailbox), message.len());
        self.command_bytes(&[head.as_bytes(), message].concat())
    }

    /// Selects a mailbox. Panics if that fails.
    #[track_caller]
    pub fn with_selected(mut self, mailbox: &str) -> Imap {
        self.ok(&format!("SELECT {}", quote(mailbox)));
        self
    }

    /// Sends `STORE` for UIDs with `what`, such as `+FLAGS (\Seen)` or `FLAGS ($A $B)`.
    pub fn uid_store(&mut self, uids: &str, what: &str) -> Response {
        self.command(&format!("UID STORE {uids} {what}"))
    }

    /// Sets an annotation of messages in the selected mailbox, or removes it with `None`. `private`
    /// selects the user's own value.
    pub fn annotate_messages(
        &mut self,
        uids: &str,
        entry: &str,
        private: bool,
        value: Option<&[u8]>,
    ) -> Response {
        let attribute = if private { "value.priv" } else { "value.shared" };
        let mut command = format!("UID STORE {uids} ANNOTATION ({} ({attribute} ", quote(entry));
        let mut bytes = std::mem::take(&mut command).into_bytes();
        bytes.extend(string_or_nil(value));
        bytes.extend(b"))");
        self.command_bytes(&bytes)
    }

    /// Sets an annotation of a mailbox or of the server (`""`), or removes it with `None`. The
    /// entry begins with `/shared/` or `/private/`.
    pub fn set_metadata(&mut self, mailbox: &str, entry: &str, value: Option<&[u8]>) -> Response {
        let mut bytes = format!("SETMETADATA {} ({} ", quote(mailbox), quote(entry)).into_bytes();
        bytes.extend(string_or_nil(value));
        bytes.push(b')');
        self.command_bytes(&bytes)
    }

    /// Sets the limits of a quota root, such as `STORAGE 1000 MESSAGE 50`. An empty text removes
    /// them.
    pub fn set_quota(&mut self, root: &str, limits: &str) -> Response {
        self.command(&format!("SETQUOTA {} ({limits})", quote(root)))
    }

    /// Returns the UIDs of the selected mailbox, in ascending order.
    pub fn uids(&mut self) -> Vec<u32> {
        let found = self.ok("UID SEARCH ALL");
        let lines = found.lines();
        let line = lines.iter().find_map(|l| l.strip_prefix("SEARCH")).unwrap_or("");
        line.split_whitespace().filter_map(|n| n.parse().ok()).collect()
    }

    /// Returns the mailbox names for `LIST "" pattern`, without those that cannot be selected.
    pub fn list(&mut self, pattern: &str) -> Vec<String> {
        let found = self.ok(&format!("LIST \"\" {}", quote(pattern)));
        let selectable = found.lines().into_iter().filter(|l| {
            l.starts_with("LIST ") && !l.contains("\\Noselect") && !l.contains("\\NonExistent")
        });
        selectable.filter_map(|line| last_string(&line)).collect()
    }

    fn line(&mut self) -> Vec<u8> {
        let line = read_line(&mut self.input).expect("imapd answers");
        line.strip_suffix(b"\r\n").unwrap_or(&line).to_vec()
    }
}

/// Returns the last quoted string or atom of a line.
fn last_string(line: &str) -> Option<String> {
    if !line.ends_with('"') {
        return line.rsplit_once(' ').map(|(_, atom)| atom.to_owned());
    }
    // LIST (...) "/" "name"
    let (_, name) = line.strip_suffix('"')?.rsplit_once(" \"")?;
    Some(name.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Returns a quoted string. The text must not contain CR, LF or NUL.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn string_or_nil(value: Option<&[u8]>) -> Vec<u8> {
    match value {
        None => b"NIL".to_vec(),
        Some(value) => [format!("{{{}+}}\r\n", value.len()).as_bytes(), value].concat(),
    }
}

/// Encodes bytes as Base64 (RFC 4648) with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * n) & 63).expect("six bits");
            out.push(if n > chunk.len() { '=' } else { char::from(DIGITS[digit]) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let encoded: Vec<_> = texts.iter().map(|t| base64(t.as_bytes())).collect();
        let known = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(encoded, known);
    }

    #[test]
    fn names_are_taken_from_list_lines() {
        assert_eq!(last_string(r#"LIST (\X) "/" INBOX"#).as_deref(), Some("INBOX"));
        assert_eq!(last_string(r#"LIST () "/" "a b \"c\"""#).as_deref(), Some("a b \"c\""));
    }
}
