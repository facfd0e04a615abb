//! Parses cyrus.header, the part of a mailbox's state that seldom changes.
//!
//! A text (the magic) comes first. In files since Cyrus 3.5 one line with a stored dlist follows.
//! In older files three lines of text follow: quota root and uniqueid, user flags, ACL
//! (`mailbox_read_header` in `imap/mailbox.c`).

use crate::error::Malformed;
use crate::format::dl::{self, Item, Word};
use crate::limits::USER_FLAGS;
use crate::types::{MboxName, Text, UniqueId};

/// The first bytes of every cyrus.header (`MAILBOX_HEADER_MAGIC`).
const MAGIC: &[u8] = b"\xa1\x02\x8b\x0dCyrus mailbox header\n\
    \"The best thing about this system was that it had lots of goals.\"\n\
    \t--Jim Morris on Andrew\n";

/// Maximum number of letters of unknown fields that are kept.
const UNKNOWN: usize = 16;

/// The content of a cyrus.header.
///
/// The entry of the mailbox in mailboxes.db also has type, ACL and uniqueid. Where the values
/// differ, those of the entry are used (`mailbox_uniqueid`, `mailbox_acl`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Internal name of the mailbox. `None` if the file has the text form.
    pub name: Option<MboxName>,
    /// The uniqueid of the mailbox. Empty in very old files.
    pub uniqueid: UniqueId,
    /// Quota root of the mailbox, if any.
    pub quotaroot: Option<Text>,
    /// Access control list: pairs of identifier and rights, each followed by TAB.
    pub acl: Text,
    /// Id of the mailbox in JMAP, if it has one (since Cyrus 3.13).
    pub jmapid: Option<Text>,
    /// Names of the user flags. The position is the bit of the flag; `None` if a bit is unused. At
    /// most [`USER_FLAGS`].
    pub flags: Vec<Option<Text>>,
    /// Letters of the fields that this parser does not know, up to a limit.
    pub unknown: Text,
    /// CRC-32 of the whole file. cyrus.index stores the same CRC in
    /// [`header_file_crc`](super::index::Header::header_file_crc).
    pub crc: u32,
}

/// Parses a whole cyrus.header.
///
/// # Errors
/// [`Malformed`] if the magic text or a line is missing, or a line has the wrong form.
pub fn parse(data: &[u8]) -> Result<Header, Malformed> {
    let body = data.strip_prefix(MAGIC).ok_or(Malformed::new(0u64, "no cyrus.header"))?;
    let mut lines = Lines { rest: body, at: MAGIC.len() };
    let (at, first) = lines.next()?;
    let header = match first.first() {
        Some(b'%') => stored(first).map_err(|error| shifted(error, at))?,
        _ => text(at, first, &mut lines)?,
    };
    Ok(Header { crc: crc32fast::hash(data), ..header })
}

struct Lines<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// Returns the next line without its line end, and the offset of the line.
    fn next(&mut self) -> Result<(usize, &'a [u8]), Malformed> {
        let at = self.at;
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or(Malformed::new(at, "a line is missing or has no end"))?;
        let (line, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest.get(1..).unwrap_or_default();
        self.at += end + 1;
        Ok((at, line))
    }
}

fn shifted(error: Malformed, by: usize) -> Malformed {
    Malformed { offset: error.offset.saturating_add(by as u64), ..error }
}

/// Parses the dlist form, in which each field is named by a letter (`parseentry_cb`). Skips fields
/// with unknown letters, but keeps the letters for a report.
fn stored(line: &[u8]) -> Result<Header, Malformed> {
    let Item::Map(fields) = dl::parse(line)? else {
        return Err(Malformed::new(0u64, "not pairs of key and value"));
    };
    let (mut header, mut unknown) = (Header::default(), Vec::new());
    for (Word { at, bytes: key }, value) in &fields {
        match (&**key, value) {
            (_, Item::Nil) => {}
            (b"A", Item::Map(rights)) => header.acl = acl(rights)?,
            (b"U", Item::List(flags)) => header.flags = flag_list(*at, flags)?,
            (b"A" | b"U", _) => return Err(Malformed::new(*at, "neither an ACL nor flags")),
            (b"N", value) => header.name = Some(MboxName::new(&value.word(*at)?.bytes)),
            (b"I", value) => header.uniqueid = UniqueId::new(&value.word(*at)?.bytes),
            (b"Q", value) => header.quotaroot = Some(Text::new(&value.word(*at)?.bytes)),
            // Ignore the mailbox type, because the type in mailboxes.db is authoritative.
            (b"T", _) => {}
            (b"J", value) => header.jmapid = Some(Text::new(&value.word(*at)?.bytes)),
            (later, _) => unknown.extend(later.iter().take(UNKNOWN)),
        }
    }
    unknown.truncate(UNKNOWN);
    header.unknown = unknown.into();
    Ok(header)
}

fn acl(rights: &[(Word<'_>, Item<'_>)]) -> Result<Text, Malformed> {
    let mut acl = Vec::new();
    for (identifier, rights) in rights {
        acl.extend_from_slice(&identifier.bytes);
        acl.push(b'\t');
        acl.extend_from_slice(&rights.word(identifier.at)?.bytes);
        acl.push(b'\t');
    }
    Ok(acl.into())
}

