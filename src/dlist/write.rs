//! Writes values straight to a sink, choosing the shortest form that Cyrus's parser takes.

use std::io::{self, Read, Write};

use crate::error::{Error, Kind, Result};
use crate::types::Guid;

/// Longest text that is quoted; longer ones are literals (`MAXQSTRING` of `lib/prot.h`).
const QUOTED_BYTES: usize = 8192;

/// Writes values to a sink. Commas and spaces are its business: callers name keys, open and close
/// lists and give values.
pub struct Writer<'w> {
    sink: &'w mut dyn Write,
    /// Closing parentheses owed are all `)`: the depth is enough.
    depth: usize,
    /// Whether a space must come before what comes next.
    spaced: bool,
}

impl<'w> Writer<'w> {
    /// A writer at the beginning of a value or command body.
    pub fn new(sink: &'w mut dyn Write) -> Self {
        Writer { sink, depth: 0, spaced: false }
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(sink_error)
    }

    /// Writes `bytes` as one token, separated from the one before.
    fn token(&mut self, bytes: &[u8]) -> Result<()> {
        if self.spaced {
            self.raw(b" ")?;
        }
        self.spaced = true;
        self.raw(bytes)
    }

    /// The name of a command or of a value.
    pub fn name(&mut self, name: &str) -> Result<&mut Self> {
        self.atom(name.as_bytes())?;
        Ok(self)
    }

    /// A key of a key-value list; its value must follow.
    pub fn key(&mut self, key: &str) -> Result<&mut Self> {
        self.name(key)
    }

    /// Text or bytes: as an atom, quoted, or as a non-synchronising literal.
    pub fn atom(&mut self, bytes: &[u8]) -> Result<()> {
        if is_plain(bytes) {
            return self.token(bytes);
        }
        if bytes.len() < QUOTED_BYTES && bytes.iter().all(|b| is_quotable(*b)) {
            self.token(b"\"")?;
            self.raw(bytes)?;
            return self.raw(b"\"");
        }
        self.token(format!("{{{}+}}\r\n", bytes.len()).as_bytes())?;
        self.raw(bytes)
    }

    /// A flag: written as it is if it is a flag's name, else as text.
    pub fn flag(&mut self, flag: &[u8]) -> Result<()> {
        match flag.strip_prefix(b"\\") {
            Some(name) if is_plain(name) => self.token(flag),
            _ => self.atom(flag),
        }
    }

    /// A number.
    pub fn num(&mut self, number: u64) -> Result<()> {
        let mut digits = [0; 20];
        let mut rest = number;
        let mut start = digits.len();
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            start = at;
            if rest == 0 {
                break;
            }
        }
        self.token(digits.get(start..).unwrap_or_default())
    }

    /// Seconds since 1970, printed as Cyrus does: unsigned.
    pub fn date(&mut self, seconds: i64) -> Result<()> {
        self.num(seconds.cast_unsigned())
    }

    /// Sixteen hexadecimal digits: a conversation id.
    pub fn hex64(&mut self, number: u64) -> Result<()> {
        self.token(format!("{number:016x}").as_bytes())
    }

    /// `NIL`, which only the servers of tests write.
    #[cfg(test)]
    pub fn nil(&mut self) -> Result<()> {
        self.token(b"NIL")
    }

    /// Opens a list.
    pub fn open_list(&mut self) -> Result<()> {
        self.open(b"(")
    }

    /// Opens a key-value list.
    pub fn open_kv(&mut self) -> Result<()> {
        self.open(b"%(")
    }

    fn open(&mut self, bracket: &[u8]) -> Result<()> {
        self.token(bracket)?;
        self.depth += 1;
        self.spaced = false;
        Ok(())
    }

    /// Closes the list that was opened last.
    pub fn close(&mut self) -> Result<()> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(Error::new(Kind::Internal, "write", "dlist", "closed more than opened"));
        };
        self.depth = depth;
        self.spaced = true;
        self.raw(b")")
    }

    /// A message file: exactly `size` bytes of `content`. If it has fewer, the stream is spoilt
    /// and the error ends the connection.
    pub fn file(
        &mut self,
        partition: &[u8],
        guid: Guid,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<()> {
        self.token(b"%{")?;
        self.spaced = false;
        self.atom(partition)?;
        self.atom(&guid.to_hex())?;
        self.num(size)?;
        self.raw(b"}\r\n")?;
        let copied = io::copy(&mut content.take(size), self.sink).map_err(sink_error)?;
        if copied == size {
            return Ok(());
        }
        let detail = format!("the file shrank: {copied} of {size} bytes could be read");
        Err(Error::new(Kind::Changed, "send message", guid.to_string(), detail))
    }
}

