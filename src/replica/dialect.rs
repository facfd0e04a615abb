//! The two dialects of the replication protocol: that of sync_server (csync), which has no tags,
//! and the SYNC commands of imapd (`imap_csync_protocol` and `csync_protocol` in
//! `imap/sync_support.c`).

use super::lines::{read_line, send};
use super::link::Link;
use super::responses::{Ending, ending};
use crate::error::{Error, Kind, Result};
use crate::protocol::Verb;

/// Maximum number of untagged lines in the reply to a command of the login.
const UNTAGGED_LINES: usize = 256;

/// The dialect of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The dialect of sync_server: commands and replies have no tags.
    Csync,
    /// The dialect of imapd: commands have tags, and their names begin with SYNC.
    Imap,
}

impl Dialect {
    /// Returns the first word of a command, and whether arguments follow.
    pub fn verb(self, verb: Verb) -> (&'static str, bool) {
        match (self, verb) {
            (Dialect::Csync, Verb::Get) => ("GET ", true),
            (Dialect::Csync, Verb::Apply) => ("APPLY ", true),
            (Dialect::Csync, Verb::Restart) => ("RESTART", false),
            (Dialect::Imap, Verb::Get) => ("SYNCGET ", true),
            (Dialect::Imap, Verb::Apply) => ("SYNCAPPLY ", true),
            (Dialect::Imap, Verb::Restart) => ("SYNCRESTART", false),
        }
    }

    /// Returns the name of the service for SASL.
    pub fn service(self) -> &'static str {
        match self {
            Dialect::Csync => "csync",
            Dialect::Imap => "imap",
        }
    }

    /// Returns the command that ends a session.
    pub fn goodbye(self) -> &'static str {
        match self {
            Dialect::Csync => "EXIT",
            Dialect::Imap => "LOGOUT",
        }
    }
}

/// Makes the tags of commands, and finds the tags in the lines of replies.
#[derive(Debug)]
pub(super) struct Tagger {
    dialect: Dialect,
    last: u64,
    /// The last command sent during the login, without parts that may be secret.
    sent: String,
}

/// The tag of a command; `None` with csync, which has no tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(Option<u64>);

/// The meaning of a line of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    /// A line that starts with `* `. Holds the bytes after it.
    Untagged(&'l [u8]),
    /// A line that starts with `+`. Holds the text after it, without the end of the line.
    Continue(&'l [u8]),
    /// The end of the reply to the command with this tag.
    End(Tag, Ending),
    /// A line that is not valid here.
    Nonsense,
}

impl Tagger {
    /// Makes a tagger for a new connection.
    pub fn new(dialect: Dialect) -> Tagger {
        Tagger { dialect, last: 0, sent: String::from("nothing") }
    }

    /// Returns the dialect of the connection.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the tag for the next command.
    pub fn tag(&mut self) -> Tag {
        self.last += 1;
        Tag((self.dialect == Dialect::Imap).then_some(self.last))
    }

    /// Parses a line of a reply, including its tag.
    pub fn line<'l>(&self, line: &'l [u8]) -> Line<'l> {
        if let Some(rest) = line.strip_prefix(b"* ") {
            return Line::Untagged(rest);
        }
        if let Some(rest) = line.strip_prefix(b"+") {
            return Line::Continue(rest.trim_ascii());
        }
        let (tag, rest) = match self.dialect {
            Dialect::Csync => (Tag(None), line),
            Dialect::Imap => match read_tag(line) {
                Some((number, rest)) => (Tag(Some(number)), rest),
                None => return Line::Nonsense,
            },
        };
        ending(rest).map_or(Line::Nonsense, |ending| Line::End(tag, ending))
    }

    /// Sends a command line of the login.
    pub fn send(&mut self, link: &mut Link, command: &str) -> Result<Tag> {
        let tag = self.tag();
        // The words after the mechanism may contain a password.
        self.sent = command.split(' ').take(2).collect::<Vec<_>>().join(" ");
        send(link, &format!("{}{command}", tag.prefix()))?;
        Ok(tag)
    }

    /// Reads lines until the next `+` or the end of the reply to `tag`. Passes each untagged line
    /// before it to `untagged`, without `* `.
    ///
    /// # Errors
    /// Errors of the connection; [`Kind::Bye`] if the replica sends BYE; [`Kind::Protocol`] if the
    /// reply to another command ends, or if a line is not part of a reply.
    pub fn answer(
        &self,
        link: &mut Link,
        tag: Tag,
        untagged: &mut dyn FnMut(&[u8]),
    ) -> Result<Answer> {
        let mut last = Vec::new();
        self.read_answer(link, tag, untagged, &mut last).map_err(|error| {
            let (sent, last) = (&self.sent, shown(&last));
            let detail = format!(
                "{} (waiting for the reply to: {sent}; last reply: {last})",
                error.detail()
            );
            Error::new(error.kind(), error.op().to_owned(), error.subject(), detail)
                .with_hint(error.hint().to_owned())
                .with_source(error)
        })
    }

    fn read_answer(
        &self,
        link: &mut Link,
        tag: Tag,
        untagged: &mut dyn FnMut(&[u8]),
        last: &mut Vec<u8>,
    ) -> Result<Answer> {
        for _ in 0..UNTAGGED_LINES {
            let line = read_line(link)?;
            last.clone_from(&line);
            match self.line(&line) {
                Line::Untagged(rest) => match ending(rest) {
                    Some(Ending::Bye(text)) => return Err(goodbye(&text)),
                    _ => untagged(rest),
                },
                Line::Continue(text) => {
                    link.reply_ended();
                    return Ok(Answer::Continue(text.to_vec()));
                }
                Line::End(_, Ending::Bye(text)) => return Err(goodbye(&text)),
                Line::End(of, ending) if of == tag => {
                    link.reply_ended();
                    return Ok(Answer::End(ending));
                }
                Line::End(..) => return Err(nonsense("the reply to another command", &line)),
                Line::Nonsense => return Err(nonsense("no reply", &line)),
            }
        }
        Err(nonsense("the reply has too many lines", last))
    }
}

