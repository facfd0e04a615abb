//! Helpers for tests of parsers: they damage input, and read dumps of databases.

/// Calls `parse` with `data` cut at every byte, and with each bit flipped. `parse` may return
/// anything, but must not panic or hang.
pub(crate) fn survives(data: &[u8], parse: impl Fn(&[u8])) {
    for end in 0..data.len() {
        parse(&data[..end]);
    }
    let mut damaged = data.to_vec();
    for at in 0..data.len() {
        for bit in 0..8 {
            damaged[at] ^= 1 << bit;
            parse(&damaged);
            damaged[at] ^= 1 << bit;
        }
    }
}

/// Returns the records of a dump in `tests/fixtures/userdata`. Each line is a key, TAB and a value;
/// unusual bytes are written as `\xNN`.
pub(crate) fn records(dump: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    dump.lines()
        .map(|line| {
            let (key, value) = line.split_once('\t').expect("a line of a dump has a tab");
            (unescape(key), unescape(value))
        })
        .collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("two digits after \\x"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// Returns the value of `field` in the first line of `answer` that contains `line_has`. `answer` is
/// a reply of Cyrus, as in `tests/fixtures/userdata/replies`.
pub(crate) fn recorded<'a>(answer: &'a str, line_has: &str, field: &str) -> Option<&'a str> {
    let line = answer.lines().find(|line| line.contains(line_has))?;
    let value = [" ", "("].iter().find_map(|before| {
        let (_, value) = line.split_once(&format!("{before}{field} "))?;
        Some(value)
    })?;
    value.split([' ', ')']).next()
}
