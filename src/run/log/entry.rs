//! Parses and writes entries of a sync log (`sync_log_*` in Cyrus's `imap/sync_log.h`). Pure: no
//! I/O, no clock.

use std::borrow::Cow;

use crate::error::Subject;
use crate::types::{MboxName, Text, UniqueId, UserId};

/// The maximum number of bytes of an unknown action that an error message shows.
const ACTION: usize = 40;

/// A change that Cyrus's daemons have logged for replication.
///
/// ```
/// use cyrsync::LogEntry;
///
/// assert_eq!(LogEntry::parse(b"USER fred"), Ok(Some(LogEntry::User("fred".into()))));
/// assert!(LogEntry::parse(b"JUGGLE fred").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogEntry {
    /// `USER`: replicate everything of a user.
    User(UserId),
    /// `UNUSER`: a user was deleted.
    UnUser(UserId),
    /// `META`, and `SIEVE` of early versions: seen state, subscriptions and scripts of a user.
    Meta(UserId),
    /// `MAILBOX`, `APPEND`: a mailbox changed.
    Mailbox(MboxName),
    /// `DOUBLEMAILBOX`: messages were copied or moved from the first mailbox to the second.
    Double(MboxName, MboxName),
    /// `RENAME`: a mailbox was renamed, from the first name to the second.
    Rename(MboxName, MboxName),
    /// `UNMAILBOX`: a mailbox was deleted.
    UnMailbox(MboxName),
    /// `QUOTA`: the limits of a quota root changed.
    Quota(Text),
    /// `ANNOTATION`: annotations of a mailbox changed or, with an empty name, those of the server.
    Annotation(MboxName),
    /// `SEEN`: the seen state of a user changed, in the mailbox with this uniqueid.
    Seen(UserId, UniqueId),
    /// `SUB`, `UNSUB`: a user's subscription to a mailbox began or ended.
    Sub(UserId, MboxName),
}

impl LogEntry {
    /// Parses a line without its line end. The line includes the bytes of its literals. Returns
    /// `None` for a blank line.
    ///
    /// # Errors
    /// A short description of what is wrong with the line.
    pub fn parse(line: &[u8]) -> Result<Option<LogEntry>, Cow<'static, str>> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(None);
        }
        let space = line.iter().position(|byte| *byte == b' ').ok_or("no name follows")?;
        let (word, rest) = line.split_at_checked(space).unwrap_or_default();
        let (first, rest) = astring(rest.get(1..).unwrap_or_default())?;
        let second = match rest {
            [] => None,
            [b' ', rest @ ..] => match astring(rest)? {
                (second, []) => Some(second),
                _ => return Err("there is more after the names".into()),
            },
            _ => return Err("there is more after the name".into()),
        };
        let both = |second: Option<Vec<u8>>| second.ok_or("the second name is missing");
        let word = word.to_ascii_uppercase();
        let item = match word.as_slice() {
            b"USER" => LogEntry::User(first.into()),
            b"UNUSER" => LogEntry::UnUser(first.into()),
            b"META" | b"SIEVE" => LogEntry::Meta(first.into()),
            b"APPEND" | b"MAILBOX" | b"DOUBLEMAILBOX" => match second {
                Some(second) => LogEntry::Double(first.into(), second.into()),
                None => LogEntry::Mailbox(first.into()),
            },
            b"RENAME" => LogEntry::Rename(first.into(), both(second)?.into()),
            b"UNMAILBOX" => LogEntry::UnMailbox(first.into()),
            b"QUOTA" => LogEntry::Quota(first.into()),
            b"ANNOTATION" => LogEntry::Annotation(first.into()),
            b"SEEN" => LogEntry::Seen(first.into(), both(second)?.into()),
            b"SUB" | b"UNSUB" => LogEntry::Sub(first.into(), both(second)?.into()),
            // Cyrus's client reports the same text.
            other => {
                let word = other.get(..ACTION).unwrap_or(other).escape_ascii();
                return Err(format!("Unknown action type: {word}").into());
            }
        };
        match item.first_name() {
            [] if !matches!(item, LogEntry::Annotation(_)) => Err("the name is empty".into()),
            _ => Ok(Some(item)),
        }
    }

    fn first_name(&self) -> &[u8] {
        match self {
            LogEntry::User(user) | LogEntry::UnUser(user) | LogEntry::Meta(user) => user.as_bytes(),
            LogEntry::Seen(user, _) | LogEntry::Sub(user, _) => user.as_bytes(),
            LogEntry::Mailbox(name) | LogEntry::UnMailbox(name) | LogEntry::Annotation(name) => {
                name.as_bytes()
            }
            LogEntry::Double(name, _) | LogEntry::Rename(name, _) => name.as_bytes(),
            LogEntry::Quota(root) => root.as_bytes(),
        }
    }

    /// Returns the user, mailbox or quota root of the entry. For a rename, this is the new mailbox
    /// name.
    pub fn subject(&self) -> Subject {
        match self {
            LogEntry::User(user) | LogEntry::UnUser(user) | LogEntry::Meta(user) => user.into(),
            LogEntry::Seen(user, _) | LogEntry::Sub(user, _) => user.into(),
            LogEntry::Annotation(name) if name.is_empty() => Subject::item(self.text()),
            LogEntry::Mailbox(name) | LogEntry::UnMailbox(name) | LogEntry::Annotation(name) => {
                name.into()
            }
            LogEntry::Double(_, name) | LogEntry::Rename(_, name) => name.into(),
            LogEntry::Quota(root) => Subject::item(root.clone()),
        }
    }

    /// Writes the entry as a line with its line end, in the form that Cyrus writes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (word, second) = match self {
            LogEntry::User(_) => ("USER", None),
            LogEntry::UnUser(_) => ("UNUSER", None),
            LogEntry::Meta(_) => ("META", None),
            LogEntry::Mailbox(_) => ("MAILBOX", None),
            LogEntry::Double(_, second) => ("DOUBLEMAILBOX", Some(second.as_bytes())),
            LogEntry::Rename(_, second) => ("RENAME", Some(second.as_bytes())),
            LogEntry::UnMailbox(_) => ("UNMAILBOX", None),
            LogEntry::Quota(_) => ("QUOTA", None),
            LogEntry::Annotation(_) => ("ANNOTATION", None),
            LogEntry::Seen(_, id) => ("SEEN", Some(id.as_bytes())),
            LogEntry::Sub(_, name) => ("SUB", Some(name.as_bytes())),
        };
        out.extend_from_slice(word.as_bytes());
        for name in [Some(self.first_name()), second].into_iter().flatten() {
            out.push(b' ');
            quote(name, out);
        }
        out.push(b'\n');
    }

    /// Returns the line without its line end.
    pub fn text(&self) -> Text {
        let mut line = Vec::new();
        self.write(&mut line);
        Text::new(line.trim_ascii_end())
    }
}

