//! Parses the entries of mailboxes.db (`imap/mboxlist.c`).
//!
//! Since Cyrus 3.6 a mailbox has two records: one by name, and one by uniqueid, which also lists
//! the former names of the mailbox. Older versions have only the record by name.
//! [`mbkeys`](super::mbkeys) describes the keys.

use crate::error::Malformed;
use crate::types::{FormerName, MailboxEntry, MboxName, MboxType, Text, UniqueId};

use super::dbname::internal_name;
use super::dl::{self, Item, Word};

/// Maximum number of letters of unknown fields that are kept.
const UNKNOWN: usize = 16;

/// Parses the record of a mailbox by name. The value is a dlist or, in records written before Cyrus
/// 2.5, text.
///
/// # Errors
/// Fails if the value has neither of these forms.
pub fn parse_by_name(name: MboxName, value: &[u8]) -> Result<MailboxEntry, Malformed> {
    let entry = MailboxEntry { name, ..MailboxEntry::default() };
    if value.first() == Some(&b'%') { dlist(entry, value) } else { early_text(entry, value) }
}

/// Parses the record of a mailbox by uniqueid. Its value contains the name of the mailbox.
///
/// # Errors
/// Fails if the value is not a dlist with a name and valid fields.
pub fn parse_by_id(id: UniqueId, value: &[u8]) -> Result<MailboxEntry, Malformed> {
    let mut entry = dlist(MailboxEntry::default(), value)?;
    if entry.name.is_empty() {
        return Err(Malformed::new(0u64, "an entry by uniqueid has no name"));
    }
    entry.uniqueid = id;
    Ok(entry)
}

fn dlist(mut entry: MailboxEntry, value: &[u8]) -> Result<MailboxEntry, Malformed> {
    let Item::Map(pairs) = dl::parse(value)? else {
        return Err(Malformed::new(0u64, "not a list of keys and values"));
    };
    let named = !entry.name.is_empty();
    let mut unknown = Vec::new();
    for (key, item) in &pairs {
        let word = || item.word(key.at);
        match &*key.bytes {
            b"A" => entry.acl = acl(key.at, item)?,
            b"C" => entry.createdmodseq = word()?.number()?,
            b"F" => entry.foldermodseq = word()?.number()?,
            b"H" => entry.name_history = history(key.at, item)?,
            b"I" => entry.uniqueid = text(word()?).into(),
            b"J" if *item == Item::Nil => {}
            b"J" => entry.jmapid = Some(text(word()?).into()),
            b"M" => entry.mtime = word()?.number()?,
            b"N" if !named => entry.name = internal_name(&word()?.bytes),
            b"P" => entry.partition = text(word()?).into(),
            b"S" => entry.server = text(word()?).into(),
            b"T" => entry.mbtype = mbtype(word()?)?,
            b"V" => entry.uidvalidity = word()?.number()?,
            b"N" => (),
            _ if *item == Item::Nil => (),
            // A later version of Cyrus added this field.
            later => unknown.extend(later.iter().take(UNKNOWN)),
        }
    }
    unknown.truncate(UNKNOWN);
    entry.unknown = unknown.into();
    entry.legacy_dirs = entry.mbtype.has(MboxType::LEGACY_DIRS);
    Ok(entry)
}

fn text(word: &Word<'_>) -> Vec<u8> {
    word.bytes.to_vec()
}

fn mbtype(word: &Word<'_>) -> Result<MboxType, Malformed> {
    MboxType::from_wire(&word.bytes)
        .ok_or_else(|| Malformed::new(word.at, "a letter of the mailbox type is unknown"))
}

/// Converts a dlist such as `%(fred lrs anyone lr)` to text: each identifier and each rights string
/// is followed by TAB.
fn acl(at: usize, item: &Item<'_>) -> Result<Text, Malformed> {
    let Item::Map(pairs) = item else {
        return Err(Malformed::new(at, "the access control list is not a list"));
    };
    let mut acl = Vec::new();
    for (identifier, rights) in pairs {
        for part in [identifier, rights.word(identifier.at)?] {
            acl.extend_from_slice(&part.bytes);
            acl.push(b'\t');
        }
    }
    Ok(acl.into())
}

fn history(at: usize, item: &Item<'_>) -> Result<Vec<FormerName>, Malformed> {
    let Item::List(items) = item else {
        return Err(Malformed::new(at, "the name history is not a list"));
    };
    items.iter().map(|item| former_name(at, item)).collect()
}