/// The answer to a command of the login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The replica requests more data. Holds the text after `+`.
    Continue(Vec<u8>),
    /// The last line of the reply.
    End(Ending),
}

impl Tag {
    /// Returns the tag as the command line starts with it: `C1 `, or nothing with csync.
    pub fn prefix(self) -> String {
        self.0.map(|number| format!("C{number} ")).unwrap_or_default()
    }
}

fn read_tag(line: &[u8]) -> Option<(u64, &[u8])> {
    let digits = line.strip_prefix(b"C")?;
    let end = digits.iter().position(|b| !b.is_ascii_digit())?;
    let (number, rest) = digits.split_at_checked(end)?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, rest.strip_prefix(b" ")?))
}

fn goodbye(text: &str) -> Error {
    Error::new(Kind::Bye, "talk to", "the replica", format!("BYE {text}"))
        .with_hint("the replica is shutting down or refused the connection; see its log")
}

fn nonsense(what: &str, line: &[u8]) -> Error {
    Error::new(Kind::Protocol, "understand", "the replica", format!("{what}: {}", shown(line)))
        .with_hint("check sync_host and sync_port: this may not be a Cyrus server")
}

/// Returns the start of a line for an error message.
fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    if line.is_empty() {
        "none".into()
    } else {
        line.chars().filter(|c| !c.is_control()).take(80).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imap_replies_belong_to_their_tags() {
        let mut tagger = Tagger::new(Dialect::Imap);
        let (first, second) = (tagger.tag(), tagger.tag());
        assert_eq!((first.prefix().as_str(), second.prefix().as_str()), ("C1 ", "C2 "));
        assert_eq!(tagger.line(b"C2 OK done\r\n"), Line::End(second, Ending::Ok("done".into())));
        assert_eq!(tagger.line(b"C1 NO\r\n"), Line::End(first, Ending::No(String::new())));
        assert_eq!(tagger.line(b"* X y\r\n"), Line::Untagged(b"X y\r\n"));
        assert_eq!(tagger.line(b"+ abc\r\n"), Line::Continue(b"abc"));
        for bad in ["OK\r\n", "C OK\r\n", "C1OK\r\n", "C99999999999999999999999 OK\r\n", "C1"] {
            assert_eq!(tagger.line(bad.as_bytes()), Line::Nonsense, "{bad}");
        }
    }

    #[test]
    fn csync_replies_have_no_tags() {
        let mut tagger = Tagger::new(Dialect::Csync);
        let tag = tagger.tag();
        assert_eq!(tag.prefix(), "");
        assert_eq!(tagger.line(b"OK\r\n"), Line::End(tag, Ending::Ok(String::new())));
        assert_eq!(tagger.line(b"C1 OK\r\n"), Line::Nonsense);
    }
}