/// Shows the line, for messages.
impl std::fmt::Display for LogEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text().fmt(f)
    }
}

/// Parses an atom, a quoted string or a literal (`getastring` in `imap/imapparse.c`). Returns its
/// value and the rest of the text.
fn astring(text: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    match text {
        [] => Err("the name is missing"),
        [b'"', rest @ ..] => quoted(rest),
        [b'{', rest @ ..] => literal(rest),
        _ => {
            let special = |byte: &u8| matches!(byte, b' ' | b'\t' | b'(' | b')' | b'"');
            let end = text.iter().position(special).unwrap_or(text.len());
            let (atom, rest) = text.split_at_checked(end).unwrap_or_default();
            Ok((atom.to_vec(), rest))
        }
    }
}

fn quoted(text: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Ok((value, rest)),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                value.push(*byte);
                rest
            }
            [] => return Err("a quoted name has no end"),
        };
    }
}

/// Parses a literal after its opening brace: `5}` or `5+}`, a line end and five bytes.
fn literal(text: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    const WRONG: &str = "a literal name is cut off";
    let (len, rest) = literal_head(text).ok_or(WRONG)?;
    let (value, rest) = rest.split_at_checked(len).ok_or(WRONG)?;
    Ok((value.to_vec(), rest))
}

/// Parses the length of a literal, after its opening brace and up to the line end. Returns the
/// length and the text after the line end.
fn literal_head(text: &[u8]) -> Option<(usize, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let len = std::str::from_utf8(number).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(b"+").unwrap_or(rest).strip_prefix(b"}")?;
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
    Some((len, rest))
}

/// Returns the length of the literal that follows this line, or `None` if the line does not end
/// with the head of a literal.
pub(super) fn continues(line: &[u8]) -> Option<usize> {
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    let (before, head) = line.split_at_checked(open)?;
    // Only a literal has an unescaped brace directly after a space.
    if before.last() != Some(&b' ') {
        return None;
    }
    match literal_head(head.get(1..)?) {
        Some((len, [])) => Some(len),
        _ => None,
    }
}

