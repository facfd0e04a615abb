//! Test helpers for parsers of stored values: damaged input, and dumps of databases.

/// Calls `parse` with `data` cut at every byte and with each bit flipped. It may return anything,
/// but must return.
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

/// Returns the records of a dump in `tests/fixtures/userdata`: key TAB value, with unusual bytes as
/// `\xNN`.
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

/// Returns the value of `field` in the line that contains `line_has` of one of Cyrus's own answers
/// in `told/`.
pub(crate) fn told<'a>(answer: &'a str, line_has: &str, field: &str) -> Option<&'a str> {
    let line = answer.lines().find(|line| line.contains(line_has))?;
    let value = [" ", "("].iter().find_map(|before| {
        let (_, value) = line.split_once(&format!("{before}{field} "))?;
        Some(value)
    })?;
    value.split([' ', ')']).next()
}
