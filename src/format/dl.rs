//! Parses dlists in the form in which Cyrus stores them in its databases (`dlist_parsesax` in
//! `imap/dlist.c`). A dlist is a nested list of values, as in the replication protocol.
//!
//! The syntax differs from the protocol: the value is complete in memory, one space separates
//! items, and an atom extends to the next space, without closing parentheses at its end.

use std::borrow::Cow;

use crate::error::Malformed;
use crate::limits::DLIST_DEPTH;

/// A text and its offset in the parsed bytes, for error messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) at: usize,
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl Word<'_> {
    fn parse<T: std::str::FromStr>(&self, what: &'static str) -> Result<T, Malformed> {
        let text = std::str::from_utf8(&self.bytes).ok();
        text.and_then(|text| text.parse().ok()).ok_or_else(|| Malformed::new(self.at, what))
    }

    /// Parses the text as a number. Fails if the text is not a number, or if the number is too
    /// large for the type.
    pub(crate) fn number<T: std::str::FromStr>(&self) -> Result<T, Malformed> {
        self.parse("not a number, or a number that is too large")
    }
}

/// A parsed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Nil,
    Word(Word<'a>),
    List(Vec<Item<'a>>),
    Map(Vec<(Word<'a>, Item<'a>)>),
}

impl<'a> Item<'a> {
    /// Returns the text of an item. Fails if the item is not a text; `at` is the offset in that
    /// error.
    pub(crate) fn word(&self, at: usize) -> Result<&Word<'a>, Malformed> {
        match self {
            Item::Word(word) => Ok(word),
            _ => Err(Malformed::new(at, "not a text")),
        }
    }
}

/// Parses `data` as one value. Fails if anything follows the value.
pub(crate) fn parse(data: &[u8]) -> Result<Item<'_>, Malformed> {
    let mut parser = Parser { data, at: 0 };
    let item = parser.item(DLIST_DEPTH)?;
    match parser.peek() {
        None => Ok(item),
        Some(_) => Err(parser.complain("something follows the value")),
    }
}