/// Writes a name, with quotes where Cyrus uses them (`sync_quote_name` in `imap/sync_log.c`). A
/// name with a line break, which Cyrus does not log, becomes a literal.
fn quote(name: &[u8], out: &mut Vec<u8>) {
    if name.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        out.extend_from_slice(format!("{{{}+}}\r\n", name.len()).as_bytes());
        out.extend_from_slice(name);
        return;
    }
    let special =
        |byte: &u8| matches!(byte, b'\\' | b'"' | b'{' | b'}' | b' ' | b'\t' | b'(' | b')');
    if !name.is_empty() && !name.iter().any(special) {
        out.extend_from_slice(name);
        return;
    }
    out.push(b'"');
    for byte in name {
        if matches!(byte, b'\\' | b'"' | b'{' | b'}') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<LogEntry>, Cow<'static, str>> {
        LogEntry::parse(line.as_bytes())
    }

    #[test]
    fn every_action_of_cyrus_is_known() {
        for (line, item) in [
            ("USER fred", LogEntry::User("fred".into())),
            ("UNUSER fred", LogEntry::UnUser("fred".into())),
            ("META fred", LogEntry::Meta("fred".into())),
            ("SIEVE fred", LogEntry::Meta("fred".into())),
            ("APPEND user.fred", LogEntry::Mailbox("user.fred".into())),
            ("mailbox user.fred\r", LogEntry::Mailbox("user.fred".into())),
            ("MAILBOX user.a user.b", LogEntry::Double("user.a".into(), "user.b".into())),
            ("DOUBLEMAILBOX user.a user.b", LogEntry::Double("user.a".into(), "user.b".into())),
            ("RENAME user.a user.b", LogEntry::Rename("user.a".into(), "user.b".into())),
            ("UNMAILBOX user.fred", LogEntry::UnMailbox("user.fred".into())),
            ("QUOTA user.fred", LogEntry::Quota("user.fred".into())),
            ("ANNOTATION user.fred", LogEntry::Annotation("user.fred".into())),
            ("ANNOTATION \"\"", LogEntry::Annotation("".into())),
            ("SEEN fred 6a5b", LogEntry::Seen("fred".into(), "6a5b".into())),
            ("SUB fred user.x", LogEntry::Sub("fred".into(), "user.x".into())),
            ("UNSUB fred user.x", LogEntry::Sub("fred".into(), "user.x".into())),
        ] {
            assert_eq!(parse(line), Ok(Some(item)), "{line}");
        }
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("\r"), Ok(None));
    }

    #[test]
    fn names_survive_being_written_and_read() {
        for name in [
            "user.fred",
            "user.fred.with space",
            "user.fred.a\"b\\c",
            "user.fred.{5}",
            "user.fred.(x)",
            "user.fred.&AOQ-\u{e4}",
            "user.fred.line\nbreak",
            "user.fred.{3+}\r\n",
        ] {
            let item = LogEntry::Double(name.into(), "user.x".into());
            let mut line = Vec::new();
            item.write(&mut line);
            line.pop();
            assert_eq!(LogEntry::parse(&line), Ok(Some(item)), "{name}");
        }
    }

    #[test]
    fn names_are_quoted_as_cyrus_does() {
        let written = |name: &str| LogEntry::Mailbox(name.into()).to_string();
        assert_eq!(written("user.a b"), "MAILBOX \"user.a b\"");
        assert_eq!(written("user.a{b}"), "MAILBOX \"user.a\\{b\\}\"");
        assert_eq!(written("user.&AOQ-"), "MAILBOX user.&AOQ-");
        assert_eq!(LogEntry::Annotation("".into()).to_string(), "ANNOTATION \"\"");
    }

    #[test]
    fn garbage_is_named() {
        for (line, what) in [
            ("MAILBOX", "no name follows"),
            ("MAILBOX ", "the name is missing"),
            ("MAILBOX \"\"", "the name is empty"),
            ("MAILBOX \"user.fred", "a quoted name has no end"),
            ("MAILBOX user.fred)", "there is more after the name"),
            ("MAILBOX a b c", "there is more after the names"),
            ("RENAME a", "the second name is missing"),
            ("SEEN fred", "the second name is missing"),
            ("Frob fred", "Unknown action type: FROB"),
            ("MAILBOX {9}\r\nuser", "a literal name is cut off"),
        ] {
            assert_eq!(parse(line), Err(what.into()), "{line}");
        }
    }

    #[test]
    fn a_line_with_a_literal_goes_on() {
        assert_eq!(continues(b"MAILBOX {5+}\r\n"), Some(5));
        assert_eq!(continues(b"MAILBOX {5}\n"), Some(5));
        assert_eq!(continues(b"MAILBOX \"a{5}\"\n"), None);
        assert_eq!(continues(b"MAILBOX {5}x\n"), None);
        assert_eq!(continues(b"MAILBOX user.fred\n"), None);
    }

    #[test]
    fn no_line_is_too_odd() {
        let line = b"DOUBLEMAILBOX \"a\\\"{2}\" {4+}\r\nabcd";
        for end in 0..line.len() {
            let _ = LogEntry::parse(&line[..end]);
        }
        for at in 0..line.len() {
            for byte in 0..=255 {
                let mut odd = line.to_vec();
                odd[at] = byte;
                let _ = LogEntry::parse(&odd);
            }
        }
    }
}
