//! Parses and writes values of the replication protocol, as far as the lab needs them.
//!
//! The forms are: atoms, quoted strings, literals `{5+}`, lists `(a b)`, keyed lists `%(KEY value
//! ...)`, files `%{partition guid size}` (facts from `dlist_print` and `dlist_parse` in
//! `imap/dlist.c`).

use std::collections::BTreeMap;

/// A value of the replication protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `NIL`
    Nil,
    /// Atom, quoted string, literal, flag or number; the wire does not distinguish them reliably.
    Text(Vec<u8>),
    /// `(a b c)`
    List(Vec<Value>),
    /// `%(KEY value KEY value)`
    Keyed(Vec<(String, Value)>),
    /// `%{partition guid size}` and the bytes.
    File {
        /// Partition on which it is staged.
        partition: String,
        /// SHA-1 in hexadecimal.
        guid: String,
        /// The bytes of the file.
        bytes: Vec<u8>,
    },
}

impl Value {
    /// Creates a text.
    pub fn text(text: impl AsRef<[u8]>) -> Value {
        Value::Text(text.as_ref().to_vec())
    }

    /// Creates a number.
    pub fn number(number: u64) -> Value {
        Value::Text(number.to_string().into_bytes())
    }

    /// Creates a list of texts.
    pub fn texts<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Value {
        Value::List(texts.into_iter().map(Value::text).collect())
    }