fn flag_list(at: usize, items: &[Item<'_>]) -> Result<Vec<Option<Text>>, Malformed> {
    if items.len() > USER_FLAGS {
        return Err(Malformed::new(at, "more user flags than a mailbox can have"));
    }
    let name = |item: &Item<'_>| match item {
        Item::Nil => Ok(None),
        item => Ok(Some(Text::new(&item.word(at)?.bytes))),
    };
    items.iter().map(name).collect()
}

/// Parses the text form: `first` is the first of its three lines, `lines` returns the others.
fn text(at: usize, first: &[u8], lines: &mut Lines<'_>) -> Result<Header, Malformed> {
    let mut fields = first.split(|byte| *byte == b'\t');
    let quotaroot = fields.next().filter(|root| !root.is_empty()).map(Text::new);
    let uniqueid = match fields.next() {
        Some(b"") => return Err(Malformed::new(at, "an empty uniqueid")),
        Some(id) => UniqueId::new(id),
        None => UniqueId::default(),
    };
    let (_, flags) = lines.next()?;
    let (_, acl) = lines.next()?;
    let mut flags: Vec<_> = flags
        .split(|byte| *byte == b' ')
        .take(USER_FLAGS)
        .map(|name| (!name.is_empty()).then(|| Text::new(name)))
        .collect();
    // Drop the last name: the line is empty or ends with a space, so no flag follows the last
    // space.
    while flags.pop_if(|last| last.is_none()).is_some() {}
    Ok(Header { uniqueid, quotaroot, acl: Text::new(acl), flags, ..Header::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &[u8] = include_bytes!("../../tests/fixtures/index/v17/cyrus.header");
    const TEXT: &[u8] = include_bytes!("../../tests/fixtures/index/text-header/cyrus.header");

    fn with(body: &str) -> Vec<u8> {
        [MAGIC, body.as_bytes()].concat()
    }

    #[test]
    fn the_header_of_a_current_cyrus_is_read() {
        let header = parse(STORED).unwrap();
        assert_eq!(header.name.unwrap(), "user.fred.v17");
        assert_eq!((header.jmapid, header.unknown), (None, Text::default()));
        assert_eq!(header.acl, "fred\tlrswipkxtecdan\t");
        assert_eq!(header.quotaroot, None);
        let flags: Vec<_> = header.flags.iter().flatten().map(Text::to_string).collect();
        assert_eq!(flags.len(), 41);
        assert_eq!(flags[..3], ["$Forwarded", "Flag00", "Flag01"]);
    }

    #[test]
    fn the_text_of_an_old_cyrus_is_read() {
        let header = parse(TEXT).unwrap();
        assert_eq!(header.name, None);
        assert_eq!(header.uniqueid.as_bytes().len(), 24);
        assert_eq!(header.acl, "fred\tlrswipkxtecdan\t");
        assert_eq!(header.quotaroot, None);
        assert_eq!(header.flags.len(), 41);
        assert_eq!(header.flags[40].as_ref().unwrap(), &"Flag39");
    }

    #[test]
    fn fields_may_be_missing_or_nil() {
        let header = parse(&with("%(T e I x Q user.a U (a NIL \"b)\") Z %(y z))\n")).unwrap();
        assert_eq!(header.uniqueid, "x");
        assert_eq!(header.unknown, "Z");
        assert_eq!(header.quotaroot.unwrap(), "user.a");
        assert_eq!(header.flags, [Some("a".into()), None, Some("b)".into())]);
        assert_eq!(header.acl, "");

        let header = parse(&with("user.a\tid\n one  two \n\n")).unwrap();
        assert_eq!(header.quotaroot.unwrap(), "user.a");
        assert_eq!(header.flags, [None, Some("one".into()), None, Some("two".into())]);

        let header = parse(&with("\n\nanyone\tlrs\t\n")).unwrap();
        assert_eq!((header.quotaroot, header.uniqueid), (None, UniqueId::default()));
        assert_eq!((header.flags, header.acl), (vec![], "anyone\tlrs\t".into()));
    }

    #[test]
    fn too_many_flags_are_refused_or_cut_as_cyrus_does() {
        let names = vec!["f"; USER_FLAGS + 1].join(" ");
        let error = parse(&with(&format!("%(U ({names}))\n"))).unwrap_err();
        assert_eq!(error.what, "more user flags than a mailbox can have");
        assert_eq!(error.offset, MAGIC.len() as u64 + 2);
        let header = parse(&with(&format!("\tid\n{names}\n\n"))).unwrap();
        assert_eq!(header.flags.len(), USER_FLAGS);
    }

    #[test]
    fn damage_is_an_error_or_a_value() {
        for data in [STORED, TEXT] {
            for end in 0..data.len() {
                parse(&data[..end]).unwrap_err();
            }
            let whole = parse(data).unwrap();
            let mut damaged = data.to_vec();
            for at in 0..data.len() {
                for bit in 0..8 {
                    damaged[at] ^= 1 << bit;
                    if let Ok(header) = parse(&damaged) {
                        assert_ne!(header.crc, whole.crc);
                    }
                    damaged[at] ^= 1 << bit;
                }
            }
        }
    }
}
