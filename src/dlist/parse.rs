//! Parses values that are completely in memory. The parser is not recursive: its stack of open
//! lists is on the heap.

use std::borrow::Cow;

use super::Value;
use crate::error::Malformed;
use crate::limits::{DLIST_DEPTH, DLIST_PARSED_BYTES};

/// Parses one value at the start of `input`. Returns the value and its length in bytes.
pub fn parse(input: &[u8]) -> Result<(Value<'_>, usize), Malformed> {
    let mut parser = Parser::new(input);
    let value = parser.value()?;
    Ok((value, parser.at))
}

/// A name, the value after it, and the length in bytes of both.
pub type Named<'a> = (Cow<'a, [u8]>, Value<'a>, usize);

/// Parses `NAME value`, the form of replies and commands.
pub fn parse_named(input: &[u8]) -> Result<Named<'_>, Malformed> {
    let mut parser = Parser::new(input);
    let name = parser.key()?;
    let value = parser.value()?;
    Ok((name, value, parser.at))
}

/// Like [`parse_named`] for `NAME %(... KEY (value value ...) ...)`, but passes each element of the
/// list of `key` to `each`. So only one element is in memory at a time. The returned value has an
/// empty list for `key`.
pub fn parse_each<'a>(
    input: &'a [u8],
    key: &str,
    each: &mut dyn FnMut(Value<'a>) -> Result<(), Malformed>,
) -> Result<Named<'a>, Malformed> {
    let mut parser = Parser { each: Some((key.as_bytes(), each)), ..Parser::new(input) };
    let name = parser.key()?;
    let value = parser.value()?;
    Ok((name, value, parser.at))
}

/// The size of a value, determined without building it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Length of `NAME value` in bytes.
    pub length: usize,
    /// Number of list elements, including those of nested lists. Key-value pairs do not count.
    pub elements: usize,
}

/// Checks that `input` begins with `NAME value` and returns its size.
pub fn measure(input: &[u8]) -> Result<Measure, Malformed> {
    let mut parser = Parser { keep: false, ..Parser::new(input) };
    parser.key()?;
    parser.value()?;
    Ok(Measure { length: parser.at, elements: parser.elements })
}

/// The key of a list, and the callback that receives its elements.
/// The error of a value that would need too much memory.
pub(super) const TOO_MANY: &str = "the value has too many parts";