fn former_name(at: usize, item: &Item<'_>) -> Result<FormerName, Malformed> {
    let Item::Map(pairs) = item else {
        return Err(Malformed::new(at, "a former name is not a list"));
    };
    let mut former = FormerName {
        name: MboxName::default(),
        partition: Text::default(),
        mtime: 0,
        foldermodseq: 0,
        uidvalidity: 0,
    };
    for (key, item) in pairs {
        let word = || item.word(key.at);
        match &*key.bytes {
            b"F" => former.foldermodseq = word()?.number()?,
            b"M" => former.mtime = word()?.number()?,
            b"N" => former.name = internal_name(&word()?.bytes),
            b"P" => former.partition = text(word()?).into(),
            b"V" => former.uidvalidity = word()?.number()?,
            _ => (),
        }
    }
    if former.name.is_empty() {
        return Err(Malformed::new(at, "a former name has no name"));
    }
    Ok(former)
}

/// Parses the text form `(uniqueid ID specialuse USE) TYPE SERVER!PARTITION ACL`. The list in
/// parentheses and the server are optional. TYPE is a number. Cyrus before 2.5 wrote this form, and
/// later versions still read it.
fn early_text(mut entry: MailboxEntry, value: &[u8]) -> Result<MailboxEntry, Malformed> {
    let mut rest = value;
    if let Some(inner) = value.strip_prefix(b"(") {
        let end = inner.iter().position(|byte| *byte == b')');
        let (list, after) = end
            .and_then(|end| inner.split_at_checked(end))
            .ok_or_else(|| Malformed::new(value.len(), "the list of extra values has no end"))?;
        let mut words = list.split(|byte| *byte == b' ');
        while let (Some(key), Some(word)) = (words.next(), words.next()) {
            if key == b"uniqueid" {
                entry.uniqueid = word.into();
            }
        }
        rest = after.strip_prefix(b") ").unwrap_or_default();
    }
    let at = value.len() - rest.len();
    let mut parts = rest.splitn(3, |byte| *byte == b' ');
    let mut part = || parts.next().ok_or_else(|| Malformed::new(at, "an entry is cut short"));
    let bits = std::str::from_utf8(part()?).ok().and_then(|digits| digits.parse().ok());
    entry.mbtype = MboxType(bits.ok_or_else(|| Malformed::new(at, "the type is not a number"))?);
    let place = part()?;
    match place.iter().position(|byte| *byte == b'!').and_then(|at| place.split_at_checked(at)) {
        Some((server, partition)) => {
            entry.server = server.into();
            entry.partition = partition.strip_prefix(b"!").unwrap_or_default().into();
        }
        None => entry.partition = place.into(),
    }
    entry.acl = part()?.into();
    entry.legacy_dirs = entry.mbtype.has(MboxType::LEGACY_DIRS);
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::super::damage;
    use super::super::mbkeys::Keys;
    use super::*;

    const DUMP: &str = include_str!("../../tests/fixtures/userdata/dump/mailboxes.db");
    const REPLY: &str = include_str!("../../tests/fixtures/userdata/replies/user.fred");

    fn by_name(name: &str) -> MailboxEntry {
        let key = Keys::Typed.of_name(&name.into());
        let records = damage::records(DUMP);
        let (_, value) = records.iter().find(|(found, _)| *found == key).unwrap();
        parse_by_name(name.into(), value).unwrap()
    }

    fn by_id(id: &UniqueId) -> MailboxEntry {
        let key = Keys::Typed.of_id(id).unwrap();
        let records = damage::records(DUMP);
        let (_, value) = records.iter().find(|(found, _)| *found == key).unwrap();
        parse_by_id(id.clone(), value).unwrap()
    }

    #[test]
    fn entries_say_what_cyrus_says() {
        let mut compared = 0;
        for line in REPLY.lines().filter(|line| line.starts_with("* MAILBOX")) {
            let name = damage::recorded(line, "", "MBOXNAME").unwrap();
            let entry = by_name(name);
            let reply = |field| damage::recorded(line, "", field).unwrap();
            assert_eq!(entry.uniqueid, reply("UNIQUEID"));
            assert_eq!(entry.uidvalidity.to_string(), reply("UIDVALIDITY"));
            assert_eq!(entry.foldermodseq.to_string(), reply("FOLDERMODSEQ"));
            let mbtype = damage::recorded(line, "", "MBOXTYPE").unwrap_or("e");
            assert_eq!(entry.mbtype.to_wire(), mbtype);
            if !entry.mbtype.is_intermediate() {
                assert_eq!(entry.partition, reply("PARTITION"));
                assert!(line.contains(&format!(" ACL \"{}\"", entry.acl)), "{line}");
            }
            // Cyrus reports the createdmodseq of cyrus.index; a replicated mailbox does not store
            // one there.
            if let Some(reply) = damage::recorded(line, "", "CREATEDMODSEQ") {
                assert_eq!(entry.createdmodseq.to_string(), reply);
            }
            // The record by uniqueid has the same values, and a name history in addition.
            let id_entry = by_id(&entry.uniqueid);
            assert_eq!(MailboxEntry { name_history: vec![], ..id_entry }, entry);
            compared += 1;
        }
        assert_eq!(compared, 12);
    }

    #[test]
    fn an_acl_of_several_identifiers_keeps_its_order() {
        assert_eq!(by_name("user.fred.Sent").acl, "fred\tlrswipkxtecdan\tanna\tlrs\t");
    }

    #[test]
    fn tombstones_have_neither_partition_nor_acl() {
        let entry = by_name("user.fred.Gone");
        assert!(entry.mbtype.is_deleted());
        assert_eq!((entry.partition, entry.acl), (Text::default(), Text::default()));
    }

    #[test]
    fn former_names_are_newest_first() {
        let entry = by_id(&by_name("user.fred.Between.us.Newer").uniqueid);
        let names: Vec<_> = entry.name_history.iter().map(|former| &former.name).collect();
        assert_eq!(names, [&MboxName::from("user.fred.New"), &MboxName::from("user.fred.Old")]);
        let newest = entry.name_history.first().unwrap();
        assert_eq!(newest.uidvalidity, entry.uidvalidity);
        assert_eq!(newest.foldermodseq, by_name("user.fred.New").foldermodseq);
    }

    #[test]
    fn special_mailboxes_have_their_type() {
        assert!(by_name("user.fred.#sieve").mbtype.is_sieve());
        assert!(by_name("user.fred.Gap").mbtype.is_intermediate());
    }

    #[test]
    fn the_text_of_early_versions_is_read() {
        let value = b"(uniqueid 6a5b specialuse \\Sent) 0 imap2!default fred\tlrs\t";
        let entry = parse_by_name("user.fred".into(), value).unwrap();
        assert_eq!(entry.uniqueid, "6a5b");
        assert_eq!((entry.server, entry.partition), ("imap2".into(), "default".into()));
        assert_eq!(entry.acl, "fred\tlrs\t");
        let entry = parse_by_name("user.fred".into(), b"0 default anyone\tlr\t").unwrap();
        assert_eq!((entry.mbtype, entry.acl), (MboxType(0), "anyone\tlr\t".into()));
    }

    #[test]
    fn fields_of_a_later_version_are_remembered_by_their_letters() {
        let value = b"%(T e X (a b) I id Q %(c d) J NIL Y NIL P default)";
        let entry = parse_by_name("user.fred".into(), value).unwrap();
        assert_eq!((entry.unknown, entry.jmapid), ("XQ".into(), None));
        assert_eq!((entry.uniqueid, entry.partition), ("id".into(), "default".into()));
        let many = format!("%(T e {})", "Later x ".repeat(100));
        let entry = parse_by_name("user.fred".into(), many.as_bytes()).unwrap();
        assert_eq!(entry.unknown.as_bytes().len(), UNKNOWN);
        assert!(by_name("user.fred").unknown.is_empty());
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        let complaint = |value: &[u8]| parse_by_name("x".into(), value).unwrap_err().to_string();
        assert_eq!(complaint(b""), "the type is not a number at offset 0x0");
        assert_eq!(complaint(b"%(T e?)"), "a letter of the mailbox type is unknown at offset 0x4");
        assert_eq!(
            complaint(b"%(V 4294967296)"),
            "not a number, or a number that is too large at offset 0x4"
        );
        assert_eq!(complaint(b"%(A (x))"), "the access control list is not a list at offset 0x2");
        assert_eq!(complaint(b"%(H (%(M 1)))"), "a former name has no name at offset 0x2");
        assert_eq!(
            parse_by_id("x".into(), b"%(T e)").unwrap_err().to_string(),
            "an entry by uniqueid has no name at offset 0x0"
        );
    }

    #[test]
    fn damage_is_survived() {
        for (key, value) in damage::records(DUMP) {
            if key.starts_with(b"I") {
                damage::survives(&value, |value| drop(parse_by_id("x".into(), value)));
            } else if key.starts_with(b"N") {
                damage::survives(&value, |value| drop(parse_by_name("x".into(), value)));
            }
        }
        let early = b"(uniqueid 6a5b specialuse \\Sent) 0 imap2!default fred\tlrs\t";
        damage::survives(early, |value| drop(parse_by_name("x".into(), value)));
    }
}
