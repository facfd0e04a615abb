//! Parses the lines of imapd.conf (`config_read_file` in `lib/libconfig.c`).

use std::borrow::Cow;

/// A logical line: one or more lines of the file. A backslash at the end of a line joins it with
/// the next one.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Number of its first line in the file, from 1.
    pub number: usize,
    /// The text, without the newlines and the backslashes before them. Blanks are kept.
    pub text: Cow<'a, [u8]>,
}

/// An iterator over the logical lines of a file.
pub struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    /// Iterates over the lines of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Lines { rest: text, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    /// A line. The last item may be an error instead: the number of a line that ends in a backslash
    /// and has no next line. Cyrus drops such a line.
    type Item = Result<Line<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let first = self.number + 1;
        let mut text: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        loop {
            self.number += 1;
            let end = self.rest.iter().position(|b| *b == b'\n');
            // A backslash only continues the line if a newline follows, not at the end of the file.
            let (piece, rest, more) = match end.and_then(|at| self.rest.split_at_checked(at)) {
                Some((piece, rest)) => {
                    let stripped = piece.strip_suffix(b"\\");
                    (stripped.unwrap_or(piece), rest.get(1..).unwrap_or(&[]), stripped.is_some())
                }
                None => (self.rest, &[][..], false),
            };
            self.rest = rest;
            if text.is_empty() {
                text = Cow::Borrowed(piece);
            } else {
                text.to_mut().extend_from_slice(piece);
            }
            if !more {
                return Some(Ok(Line { number: first, text }));
            }
            if self.rest.is_empty() {
                return Some(Err(first));
            }
        }
    }
}

/// The content of a logical line.
#[derive(Debug, PartialEq, Eq)]
pub enum Statement<'a> {
    /// `key: value`, with the key in lower case and without blanks around the value.
    Set(String, &'a [u8]),
    /// `@include: file`
    Include(&'a [u8]),
}

/// Parses one logical line. Returns `None` for a blank line or a comment. The error is a
/// description of the problem.
pub fn statement(line: &[u8]) -> Result<Option<Statement<'_>>, String> {
    let line = trim_start(line);
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    if line.contains(&0) {
        return Err("a NUL byte".into());
    }
    let at = usize::from(line.starts_with(b"@"));
    let is_key = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let length = at + line.iter().skip(at).take_while(|b| is_key(b)).count();
    let (key, rest) = line.split_at_checked(length).unwrap_or((line, &[]));
    let key = String::from_utf8_lossy(key).to_ascii_lowercase();
    if length == 0 {
        return Err("the line does not begin with the name of an option".into());
    }
    let Some(value) = rest.strip_prefix(b":") else {
        return Err(match rest.first() {
            None => format!("no ':' after {key:?}"),
            Some(b) => {
                format!("{:?} after {key:?}, where ':' is expected", char::from(*b))
            }
        });
    };
    let value = trim_start(value);
    // If all bytes of the value are blank, Cyrus's loop keeps the first one. Here `trim_start` has
    // already removed all of them.
    let end = value.iter().rposition(|b| !is_blank(*b)).map_or(0, |last| last + 1);
    let value = value.get(..end).unwrap_or(value);
    if value.is_empty() {
        return Err(format!("{key} has no value"));
    }
    match key.as_str() {
        "@include" => Ok(Some(Statement::Include(value))),
        _ if at == 1 => Err(format!("unknown directive {key}")),
        _ => Ok(Some(Statement::Set(key, value))),
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| is_blank(**b)).count();
    text.get(blanks..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Result<(usize, String), usize>> {
        Lines::new(text.as_bytes())
            .map(|l| l.map(|l| (l.number, String::from_utf8_lossy(&l.text).into_owned())))
            .collect()
    }

    #[test]
    fn lines_join_at_a_backslash() {
        assert_eq!(
            all("a: 1\nb: x \\\n  y\\\nz\n\nc: 3"),
            [
                Ok((1, "a: 1".into())),
                Ok((2, "b: x   yz".into())),
                Ok((5, "".into())),
                Ok((6, "c: 3".into()))
            ]
        );
    }

    #[test]
    fn a_backslash_without_newline_stays() {
        assert_eq!(all("a: 1\\"), [Ok((1, "a: 1\\".into()))]);
        assert_eq!(all("a: 1\\\r\nb: 2\n"), [Ok((1, "a: 1\\\r".into())), Ok((2, "b: 2".into()))]);
    }

    #[test]
    fn a_comment_continues_too() {
        assert_eq!(all("# x\\\na: 1\n"), [Ok((1, "# xa: 1".into()))]);
    }

    #[test]
    fn a_continuation_into_nothing_is_reported() {
        assert_eq!(all("a: 1\nb: 2\\\n"), [Ok((1, "a: 1".into())), Err(2)]);
        assert_eq!(all("a: 1\\\n\n"), [Ok((1, "a: 1".into()))]);
    }

    #[test]
    fn statements() {
        let set = |k: &str, v: &'static str| Ok(Some(Statement::Set(k.into(), v.as_bytes())));
        assert_eq!(statement(b"  Sync_Host:  a b \t\r"), set("sync_host", "a b"));
        assert_eq!(statement(b"partition-Foo:/x"), set("partition-foo", "/x"));
        assert_eq!(statement(b"a:b:c # no comment"), set("a", "b:c # no comment"));
        assert_eq!(statement(b"@Include: /x"), Ok(Some(Statement::Include(b"/x"))));
        assert_eq!(statement(b" \t"), Ok(None));
        assert_eq!(statement(b"  # x: y"), Ok(None));
        for bad in [
            "sync host: x",
            "sync_host : x",
            "sync_host",
            "sync_host:  ",
            "@x: y",
            "a.b: c",
            "a: \0",
            ": x",
        ] {
            assert!(statement(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