/// Atoms without any character that a parser of any version could take for something else.
fn is_plain(bytes: &[u8]) -> bool {
    let plain = |b: &u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'.' | b'_' | b'-' | b'/' | b':' | b'@' | b'^' | b'#' | b'!' | b'$')
    };
    !bytes.is_empty() && bytes != b"NIL" && bytes.len() < QUOTED_BYTES && bytes.iter().all(plain)
}

/// What may stand in a quoted string (`isQCHAR` of `lib/prot.c`): no control characters, no 8-bit.
fn is_quotable(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%')
}

fn sink_error(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => {
            Error::new(Kind::Closed, "write to", "the replica", error.to_string()).caused_by(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Value, parse};
    use super::*;

    fn written(body: impl FnOnce(&mut Writer<'_>) -> Result<()>) -> Vec<u8> {
        let mut out = Vec::new();
        body(&mut Writer::new(&mut out)).unwrap();
        out
    }

    #[test]
    fn texts_take_the_shortest_safe_form() {
        let form = |text: &[u8]| written(|w| w.atom(text));
        assert_eq!(form(b"user.fred^x"), b"user.fred^x");
        assert_eq!(form(b""), b"\"\"");
        assert_eq!(form(b"NIL"), b"\"NIL\"");
        assert_eq!(form(b"a b"), b"\"a b\"");
        assert_eq!(form(b"fred\tlrs\t"), b"\"fred\tlrs\t\"");
        assert_eq!(form(b"a\"b"), b"{3+}\r\na\"b");
        assert_eq!(form(b"\xc3\xa4"), b"{2+}\r\n\xc3\xa4");
        assert_eq!(form(b"a\0b"), b"{3+}\r\na\0b");
    }

    #[test]
    fn flags_stand_bare_unless_they_could_be_misread() {
        assert_eq!(written(|w| w.flag(b"\\Seen")), b"\\Seen");
        assert_eq!(written(|w| w.flag(b"$Junk")), b"$Junk");
        assert_eq!(written(|w| w.flag(b"a)b")), b"\"a)b\"");
    }

    #[test]
    fn structure_is_spaced_as_cyrus_does() {
        let out = written(|w| {
            w.name("MAILBOX")?.open_kv()?;
            w.key("UID")?.num(u64::MAX)?;
            w.key("LIST")?.open_list()?;
            w.atom(b"a")?;
            w.open_list()?;
            w.close()?;
            w.nil()?;
            w.close()?;
            w.key("CID")?.hex64(255)?;
            w.key("DATE")?.date(-1)?;
            w.close()
        });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "MAILBOX %(UID 18446744073709551615 LIST (a () NIL) CID 00000000000000ff \
             DATE 18446744073709551615)"
        );
    }

    #[test]
    fn files_are_copied_and_a_short_one_is_an_error() {
        let guid = Guid([1; 20]);
        let out = written(|w| {
            w.open_list()?;
            w.file(b"default", guid, 2, &mut b"hi".as_slice())?;
            w.file(b"default", guid, 1, &mut b"xyz".as_slice())?;
            w.close()
        });
        let hex = "01".repeat(20);
        let expected = format!("(%{{default {hex} 2}}\r\nhi %{{default {hex} 1}}\r\nx)");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut sink = Vec::new();
        let short = Writer::new(&mut sink).file(b"p", guid, 3, &mut b"hi".as_slice());
        assert_eq!(short.unwrap_err().kind(), Kind::Changed);
    }

    #[test]
    fn whatever_bytes_are_written_are_read_back() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for _ in 0..2000 {
            let length = (next() % 40) as usize;
            let text: Vec<u8> = (0..length).map(|_| (next() >> 8) as u8).collect();
            let out = written(|w| {
                w.open_list()?;
                w.atom(&text)?;
                w.num(7)?;
                w.close()
            });
            let (value, used) = parse(&out).unwrap();
            assert_eq!(used, out.len());
            let seven = Value::Atom(b"7".as_slice().into());
            assert_eq!(value, Value::List(vec![Value::Atom(text.into()), seven]));
        }
    }
}
