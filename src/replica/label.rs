//! What a command is about, for errors: its words, and whom and what it names.

use std::fmt;

/// Bytes of a command that are looked at: keys beyond that have no names in them, or a name is very
/// long.
pub(super) const LABEL_BYTES: usize = 2048;
/// Characters of a name that an error gives.
const NAME_CHARS: usize = 200;

/// The keys that say what a command is about, in the order in which they are told. What precedes
/// each.
const KEYS: [(&str, &str); 9] = [
    ("USERID", " "),
    ("OLDMBOXNAME", " "),
    ("NEWMBOXNAME", " -> "),
    ("MBOXNAME", " "),
    ("ROOT", " "),
    ("ENTRY", " "),
    ("FILENAME", " "),
    ("UID", " uid "),
    ("PARTITION", ", partition "),
];

/// The name of a command in errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Label {
    /// `APPLY MAILBOX`; for one without keys with its value: `GET USER fred`.
    pub command: String,
    /// ` user.fred, partition default`
    about: String,
    /// The partition that it names; empty if none.
    pub partition: String,
}

impl Label {
    /// Of no command.
    pub const NONE: Label =
        Label { command: String::new(), about: String::new(), partition: String::new() };

    /// Reads the beginning of a command.
    pub fn new(start: &[u8]) -> Label {
        let cut = start.iter().position(|byte| b"(%{".contains(byte));
        let (words, rest) = start.split_at_checked(cut.unwrap_or(start.len())).unwrap_or_default();
        let command = printable(words).trim_end().to_owned();
        let mut found: Vec<(usize, String)> = Vec::new();
        let mut tokens = Tokens { rest };
        if rest.starts_with(b"%(") {
            let mut depth = 0_u32;
            let mut key: Option<usize> = None;
            while let Some(token) = tokens.next() {
                match token {
                    Token::Open => depth += 1,
                    Token::Close => {
                        depth = depth.saturating_sub(1);
                        key = key.filter(|_| depth > 1);
                    }
                    // A key, or the first element of its list.
                    Token::Text(text) if depth == 1 && key.is_none() => {
                        let at = KEYS.iter().position(|(name, _)| name.as_bytes() == text);
                        key = Some(at.unwrap_or(KEYS.len()));
                    }
                    Token::Text(text) => {
                        if let Some(at) = key
                            && at < KEYS.len()
                            && !found.iter().any(|(known, _)| *known == at)
                        {
                            found.push((at, printable(&text)));
                        }
                        key = key.filter(|_| depth > 1);
                    }
                }
                if depth == 0 {
                    break;
                }
            }
        } else if let Some(file) = rest.strip_prefix(b"(%{") {
            // APPLY MESSAGE: of its first file.
            let end = file.iter().position(|byte| *byte == b' ').unwrap_or(0);
            let last = KEYS.len() - 1;
            found.push((last, printable(file.get(..end).unwrap_or_default())));
        }
        found.sort();
        let mut about = String::new();
        let mut partition = String::new();
        for (at, text) in found.into_iter().filter(|(_, text)| !text.is_empty()) {
            let (name, before) = KEYS.get(at).copied().unwrap_or_default();
            let before = if about.is_empty() { before.trim_start_matches(',') } else { before };
            about.push_str(before);
            about.push_str(&text);
            if name == "PARTITION" {
                partition = text;
            }
        }
        Label { command, about, partition }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.command, self.about)
    }
}

impl From<&str> for Label {
    fn from(command: &str) -> Label {
        Label { command: command.to_owned(), ..Label::default() }
    }
}

enum Token {
    Open,
    Close,
    Text(Vec<u8>),
}

/// The parts of a command as we write them. Ends where they end or are cut off.
struct Tokens<'t> {
    rest: &'t [u8],
}

impl Tokens<'_> {
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken.to_vec())
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let mut bytes = self.rest.iter().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                b'\\' => text.extend(bytes.next().map(|(_, escaped)| escaped)),
                byte => text.push(*byte),
            }
        }
        None
    }

    fn literal(&mut self) -> Option<Vec<u8>> {
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        let head = self.take(end + 1)?;
        let digits = head.iter().filter(|byte| byte.is_ascii_digit());
        let size: Vec<u8> = digits.copied().collect();
        let size: usize = std::str::from_utf8(&size).ok()?.parse().ok()?;
        self.take(size)
    }

    fn next(&mut self) -> Option<Token> {
        let blanks = self.rest.iter().take_while(|byte| **byte == b' ').count();
        self.take(blanks)?;
        match self.rest {
            [b'%', b'(', ..] => self.take(2).map(|_| Token::Open),
            [b'(', ..] => self.take(1).map(|_| Token::Open),
            [b')', ..] => self.take(1).map(|_| Token::Close),
            [b'"', ..] => self.quoted().map(Token::Text),
            [b'{', ..] => self.literal().map(Token::Text),
            rest => {
                let end = rest.iter().position(|byte| b" ()\r\n".contains(byte))?;
                (end > 0).then(|| self.take(end).map(Token::Text)).flatten()
            }
        }
    }
}

/// Text without what would disturb a line of a log.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(command: &str) -> String {
        Label::new(command.as_bytes()).to_string()
    }

    #[test]
    fn a_command_is_called_by_its_words_and_what_it_names() {
        for (command, name) in [
            ("GET USER fred\r\n", "GET USER fred"),
            ("RESTART\r\n", "RESTART"),
            (
                "APPLY RENAME %(OLDMBOXNAME user.a NEWMBOXNAME \"user.b c\" PARTITION p ",
                "APPLY RENAME user.a -> user.b c, partition p",
            ),
            (
                "APPLY MAILBOX %(UNIQUEID u MBOXNAME {9+}\r\nuser.\"x\") ACL \"f\tlrs\t\" PARTITION q OPTIONS P \
                 RECORD (%(UID 7 FLAGS (a))",
                "APPLY MAILBOX user.\"x\"), partition q",
            ),
            (
                "APPLY RESERVE %(PARTITION p MBOXNAME (user.a user.b) GUID (x))",
                "APPLY RESERVE user.a, partition p",
            ),
            ("APPLY MESSAGE (%{far 123 5}\r\nhello)", "APPLY MESSAGE partition far"),
            ("APPLY SUB %(USERID fred MBOXNAME user.anna)", "APPLY SUB fred user.anna"),
            ("APPLY SUB %(USERID fred MBOXNA", "APPLY SUB fred"),
            (
                "APPLY ANNOTATION %(MBOXNAME \"\" ENTRY /x USERID \"\" VALUE y)",
                "APPLY ANNOTATION /x",
            ),
            (
                "GET FETCH %(MBOXNAME user.a PARTITION p UNIQUEID u UID 5)",
                "GET FETCH user.a uid 5, partition p",
            ),
        ] {
            assert_eq!(label(command), name, "{command}");
        }
    }

    #[test]
    fn no_beginning_of_a_command_disturbs() {
        let command =
            b"APPLY MAILBOX %(MBOXNAME {3+}\r\na\x01\xff ACL \"\\\"x\" FLAGS ((a) b) UID 9)";
        for end in 0..command.len() {
            let found = Label::new(&command[..end]).to_string();
            assert!(found.chars().all(|c| !c.is_control()), "{found}");
        }
    }
}
