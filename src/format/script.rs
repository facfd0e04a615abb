//! Parses the messages of a `#sieve` mailbox, each of which holds a Sieve script. Cyrus writes them
//! in `store_script` (`imap/sieve_db.c`) and reads them in `mailbox_update_sieve`
//! (`imap/mailbox.c`).

use crate::error::Malformed;

/// A Sieve script in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script<'a> {
    /// The file name in Content-Disposition, without its extension. It does not change when the
    /// script is replaced or renamed.
    pub id: Vec<u8>,
    /// The name that users see, from the Subject. Encoded words are left encoded, because Cyrus
    /// sends them in this form to other servers.
    pub name: Vec<u8>,
    /// The text of the script: the body of the message.
    pub content: &'a [u8],
}

const EXTENSION: &[u8] = b".sieve";

/// Parses the message of a script.
///
/// # Errors
/// Fails if the header has no end, no Subject, or no Content-Disposition with a file name that ends
/// in `.sieve`.
pub fn parse(message: &[u8]) -> Result<Script<'_>, Malformed> {
    let end = message
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .ok_or_else(|| Malformed::new(message.len(), "the header has no end"))?;
    let (header, content) = message.split_at_checked(end + 4).unwrap_or_default();
    let name = field(header, b"Subject")
        .ok_or_else(|| Malformed::new(0u64, "the message of a script has no Subject"))?;
    let id = field(header, b"Content-Disposition")
        .and_then(|value| file_name(&value))
        .and_then(|name| Some(name.strip_suffix(EXTENSION)?.to_vec()))
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Malformed::new(0u64, "the message of a script has no id"))?;
    Ok(Script { id, name, content })
}

/// Two lengths in characters: of the longest word that Cyrus leaves unencoded in a Subject, and of
/// the longest encoded line.
const PLAIN_LINE: usize = 74;
const ENCODED_LINE: usize = 72;
const WORD: &[u8] = b"=?UTF-8?Q?";

/// Returns the name that a script gets when Cyrus stores it in a message: its Subject, which is the
/// name from then on. A name with other characters than printable ASCII is written as encoded words
/// (`charset_encode_mimeheader` in `lib/charset.c`).
pub fn subject(name: &[u8]) -> Vec<u8> {
    let printable = name.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let words = name.split(|byte| matches!(byte, b' ' | b'\t'));
    if printable && words.into_iter().all(|word| word.len() <= PLAIN_LINE) {
        return name.to_vec();
    }
    let mut subject = WORD.to_vec();
    let mut length = WORD.len();
    for byte in name {
        // Do not split the bytes of a UTF-8 character: compute the encoded length of the whole
        // character.
        let whole = match byte {
            0xc0..0xe0 => 6,
            0xe0..0xf0 => 9,
            0xf0..0xf8 => 12,
            _ => 3,
        };
        if length + whole - 3 >= ENCODED_LINE {
            subject.extend_from_slice(b"?= ");
            subject.extend_from_slice(WORD);
            length = WORD.len() + 1;
        }
        let before = subject.len();
        match byte {
            b' ' => subject.push(b'_'),
            b'!'..=b'~' if !matches!(byte, b'=' | b'?' | b'_') => subject.push(*byte),
            _ => subject.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
        length += subject.len() - before;
    }
    subject.extend_from_slice(b"?=");
    subject
}

/// Returns the value of the last header field with this name, without leading space. Folded lines
/// are joined; the space after a line break is kept.
fn field(header: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    let mut inside = false;
    for line in header.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let (true, Some(value)) = (inside, &mut found) {
                Vec::extend_from_slice(value, line);
            }
            continue;
        }
        let start = line.split_at_checked(name.len());
        let value = start
            .filter(|(start, _)| start.eq_ignore_ascii_case(name))
            .and_then(|(_, rest)| rest.trim_ascii_start().strip_prefix(b":"));
        inside = value.is_some();
        if let Some(value) = value {
            found = Some(value.trim_ascii_start().to_vec());
        }
    }
    found
}

/// Returns the parameter `filename` of a Content-Disposition, without quotes.
fn file_name(value: &[u8]) -> Option<Vec<u8>> {
    parameters(value).find_map(|(name, value)| {
        name.eq_ignore_ascii_case(b"filename").then(|| match value.strip_prefix(b"\"") {
            Some(rest) => rest.strip_suffix(b"\"").unwrap_or(rest).to_vec(),
            None => value.to_vec(),
        })
    })
}

/// Returns the `name=value` parameters after the first semicolon. The ids that Cyrus writes contain
/// no semicolons or quotes.
fn parameters(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    value.split(|byte| *byte == b';').skip(1).filter_map(|parameter| {
        let equals = parameter.iter().position(|byte| *byte == b'=')?;
        let (name, value) = parameter.split_at_checked(equals)?;
        Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::*;

    const MAIN: &[u8] = include_bytes!("../../tests/fixtures/userdata/sieve/2.");
    const ENCODED: &[u8] = include_bytes!("../../tests/fixtures/userdata/sieve/3.");

    #[test]
    fn names_become_what_cyrus_makes_of_them() {
        assert_eq!(subject(b"with space"), b"with space");
        assert_eq!(subject("a?=_ \u{e9}".as_bytes()), b"=?UTF-8?Q?a=3F=3D=5F_=C3=A9?=");
        assert_eq!(subject(&[b'y'; 74]), [b'y'; 74]);
        let long = [WORD, &[b'y'; 62], b"?= ", WORD, &[b'y'; 13], b"?="].concat();
        assert_eq!(subject(&[b'y'; 75]), long);
        let accents = subject("\u{e9}".repeat(12).as_bytes());
        let whole = accents.split(|b| *b == b' ').all(|word| (word.len() - 12) % 6 == 0);
        assert!(whole && accents.contains(&b' '), "{}", String::from_utf8_lossy(&accents));
    }

    #[test]
    fn a_message_of_cyrus_is_read() {
        let script = parse(MAIN).unwrap();
        assert_eq!(script.name, b"main");
        assert_eq!(script.content, b"require [\"fileinto\"];\r\nfileinto \"INBOX/Sent\";\r\n");
        let replaced = include_bytes!("../../tests/fixtures/userdata/sieve/1.");
        assert_eq!(script.id, parse(replaced).unwrap().id);
        assert!(!script.id.is_empty() && !script.id.contains(&b'.'));
    }

    #[test]
    fn a_name_stays_encoded() {
        assert_eq!(parse(ENCODED).unwrap().name, b"=?UTF-8?Q?Gr=C3=BC=C3=9Fe_an_alle?=");
    }

    #[test]
    fn folded_header_lines_are_joined() {
        let message = b"subject: a\r\n b\r\nX: y\r\n c\r\n\
            Content-Disposition: attachment; filename=i.sieve\r\n\r\n";
        let script = parse(message).unwrap();
        assert_eq!((&script.id[..], &script.name[..]), (&b"i"[..], &b"a b"[..]));
    }

    #[test]
    fn a_message_that_is_no_script_is_refused() {
        let complaint = |message: &[u8]| parse(message).unwrap_err().what.into_owned();
        assert_eq!(complaint(b"Subject: x\r\n"), "the header has no end");
        assert_eq!(complaint(b"X: x\r\n\r\n"), "the message of a script has no Subject");
        assert_eq!(
            complaint(b"Subject: x\r\nContent-Disposition: inline; filename=x.txt\r\n\r\n"),
            "the message of a script has no id"
        );
    }

    #[test]
    fn damage_is_survived() {
        damage::survives(MAIN, |message| drop(parse(message)));
        damage::survives(ENCODED, |message| drop(parse(message)));
    }
}