struct Parser<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn complain(&self, what: &'static str) -> Malformed {
        Malformed::new(self.at, what)
    }

    fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Malformed> {
        if self.take(byte) { Ok(()) } else { Err(self.complain(what)) }
    }

    fn item(&mut self, depth: usize) -> Result<Item<'a>, Malformed> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.complain("lists are nested too deeply"));
        };
        if self.take(b'(') {
            let mut items = Vec::new();
            self.until_closed(|parser| {
                items.push(parser.item(depth)?);
                Ok(())
            })?;
            return Ok(Item::List(items));
        }
        if self.take(b'%') {
            self.expect(b'(', "no list after %")?;
            let mut pairs = Vec::new();
            self.until_closed(|parser| {
                let key = parser.word()?;
                parser.expect(b' ', "no value after a key")?;
                pairs.push((key, parser.item(depth)?));
                Ok(())
            })?;
            return Ok(Item::Map(pairs));
        }
        let quoted = matches!(self.peek(), Some(b'"' | b'{'));
        let word = self.word()?;
        Ok(if !quoted && *word.bytes == *b"NIL" { Item::Nil } else { Item::Word(word) })
    }

    fn until_closed(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.take(b')') {
            return Ok(());
        }
        loop {
            element(self)?;
            if self.take(b')') {
                return Ok(());
            }
            self.expect(b' ', "neither a space nor ) in a list")?;
            // Accept a space before the parenthesis, as in "(a )", like Cyrus's parser.
            if self.take(b')') {
                return Ok(());
            }
        }
    }

    fn word(&mut self) -> Result<Word<'a>, Malformed> {
        let at = self.at;
        let bytes = match self.peek() {
            Some(b'"') => Cow::Owned(self.quoted()?),
            Some(b'{') => Cow::Borrowed(self.literal()?),
            _ => Cow::Borrowed(self.atom()?),
        };
        Ok(Word { at, bytes })
    }

    fn atom(&mut self) -> Result<&'a [u8], Malformed> {
        let to_space = self.rest().split(|byte| *byte == b' ').next().unwrap_or_default();
        let len = to_space.iter().rposition(|byte| *byte != b')').map_or(0, |last| last + 1);
        let atom = to_space.get(..len).unwrap_or_default();
        if atom.is_empty() {
            return Err(self.complain("a value is missing"));
        }
        self.at += atom.len();
        Ok(atom)
    }

    /// Reads a quoted text. The byte after a backslash stands for itself.
    fn quoted(&mut self) -> Result<Vec<u8>, Malformed> {
        let mut text = Vec::new();
        let mut bytes = self.rest().iter().enumerate().skip(1);
        while let Some((offset, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.at += offset + 1;
                    return Ok(text);
                }
                b'\\' => match bytes.next() {
                    Some((_, quoted)) => text.push(*quoted),
                    None => break,
                },
                _ => text.push(*byte),
            }
        }
        Err(self.complain("a quoted text has no end"))
    }

    fn literal(&mut self) -> Result<&'a [u8], Malformed> {
        const WHAT: &str = "a malformed literal";
        let rest = self.rest();
        let end = rest.iter().position(|byte| *byte == b'}').ok_or(self.complain(WHAT))?;
        let (head, body) = rest.split_at_checked(end + 1).ok_or(self.complain(WHAT))?;
        let digits = head.get(1..end).unwrap_or_default();
        let digits = digits.strip_suffix(b"+").unwrap_or(digits);
        let len: usize = Word { at: self.at, bytes: Cow::Borrowed(digits) }.parse(WHAT)?;
        let text = body.strip_prefix(b"\r\n").and_then(|body| body.get(..len));
        let text = text.ok_or(self.complain("a literal is cut short"))?;
        self.at += head.len() + 2 + len;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(at: usize, bytes: &[u8]) -> Item<'_> {
        Item::Word(Word { at, bytes: Cow::Borrowed(bytes) })
    }

    fn complaint(data: &[u8]) -> String {
        parse(data).unwrap_err().to_string()
    }

    #[test]
    fn every_shape_is_read() {
        let data = b"%(A a B (x (y) z) \"c d\" {3+}\r\n) ( E () F %() N NIL Q \"NIL\")";
        let Item::Map(pairs) = parse(data).unwrap() else { panic!("no map") };
        let values: Vec<_> = pairs.iter().map(|(_, value)| value.clone()).collect();
        assert_eq!(values[0], word(4, b"a"));
        assert_eq!(
            values[1],
            Item::List(vec![word(9, b"x"), Item::List(vec![word(12, b"y")]), word(15, b"z")])
        );
        assert_eq!(*pairs[2].0.bytes, *b"c d");
        assert_eq!(values[2], word(24, b") ("));
        assert_eq!(values[3], Item::List(vec![]));
        assert_eq!(values[4], Item::Map(vec![]));
        assert_eq!(values[5], Item::Nil);
        assert_eq!(values[6], word(53, b"NIL"));
    }

    #[test]
    fn an_atom_keeps_inner_parentheses() {
        let items = vec![word(1, b"a(b)c"), word(7, b"d")];
        assert_eq!(parse(b"(a(b)c d)"), Ok(Item::List(items)));
    }

    #[test]
    fn complaints_say_where() {
        assert_eq!(complaint(b""), "a value is missing at offset 0x0");
        assert_eq!(complaint(b"%(A)"), "no value after a key at offset 0x3");
        assert_eq!(complaint(b"(a  b)"), "a value is missing at offset 0x3");
        assert_eq!(complaint(b"(\"a"), "a quoted text has no end at offset 0x1");
        assert_eq!(complaint(b"({9}\r\nx)"), "a literal is cut short at offset 0x1");
        assert_eq!(
            complaint(b"({99999999999999999999}\r\nx)"),
            "a malformed literal at offset 0x1"
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = b"(".repeat(DLIST_DEPTH + 1);
        assert_eq!(complaint(&deep), "lists are nested too deeply at offset 0x40");
    }
}