type Each<'a, 'e> = (&'e [u8], &'e mut dyn FnMut(Value<'a>) -> Result<(), Malformed>);

struct Parser<'a, 'e> {
    input: &'a [u8],
    at: usize,
    /// Whether to build lists. Otherwise only their elements are counted.
    keep: bool,
    elements: usize,
    /// Approximate memory of the lists built so far, in bytes.
    built: usize,
    /// The part of `built` that does not belong to the current element of the list of `each`.
    kept: usize,
    each: Option<Each<'a, 'e>>,
}

/// A list whose closing parenthesis has not been read.
enum Open<'a> {
    List(Vec<Value<'a>>),
    Kv(Vec<(Cow<'a, [u8]>, Value<'a>)>, Option<Cow<'a, [u8]>>),
}

impl<'a> Parser<'a, '_> {
    fn new(input: &'a [u8]) -> Self {
        Parser { input, at: 0, keep: true, elements: 0, built: 0, kept: 0, each: None }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn bad<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed::new(self.at, what))
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self) -> Result<Value<'a>, Malformed> {
        let mut stack: Vec<Open<'a>> = Vec::new();
        loop {
            self.skip_spaces();
            if let Some(open) = stack.last_mut() {
                if self.eat(b')') {
                    match (close(stack.pop()), stack.last_mut()) {
                        (Some(value), None) => return Ok(value),
                        (Some(value), Some(_)) => self.add(&mut stack, value)?,
                        (None, _) => return self.bad("a key without a value"),
                    }
                    continue;
                }
                if let Open::Kv(_, key @ None) = open {
                    *key = Some(self.key()?);
                    continue;
                }
            }
            let value = match self.peek() {
                Some(b'(') => {
                    self.at += 1;
                    self.push(&mut stack, Open::List(Vec::new()))?;
                    continue;
                }
                Some(b'%') => {
                    self.at += 1;
                    if self.eat(b'(') {
                        self.push(&mut stack, Open::Kv(Vec::new(), None))?;
                        continue;
                    }
                    self.file()?
                }
                _ => self.scalar()?,
            };
            if stack.is_empty() {
                return Ok(value);
            }
            self.add(&mut stack, value)?;
        }
    }

    /// Adds a value to the innermost open list, or passes it to the callback if it is an element of
    /// the list of `each`.
    fn add(&mut self, stack: &mut [Open<'a>], value: Value<'a>) -> Result<(), Malformed> {
        if matches!(stack.last(), Some(Open::List(_))) {
            self.elements += 1;
        }
        if let Some((wanted, each)) = &mut self.each
            && let [Open::Kv(_, Some(key)), Open::List(_)] = stack
            && key.eq_ignore_ascii_case(wanted)
        {
            // Do not count the memory of the element: it is freed after the callback.
            self.built = self.kept;
            return each(value);
        }
        let Some(parent) = stack.last_mut() else { return Ok(()) };
        if !self.keep {
            if let Open::Kv(_, key) = parent {
                *key = None;
            }
            return Ok(());
        }
        self.built = self.built.saturating_add(parent.cost(&value));
        if self.built > DLIST_PARSED_BYTES {
            return self.bad(TOO_MANY);
        }
        parent.add(value);
        if stack.len() == 1 {
            self.kept = self.built;
        }
        Ok(())
    }

    fn push(&self, stack: &mut Vec<Open<'a>>, open: Open<'a>) -> Result<(), Malformed> {
        if stack.len() >= DLIST_DEPTH {
            return self.bad("lists are nested too deeply");
        }
        stack.push(open);
        Ok(())
    }

    fn key(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        self.skip_spaces();
        match self.scalar()? {
            Value::Atom(key) => Ok(key),
            _ => Ok(Cow::Borrowed(b"NIL")),
        }
    }

    fn scalar(&mut self) -> Result<Value<'a>, Malformed> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            Some(_) => self.atom(),
            None => self.bad("the value ends too early"),
        }
    }

    fn atom(&mut self) -> Result<Value<'a>, Malformed> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| ends_atom(*byte)).unwrap_or(rest.len());
        self.at += length;
        match rest.get(..length) {
            None | Some([]) => self.bad("expected a value"),
            Some(b"NIL") => Ok(Value::Nil),
            Some(atom) => Ok(Value::Atom(Cow::Borrowed(atom))),
        }
    }

    fn quoted(&mut self) -> Result<Value<'a>, Malformed> {
        self.at += 1;
        let mut text = Cow::Borrowed(&[][..]);
        loop {
            let rest = self.input.get(self.at..).unwrap_or_default();
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n'));
            let plain = length.and_then(|length| Some((rest.get(..length)?, *rest.get(length)?)));
            let Some((plain, end)) = plain else {
                self.at = self.input.len();
                return self.bad("a quoted string has no end");
            };
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().extend_from_slice(plain);
            }
            self.at += plain.len() + 1;
            match end {
                b'"' => return Ok(Value::Atom(text)),
                b'\\' => match self.peek() {
                    Some(escaped) => {
                        text.to_mut().push(escaped);
                        self.at += 1;
                    }
                    None => return self.bad("a quoted string has no end"),
                },
                _ => return self.bad("a line ends inside a quoted string"),
            }
        }
    }

    /// Parses `{n}` or `{n+}`, the end of the line, and n bytes.
    fn literal(&mut self) -> Result<Value<'a>, Malformed> {
        self.at += 1;
        let size = self.number()?;
        self.eat(b'+');
        Ok(Value::Atom(Cow::Borrowed(self.counted(size)?)))
    }

    /// Parses `{partition guid size}`, the end of the line, and the bytes. The caller has read the
    /// percent sign.
    fn file(&mut self) -> Result<Value<'a>, Malformed> {
        if !self.eat(b'{') {
            return self.bad("expected ( or { after %");
        }
        let partition = self.key()?;
        let guid = self.key()?;
        self.skip_spaces();
        let size = self.number()?;
        let bytes = Cow::Borrowed(self.counted(size)?);
        Ok(Value::File { partition, guid, bytes })
    }

    fn number(&mut self) -> Result<usize, Malformed> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = self.input.get(start..self.at).unwrap_or_default();
        let number = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok());
        number.map_or_else(|| self.bad("expected the size of a literal"), Ok)
    }

    fn counted(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        if !self.eat(b'}') {
            return self.bad("expected } after the size of a literal");
        }
        self.eat(b'\r');
        if !self.eat(b'\n') {
            return self.bad("expected the end of the line after the size of a literal");
        }
        let start = self.at;
        let end = start.checked_add(size).filter(|end| *end <= self.input.len());
        let Some(end) = end else { return self.bad("a literal is longer than the data") };
        self.at = end;
        Ok(self.input.get(start..end).unwrap_or_default())
    }
}

