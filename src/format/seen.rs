//! Parses the values of a user's seen database (`imap/seen_db.c`). The keys of that database are
//! uniqueids.

use crate::error::Malformed;
use crate::types::{Seen, UniqueId};

/// Parses a value (`parse_data`): version, lastread, lastuid, lastchange and a sequence of UIDs,
/// separated by single spaces. The sequence may be empty.
///
/// # Errors
/// Fails if the version is not 1, or if a number is missing or too large.
pub fn parse(id: UniqueId, value: &[u8]) -> Result<Seen, Malformed> {
    let mut fields = Fields { rest: value, at: 0 };
    if fields.next("the version")? != 1 {
        return Err(Malformed::new(0u64, "the version is not 1"));
    }
    let lastread = fields.next("the time of the last reading")?;
    let lastuid = fields.next("the last UID")?;
    let lastuid = u32::try_from(lastuid)
        .map_err(|_| Malformed::new(fields.at, "the last UID is out of range"))?;
    let lastchange = fields.next("the time of the last change")?;
    Ok(Seen { uniqueid: id, lastread, lastuid, lastchange, seenuids: fields.rest.into() })
}

struct Fields<'a> {
    rest: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    fn next(&mut self, what: &'static str) -> Result<i64, Malformed> {
        let end = self.rest.iter().position(|byte| *byte == b' ').unwrap_or(self.rest.len());
        let field = self.rest.get(..end).unwrap_or_default();
        let number = std::str::from_utf8(field).ok().and_then(|digits| digits.parse().ok());
        let number =
            number.ok_or_else(|| Malformed::new(self.at, format!("{what} is not a number")))?;
        let rest = self.rest.get(end..).unwrap_or_default();
        let skipped = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.rest = rest.get(skipped..).unwrap_or_default();
        self.at += end + skipped;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const DUMP: &str = include_str!("../../tests/fixtures/userdata/dump/anna.seen.db");
    const REPLY: &str = include_str!("../../tests/fixtures/userdata/replies/meta.anna");

    #[test]
    fn a_value_says_what_cyrus_says() {
        let [(key, value)] = &damage::records(DUMP)[..] else { panic!("not one record") };
        let seen = parse(key.clone().into(), value).unwrap();
        let reply = |field| damage::recorded(REPLY, "SEEN", field).unwrap();
        assert_eq!(seen.uniqueid, reply("UNIQUEID"));
        assert_eq!(seen.lastread.to_string(), reply("LASTREAD"));
        assert_eq!(seen.lastuid.to_string(), reply("LASTUID"));
        assert_eq!(seen.lastchange.to_string(), reply("LASTCHANGE"));
        assert_eq!(seen.seenuids, reply("SEENUIDS"));
        damage::survives(value, |value| drop(parse("x".into(), value)));
    }

    #[test]
    fn nothing_seen_is_an_empty_sequence() {
        let seen = parse("x".into(), b"1 1795466006 0 1795466006 ").unwrap();
        assert!(seen.seenuids.is_empty());
        assert_eq!(parse("x".into(), b"1 1 2 3").unwrap().lastchange, 3);
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        let complaint = |value: &[u8]| parse("x".into(), value).unwrap_err().to_string();
        assert_eq!(complaint(b""), "the version is not a number at offset 0x0");
        assert_eq!(complaint(b"2 1 1 1 1"), "the version is not 1 at offset 0x0");
        assert_eq!(complaint(b"1 5 x"), "the last UID is not a number at offset 0x4");
        assert_eq!(complaint(b"1 5 4294967296 1"), "the last UID is out of range at offset 0xf");
    }
}