    /// Creates a keyed list.
    pub fn keyed<K: Into<String>>(items: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Keyed(items.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// Returns the value of a key of a keyed list.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Value::Keyed(items) = self else { return None };
        items.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Returns the text of a key. Invalid UTF-8 is replaced.
    ///
    /// # Panics
    /// If there is no such key, or its value is not a text.
    #[track_caller]
    pub fn str(&self, key: &str) -> String {
        match self.get(key) {
            Some(Value::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            other => panic!("no text {key} in {self:?}: {other:?}"),
        }
    }

    /// Returns the number of a key.
    ///
    /// # Panics
    /// If there is no such key, or its value is not a number.
    #[track_caller]
    pub fn num(&self, key: &str) -> u64 {
        let text = self.str(key);
        text.parse().unwrap_or_else(|_| panic!("{key} is no number: {text}"))
    }

    /// Returns the members of a list. Returns an empty slice for any other value.
    pub fn items(&self) -> &[Value] {
        if let Value::List(items) = self { items } else { &[] }
    }

    /// Returns a readable form, with unprintable and non-ASCII bytes as `\xNN`.
    pub fn show(&self) -> String {
        match self {
            Value::Nil => "NIL".into(),
            Value::Text(text) => text.escape_ascii().to_string(),
            Value::List(items) => {
                format!("({})", items.iter().map(Value::show).collect::<Vec<_>>().join(" "))
            }
            Value::Keyed(items) => {
                let items: Vec<_> =
                    items.iter().map(|(k, v)| format!("{k} {}", v.show())).collect();
                format!("%({})", items.join(" "))
            }
            Value::File { partition, guid, bytes } => {
                format!("%{{{partition} {guid} {}}}", bytes.len())
            }
        }
    }

    /// Writes the value in the form of the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Nil => out.extend(b"NIL"),
            Value::Text(text) => write_text(text, out),
            Value::List(items) => {
                out.push(b'(');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(b' ');
                    }
                    item.write(out);
                }
                out.push(b')');
            }
            Value::Keyed(items) => {
                out.extend(b"%(");
                for (n, (key, value)) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(b' ');
                    }
                    write_text(key.as_bytes(), out);
                    out.push(b' ');
                    value.write(out);
                }
                out.push(b')');
            }
            Value::File { partition, guid, bytes } => {
                out.extend(format!("%{{{partition} {guid} {}}}\r\n", bytes.len()).bytes());
                out.extend(bytes);
            }
        }
    }

    /// Parses a value at the start of `input`. Also returns the remaining bytes.
    pub fn parse(input: &[u8]) -> Result<(Value, &[u8]), String> {
        let mut reader = Reader { rest: input };
        let value = reader.value()?;
        Ok((value, reader.rest))
    }

    /// Parses `NAME value`.
    pub fn parse_named(input: &[u8]) -> Result<(String, Value), String> {
        let mut reader = Reader { rest: input };
        let name = reader.string()?;
        reader.space()?;
        let value = reader.value()?;
        Ok((String::from_utf8_lossy(&name).into_owned(), value))
    }

    /// Converts a keyed list to a map, for comparison.
    pub fn into_map(self) -> BTreeMap<String, Value> {
        if let Value::Keyed(items) = self { items.into_iter().collect() } else { BTreeMap::new() }
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let atom = |c: &u8| c.is_ascii_graphic() && !br#"(){%*"\]"#.contains(c);
    let (flag, rest) = match text.split_first() {
        Some((b'\\', rest)) => (true, rest),
        _ => (false, text),
    };
    if !rest.is_empty() && rest.iter().all(atom) && (flag || text != b"NIL") {
        out.extend(text);
    } else if text.iter().all(|c| (b' '..=b'~').contains(c) && !br#""\"#.contains(c)) {
        out.push(b'"');
        out.extend(text);
        out.push(b'"');
    } else {
        out.extend(format!("{{{}+}}\r\n", text.len()).bytes());
        out.extend(text);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<u8, String> {
        let (first, rest) = self.rest.split_first().ok_or("value ends early")?;
        self.rest = rest;
        Ok(*first)
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        match self.rest.strip_prefix(wanted.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(format!("expected {wanted:?} at {}", self.place())),
        }
    }

    fn place(&self) -> String {
        self.rest.get(..60).unwrap_or(self.rest).escape_ascii().to_string()
    }

    fn space(&mut self) -> Result<(), String> {
        self.expect(" ")
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("literal ends early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn until(&mut self, stop: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|c| stop(*c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn size(&mut self) -> Result<usize, String> {
        let digits = self.until(|c| !c.is_ascii_digit());
        let text = String::from_utf8_lossy(digits);
        text.parse().map_err(|_| format!("no number at {}", self.place()))
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.rest {
            [b'(', ..] => {
                self.expect("(")?;
                let mut items = Vec::new();
                while self.rest.first() != Some(&b')') {
                    items.push(self.value()?);
                    if self.rest.first() == Some(&b' ') {
                        self.space()?;
                    }
                }
                self.expect(")")?;
                Ok(Value::List(items))
            }
            [b'%', b'(', ..] => {
                self.expect("%(")?;
                let mut items = Vec::new();
                while self.rest.first() != Some(&b')') {
                    let key = String::from_utf8_lossy(&self.string()?).into_owned();
                    self.space()?;
                    items.push((key, self.value()?));
                    if self.rest.first() == Some(&b' ') {
                        self.space()?;
                    }
                }
                self.expect(")")?;
                Ok(Value::Keyed(items))
            }
            [b'%', b'{', ..] => {
                self.expect("%{")?;
                let partition = String::from_utf8_lossy(&self.string()?).into_owned();
                self.space()?;
                let guid = String::from_utf8_lossy(&self.string()?).into_owned();
                self.space()?;
                let size = self.size()?;
                self.expect("}\r\n")?;
                Ok(Value::File { partition, guid, bytes: self.take(size)?.to_vec() })
            }
            [b'%', ..] => Err(format!("unknown kind of value at {}", self.place())),
            [b'N', b'I', b'L'] | [b'N', b'I', b'L', b' ' | b')' | b'\r', ..] => {
                self.expect("NIL")?;
                Ok(Value::Nil)
            }
            _ => self.string().map(Value::Text),
        }
    }

    fn string(&mut self) -> Result<Vec<u8>, String> {
        match self.rest.first() {
            Some(b'"') => {
                self.expect("\"")?;
                let mut text = Vec::new();
                loop {
                    match self.next()? {
                        b'"' => return Ok(text),
                        b'\\' => text.push(self.next()?),
                        other => text.push(other),
                    }
                }
            }
            Some(b'{') => {
                self.expect("{")?;
                let size = self.size()?;
                let _ = self.expect("+");
                self.expect("}\r\n")?;
                self.take(size).map(<[u8]>::to_vec)
            }
            _ => {
                let text = self.until(|c| matches!(c, b' ' | b'(' | b')' | b'\r' | b'\n'));
                if text.is_empty() {
                    return Err(format!("expected a value at {}", self.place()));
                }
                Ok(text.to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn values_survive_writing_and_reading() {
        let value = Value::keyed([
            ("A", Value::texts(["", "two words", "NIL", "\\Seen", "quo\"te", "\u{e9}", "a\r\nb"])),
            ("B", Value::Nil),
            ("C", Value::keyed([("D", Value::number(7)), ("E", Value::List(vec![]))])),
            (
                "F",
                Value::File { partition: "p".into(), guid: "00".into(), bytes: b"x)\r\n".to_vec() },
            ),
        ]);
        let mut wire = Vec::new();
        value.write(&mut wire);
        assert_eq!(Value::parse(&wire), Ok((value, &b""[..])));
    }

    #[test]
    fn special_texts_are_quoted_as_cyrus_wants_them() {
        assert_eq!(written(&Value::text("NIL")), "\"NIL\"");
        assert_eq!(written(&Value::text("\\Seen")), "\\Seen");
        assert_eq!(written(&Value::text("$Label")), "$Label");
        assert_eq!(written(&Value::text("a\tb")), "{3+}\r\na\tb");
    }

    #[test]
    fn truncated_values_are_errors() {
        let wire = b"%(A (x \"y\") B {3+}\r\nabc C %{p 00 2}\r\nzz)";
        for end in 0..wire.len() {
            assert!(Value::parse(&wire[..end]).is_err(), "cut at {end}");
        }
    }
}