impl<'a> Open<'a> {
    /// Returns the approximate memory that one more value takes in this list, including allocator
    /// overhead.
    fn cost(&self, value: &Value<'_>) -> usize {
        const BLOCK: usize = 16;
        let bytes = match value {
            Value::Atom(bytes) => BLOCK + bytes.len(),
            // The bytes of a file are borrowed from the input, whose size is limited.
            Value::File { .. } => 3 * BLOCK,
            Value::Nil | Value::List(_) | Value::Kv(_) => BLOCK,
        };
        match self {
            Open::List(_) => size_of::<Value<'_>>() + bytes,
            Open::Kv(_, key) => {
                size_of::<(Cow<'_, [u8]>, Value<'_>)>()
                    + bytes
                    + BLOCK
                    + key.as_ref().map_or(0, |k| k.len())
            }
        }
    }

    fn add(&mut self, value: Value<'a>) {
        match self {
            Open::List(items) => items.push(value),
            Open::Kv(items, key) => {
                if let Some(key) = key.take() {
                    items.push((key, value));
                }
            }
        }
    }
}

fn close(open: Option<Open<'_>>) -> Option<Value<'_>> {
    match open? {
        Open::List(items) => Some(Value::List(items)),
        Open::Kv(items, None) => Some(Value::Kv(items)),
        Open::Kv(_, Some(_)) => None,
    }
}

fn ends_atom(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || matches!(byte, b'(' | b')' | b'{' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(text: &str) -> Value<'_> {
        Value::Atom(text.as_bytes().into())
    }

    fn whole(input: &[u8]) -> Value<'_> {
        let (value, used) = parse(input).unwrap();
        assert_eq!(used, input.len());
        value
    }

    #[test]
    fn scalars() {
        assert_eq!(whole(b"abc"), atom("abc"));
        assert_eq!(whole(b"\\Seen"), atom("\\Seen"));
        assert_eq!(whole(b"NIL"), Value::Nil);
        assert_eq!(whole(b"\"\""), atom(""));
        assert_eq!(whole(b"\"a \\\"b\\\\\""), atom("a \"b\\"));
        assert_eq!(whole(b"{3+}\r\na\0b"), Value::Atom(b"a\0b".as_slice().into()));
        assert_eq!(whole(b"{0}\n"), atom(""));
    }

    #[test]
    fn lists_nest() {
        let list = Value::List(vec![atom("a"), Value::List(vec![]), Value::Nil]);
        assert_eq!(whole(b"(a () NIL)"), list);
        let kv =
            Value::Kv(vec![(b"K".as_slice().into(), list), (b"L".as_slice().into(), atom("1"))]);
        assert_eq!(whole(b"%(K (a () NIL) L 1)"), kv);
        assert_eq!(whole(b"%()"), Value::Kv(vec![]));
    }

    #[test]
    fn files_carry_their_bytes() {
        let file = Value::File {
            partition: b"default".as_slice().into(),
            guid: b"ab".as_slice().into(),
            bytes: b"hi!".as_slice().into(),
        };
        assert_eq!(whole(b"(%{default ab 3}\r\nhi!)"), Value::List(vec![file]));
    }

    #[test]
    fn named_values_stop_where_they_end() {
        let (name, value, used) = parse_named(b"MAILBOX %(A b)\r\n").unwrap();
        assert_eq!((&*name, used), (b"MAILBOX".as_slice(), 14));
        assert_eq!(value, Value::Kv(vec![(b"A".as_slice().into(), atom("b"))]));
    }

    #[test]
    fn damage_is_an_error_at_its_place() {
        let cases: [(&[u8], u64); 8] = [
            (b"", 0),
            (b"(a", 2),
            (b"%(K)", 4),
            (b"%x", 1),
            (b"\"abc", 4),
            (b"{5}\r\nabc", 5),
            (b"{99999999999999999999}\r\n", 21),
            (b")", 0),
        ];
        for (input, offset) in cases {
            let error = parse(input).unwrap_err();
            assert_eq!(error.offset, offset, "{input:?}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_deep_stack() {
        let deep = vec![b'('; 1 << 20];
        assert!(parse(&deep).unwrap_err().what.contains("nested"));
    }

    #[test]
    fn millions_of_elements_are_refused_before_they_fill_the_memory() {
        let many = [&b"("[..], &b"a ".repeat(2_000_000), b")"].concat();
        assert_eq!(parse(&many).unwrap_err().what, "the value has too many parts");
        let empty = [&b"("[..], &b"()".repeat(2_000_000), b")"].concat();
        assert_eq!(parse(&empty).unwrap_err().what, "the value has too many parts");
        let pairs = [&b"%("[..], &b"a b ".repeat(1_000_000), b")"].concat();
        assert_eq!(parse(&pairs).unwrap_err().what, "the value has too many parts");
        // A real user may have a hundred thousand subscriptions.
        let lsub = [&b"("[..], &b"user.fred.a-folder-with-quite-a-name ".repeat(100_000), b")"];
        assert!(parse(&lsub.concat()).is_ok());
    }

    #[test]
    fn a_value_is_measured_without_being_built() {
        let input = b"MAILBOX %(A (x (y z)) B %(C (1 2)) D e)\r\n";
        assert_eq!(measure(input).unwrap(), Measure { length: input.len() - 2, elements: 6 });
        let many = [&b"N ("[..], &b"a ".repeat(1_000_000), b")"].concat();
        assert_eq!(measure(&many).unwrap().elements, 1_000_000);
        assert!(measure(b"MAILBOX %(A (x)").is_err());
        assert!(measure(b"MAILBOX %(A)").is_err());
    }

    #[test]
    fn elements_of_one_list_come_one_by_one() {
        let record = "%(UID 7 FLAGS (a)) ";
        let input = format!("M %(A (x) RECORD ({}) B 1)", record.repeat(300_000));
        let mut count = 0;
        let (name, value, used) = parse_each(input.as_bytes(), "RECORD", &mut |value| {
            assert_eq!(value.kv()?.num32("UID")?, 7);
            count += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!((&*name, used, count), (&b"M"[..], input.len(), 300_000));
        let kv = value.kv().unwrap();
        assert_eq!((kv.list("A").unwrap().len(), kv.list("RECORD").unwrap().len()), (1, 0));
        assert_eq!(kv.num32("B").unwrap(), 1);
        let stop =
            parse_each(b"M %(RECORD (a))", "RECORD", &mut |_| Err(Malformed::new(0u64, "stop")));
        assert_eq!(stop.unwrap_err().what, "stop");
    }

    #[test]
    fn pairs_between_two_lists_of_elements_count_together() {
        let pairs = "A b ".repeat(100_000);
        let input = format!("M %({})", format!("RECORD ((a)) {pairs}").repeat(20));
        let read = parse_each(input.as_bytes(), "RECORD", &mut |_| Ok(()));
        assert_eq!(read.unwrap_err().what, TOO_MANY);
    }

    #[test]
    fn every_truncation_of_a_value_is_an_error() {
        let input = b"%(K (a \"b c\" {2}\r\nxy) F %{p g 2}\r\nzz)";
        assert!(parse(input).is_ok());
        for end in 0..input.len() {
            assert!(parse(&input[..end]).is_err(), "cut at {end}");
        }
    }
}
