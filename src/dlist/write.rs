//! Writes values in the shortest form that Cyrus's parser accepts.

use std::io::{self, Read, Write};

use crate::error::{Error, Kind, Result};
use crate::types::Guid;

/// Minimum length of a text that is written as a literal, and not as a quoted string (`MAXQSTRING`
/// of `lib/prot.h`).
const QUOTED_BYTES: usize = 8192;

/// Writes values to `sink`, with spaces between them. The caller writes keys and values one by one,
/// and opens and closes lists.
pub struct Writer<'w> {
    sink: &'w mut dyn Write,
    /// Number of open lists. All of them are closed with `)`.
    depth: usize,
    /// Whether a space must precede the next token.
    spaced: bool,
}

impl<'w> Writer<'w> {
    /// Creates a writer for one value, or for the arguments of a command.
    pub fn new(sink: &'w mut dyn Write) -> Self {
        Writer { sink, depth: 0, spaced: false }
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(sink_error)
    }

    /// Writes `bytes` as one token, after a space if one is needed.
    fn token(&mut self, bytes: &[u8]) -> Result<()> {
        if self.spaced {
            self.raw(b" ")?;
        }
        self.spaced = true;
        self.raw(bytes)
    }

    /// Writes the name of a command or of a value.
    pub fn name(&mut self, name: &str) -> Result<&mut Self> {
        self.atom(name.as_bytes())?;
        Ok(self)
    }

    /// Writes a key of a key-value list. The caller must write its value next.
    pub fn key(&mut self, key: &str) -> Result<&mut Self> {
        self.name(key)
    }

    /// Writes text or bytes in the shortest possible form: as an atom, a quoted string, or a
    /// non-synchronising literal (`{n+}`).
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

    /// Writes a flag. A name like `\Seen` is written as it is; any other text like
    /// [`Writer::atom`].
    pub fn flag(&mut self, flag: &[u8]) -> Result<()> {
        match flag.strip_prefix(b"\\") {
            Some(name) if is_plain(name) => self.token(flag),
            _ => self.atom(flag),
        }
    }

    /// Writes a number.
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

    /// Writes seconds since 1970 as an unsigned number, like Cyrus.
    pub fn date(&mut self, seconds: i64) -> Result<()> {
        self.num(seconds.cast_unsigned())
    }

    /// Writes a number as sixteen hexadecimal digits, the form of conversation ids.
    pub fn hex64(&mut self, number: u64) -> Result<()> {
        self.token(format!("{number:016x}").as_bytes())
    }

    /// Writes `NIL`. Only test servers need it.
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

    /// Writes a message file with exactly `size` bytes of `content`. If `content` is shorter, the
    /// stream cannot be used further, and the returned error closes the connection.
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

/// Returns whether the parsers of all Cyrus versions read these bytes as an atom.
fn is_plain(bytes: &[u8]) -> bool {
    let plain = |b: &u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'.' | b'_' | b'-' | b'/' | b':' | b'@' | b'^' | b'#' | b'!' | b'$')
    };
    !bytes.is_empty() && bytes != b"NIL" && bytes.len() < QUOTED_BYTES && bytes.iter().all(plain)
}

/// Returns whether a quoted string may contain a byte (`isQCHAR` in `lib/prot.c`): control
/// characters and 8-bit bytes are not allowed.
fn is_quotable(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%')
}

fn sink_error(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => Error::new(Kind::Closed, "write to", "the replica", error.to_string())
            .with_source(error),
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
