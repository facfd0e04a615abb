//! Parser of values that are wholly in memory. Not recursive: nesting is a list on the heap.

use super::Value;
use crate::error::Malformed;
use crate::limits::DLIST_DEPTH;

/// Parses one value at the beginning of `input`; gives back the value and the bytes it took.
pub fn parse(input: &[u8]) -> Result<(Value, usize), Malformed> {
    let mut parser = Parser { input, at: 0 };
    let value = parser.value()?;
    Ok((value, parser.at))
}

/// Parses `NAME value`, as replies and commands are.
pub fn parse_named(input: &[u8]) -> Result<(Box<[u8]>, Value, usize), Malformed> {
    let mut parser = Parser { input, at: 0 };
    let name = parser.key()?;
    let value = parser.value()?;
    Ok((name, value, parser.at))
}

struct Parser<'a> {
    input: &'a [u8],
    at: usize,
}

/// A list that is not closed yet.
enum Open {
    List(Vec<Value>),
    Kv(Vec<(Box<[u8]>, Value)>, Option<Box<[u8]>>),
}

impl Parser<'_> {
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

    fn value(&mut self) -> Result<Value, Malformed> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            self.skip_spaces();
            if let Some(open) = stack.last_mut() {
                if self.eat(b')') {
                    match (close(stack.pop()), stack.last_mut()) {
                        (Some(value), None) => return Ok(value),
                        (Some(value), Some(parent)) => parent.add(value),
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
            match stack.last_mut() {
                None => return Ok(value),
                Some(parent) => parent.add(value),
            }
        }
    }

    fn push(&self, stack: &mut Vec<Open>, open: Open) -> Result<(), Malformed> {
        if stack.len() >= DLIST_DEPTH {
            return self.bad("lists are nested too deeply");
        }
        stack.push(open);
        Ok(())
    }

    fn key(&mut self) -> Result<Box<[u8]>, Malformed> {
        self.skip_spaces();
        match self.scalar()? {
            Value::Atom(key) => Ok(key),
            _ => Ok(b"NIL".as_slice().into()),
        }
    }

    fn scalar(&mut self) -> Result<Value, Malformed> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            Some(_) => self.atom(),
            None => self.bad("the value ends too early"),
        }
    }

    fn atom(&mut self) -> Result<Value, Malformed> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            if byte <= b' ' || byte == 0x7f || matches!(byte, b'(' | b')' | b'{' | b'"') {
                break;
            }
            self.at += 1;
        }
        match self.input.get(start..self.at) {
            None | Some([]) => self.bad("expected a value"),
            Some(b"NIL") => Ok(Value::Nil),
            Some(atom) => Ok(Value::Atom(atom.into())),
        }
    }

    fn quoted(&mut self) -> Result<Value, Malformed> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let Some(byte) = self.peek() else { return self.bad("a quoted string without end") };
            self.at += 1;
            match byte {
                b'"' => return Ok(Value::Atom(text.into())),
                b'\r' | b'\n' => return self.bad("a line ends inside a quoted string"),
                b'\\' => match self.peek() {
                    Some(escaped) => {
                        text.push(escaped);
                        self.at += 1;
                    }
                    None => return self.bad("a quoted string without end"),
                },
                _ => text.push(byte),
            }
        }
    }

    /// `{n}` or `{n+}`, end of line, n bytes.
    fn literal(&mut self) -> Result<Value, Malformed> {
        self.at += 1;
        let size = self.number()?;
        self.eat(b'+');
        Ok(Value::Atom(self.counted(size)?.into()))
    }

    /// Behind the percent sign: `{partition guid size}`, end of line, bytes.
    fn file(&mut self) -> Result<Value, Malformed> {
        if !self.eat(b'{') {
            return self.bad("expected ( or { after %");
        }
        let partition = self.key()?;
        let guid = self.key()?;
        self.skip_spaces();
        let size = self.number()?;
        let bytes = self.counted(size)?.into();
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

    fn counted(&mut self, size: usize) -> Result<&[u8], Malformed> {
        if !self.eat(b'}') {
            return self.bad("expected } after the size of a literal");
        }
        self.eat(b'\r');
        if !self.eat(b'\n') {
            return self.bad("expected the end of the line after the size of a literal");
        }
        let start = self.at;
        let end = start.checked_add(size).filter(|end| *end <= self.input.len());
        let Some(end) = end else { return self.bad("a literal is longer than what is there") };
        self.at = end;
        Ok(self.input.get(start..end).unwrap_or_default())
    }
}

impl Open {
    fn add(&mut self, value: Value) {
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

fn close(open: Option<Open>) -> Option<Value> {
    match open? {
        Open::List(items) => Some(Value::List(items)),
        Open::Kv(items, None) => Some(Value::Kv(items)),
        Open::Kv(_, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(text: &str) -> Value {
        Value::Atom(text.as_bytes().into())
    }

    fn whole(input: &[u8]) -> Value {
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
    fn every_truncation_of_a_value_is_an_error() {
        let input = b"%(K (a \"b c\" {2}\r\nxy) F %{p g 2}\r\nzz)";
        assert!(parse(input).is_ok());
        for end in 0..input.len() {
            assert!(parse(&input[..end]).is_err(), "cut at {end}");
        }
    }
}
