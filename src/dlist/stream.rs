//! Reads a value that is too long for memory because it contains one very long list. The elements
//! of that list are read one by one.

use std::io::{self, Read};
use std::ops::Range;

use super::parse::{TOO_MANY, parse};
use super::value::Value;
use crate::error::Malformed;
use crate::limits::{DLIST_ITEM_BYTES, DLIST_PARSED_BYTES};

/// Minimum number of bytes to read at once.
const CHUNK: usize = 64 << 10;

/// The reason why a value could not be read.
#[derive(Debug)]
pub enum Unread {
    /// Reading the bytes failed.
    Io(io::Error),
    /// The bytes do not have the form of the value.
    Malformed(Malformed),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Unread::Io(error)
    }
}

impl From<Malformed> for Unread {
    fn from(error: Malformed) -> Self {
        Unread::Malformed(error)
    }
}

/// Reads `NAME %(... KEY (value value ...) ...)` and the end of the line. Passes each element of
/// the list of `key` to `each`. Returns all other bytes, with an empty list for `key`.
/// [`parse_named`](super::parse_named) can parse them. Fails if they are more than
/// [`DLIST_PARSED_BYTES`].
pub fn read_each(
    reader: impl Read,
    key: &str,
    each: &mut dyn FnMut(Value<'_>) -> Result<(), Malformed>,
) -> Result<Vec<u8>, Unread> {
    let mut window = Window { reader, bytes: Vec::new(), at: 0, before: 0, is_all: false };
    let mut rest = window.raw()?;
    window.expect(b'%')?;
    window.expect(b'(')?;
    rest.extend_from_slice(b" %(");
    while !window.eats(b')')? {
        let name = window.raw()?;
        rest.extend_from_slice(&name);
        rest.push(b' ');
        if name.eq_ignore_ascii_case(key.as_bytes()) && window.eats(b'(')? {
            while !window.eats(b')')? {
                window.value(each)?;
            }
            rest.extend_from_slice(b"()");
        } else {
            rest.append(&mut window.raw()?);
        }
        rest.push(b' ');
        if rest.len() > DLIST_PARSED_BYTES {
            return Err(window.bad(TOO_MANY));
        }
    }
    rest.push(b')');
    window.end()?;
    Ok(rest)
}

/// The part of the input that is in memory.
struct Window<R> {
    reader: R,
    bytes: Vec<u8>,
    /// Number of bytes that are already parsed.
    at: usize,
    /// Number of input bytes before `bytes`.
    before: u64,
    /// Whether the end of the input is reached.
    is_all: bool,
}

impl<R: Read> Window<R> {
    fn left(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Reads more bytes, at least as many as are in memory, so that an incomplete value is not
    /// parsed too often.
    fn more(&mut self) -> io::Result<()> {
        self.bytes.drain(..self.at);
        self.before += self.at as u64;
        self.at = 0;
        let wanted = self.bytes.len().max(CHUNK);
        let read = self.reader.by_ref().take(wanted as u64).read_to_end(&mut self.bytes)?;
        self.is_all = read < wanted;
        Ok(())
    }

    /// Returns the next byte that is not a space.
    fn peek(&mut self) -> Result<Option<u8>, Unread> {
        loop {
            let spaces = self.left().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            self.at += spaces;
            match self.left().first() {
                Some(byte) => return Ok(Some(*byte)),
                None if self.is_all => return Ok(None),
                None => self.more()?,
            }
        }
    }

    fn eats(&mut self, byte: u8) -> Result<bool, Unread> {
        let is_there = self.peek()? == Some(byte);
        self.at += usize::from(is_there);
        Ok(is_there)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unread> {
        if self.eats(byte)? { Ok(()) } else { Err(self.bad("expected a list of keys and values")) }
    }

    fn bad(&self, what: &'static str) -> Unread {
        Malformed::new(self.before + self.at as u64, what).into()
    }

    /// Parses the next value and passes it to `take`. Returns the range of its bytes in `bytes`.
    fn value(
        &mut self,
        take: &mut dyn FnMut(Value<'_>) -> Result<(), Malformed>,
    ) -> Result<Range<usize>, Unread> {
        self.peek()?;
        loop {
            let left = self.bytes.get(self.at..).unwrap_or_default();
            // A value that ends with the bytes in memory may continue in the next bytes.
            match parse(left) {
                Ok((value, used)) if used < left.len() || self.is_all => {
                    take(value)?;
                    let begin = self.at;
                    self.at += used;
                    return Ok(begin..self.at);
                }
                Err(mut error) if self.is_all || left.len() as u64 > DLIST_ITEM_BYTES => {
                    error.offset = error.offset.saturating_add(self.before + self.at as u64);
                    return Err(error.into());
                }
                _ => self.more()?,
            }
        }
    }

    /// Returns the bytes of the next value, unparsed.
    fn raw(&mut self) -> Result<Vec<u8>, Unread> {
        let range = self.value(&mut |_| Ok(()))?;
        Ok(self.bytes.get(range).unwrap_or_default().to_vec())
    }

    /// Reads the end of the line.
    fn end(&mut self) -> Result<(), Unread> {
        if self.left().len() < 2 && !self.is_all {
            self.more()?;
        }
        match self.left() {
            b"\r\n" | b"\n" | b"" => Ok(()),
            _ => Err(self.bad("unexpected data after the end of a value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlist::{parse_each, parse_named};

    /// A reader that returns only a few bytes at a time.
    struct Drops<'b>(&'b [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn read(input: &[u8], drops: usize) -> Result<(Vec<u8>, Vec<String>), Unread> {
        let mut found = Vec::new();
        let rest = read_each(Drops(input, drops), "RECORD", &mut |value| {
            found.push(format!("{value:?}"));
            Ok(())
        })?;
        Ok((rest, found))
    }

    fn malformed(input: &[u8]) -> Malformed {
        match read(input, 7) {
            Err(Unread::Malformed(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_stream_is_read_like_a_whole_value() {
        let record = "%(UID 7 FLAGS (a \"b)\") NOTE {4+}\r\n)\r\n( GUID 00ff) ";
        let input = format!(
            "MAILBOX %(NAME {{3}}\r\na)b A (x (y)) RECORD ({}) B 1 C NIL)\r\n",
            record.repeat(5000)
        );
        let mut expected = Vec::new();
        let (name, value, _) = parse_each(input.as_bytes(), "RECORD", &mut |value| {
            expected.push(format!("{value:?}"));
            Ok(())
        })
        .unwrap();
        for drops in [1000, 4096, usize::MAX] {
            let (rest, found) = read(input.as_bytes(), drops).unwrap();
            assert_eq!(found, expected);
            let (same, read, _) = parse_named(&rest).unwrap();
            assert_eq!((same, read), (name.clone(), value.clone()));
        }
    }

    #[test]
    fn an_element_may_be_longer_than_what_is_read_at_once() {
        let long = "x".repeat(3 * CHUNK);
        let input = format!("M %(RECORD (%(A {{{}}}\r\n{long}) b))\n", long.len());
        let (_, found) = read(input.as_bytes(), usize::MAX).unwrap();
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn damage_is_an_error_at_its_place_and_so_is_every_truncation() {
        assert_eq!(malformed(b"M (a)\r\n").offset, 2);
        assert_eq!(malformed(b"M %(RECORD (%(A)))\r\n").offset, 16);
        assert_eq!(malformed(b"M %(A b) c\r\n").offset, 8);
        let input = b"M %(A {2}\r\nxy RECORD (%(B c) d) E f)";
        assert!(read(input, 3).is_ok());
        for end in 0..input.len() {
            assert!(read(&input[..end], 3).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_is_not_an_element_has_a_limit() {
        let input = format!("M %({})", format!("RECORD (a) {}", "A b ".repeat(100_000)).repeat(60));
        let error = read_each(input.as_bytes(), "RECORD", &mut |_| Ok(())).unwrap_err();
        assert!(matches!(error, Unread::Malformed(error) if error.what == TOO_MANY));
    }

    #[test]
    fn an_error_in_an_element_ends_the_reading() {
        let stop = read_each(&b"M %(RECORD (a b))"[..], "RECORD", &mut |_| {
            Err(Malformed::new(0u64, "stop"))
        });
        assert!(matches!(stop, Err(Unread::Malformed(error)) if error.what == "stop"));
    }
}
