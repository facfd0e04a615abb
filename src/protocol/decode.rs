//! Decodes replies into Rust values (`sync_kl_parse` and `parse_upload` in `imap/sync_support.c`).

use std::collections::BTreeSet;

use super::encode::VIRTUAL;
use super::numbers::{Numbers, shown};
use super::remote::{RemoteFolder, RemoteRecord, RemoteUser};
use super::reply::{Item, Reply};
use super::temp_literal::TempLiteral;
use crate::dlist::{self, Kv, Unread};
use crate::error::{Error, Kind, Malformed, Result, reason};
use crate::types::header::{ANNOT_CRC_KEY, FIELDS, Field, InReplies, Shape, Value};
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxHeader, MboxName, MboxType, Options, QUOTA_RESOURCES,
    Quota, Record, Seen, SieveScript, SyncCrcs, SystemFlags, Text, UniqueId,
};

/// The message in a reply to `GET FETCH`.
pub enum FetchedMessage {
    /// A short message, in memory.
    Memory(Box<[u8]>),
    /// A long message, in a temporary file.
    Temp(TempLiteral),
}

impl Reply {
    /// Decodes the reply to `GET USER` or `GET META`.
    pub fn into_user(self) -> Result<RemoteUser> {
        let mut user = RemoteUser::default();
        // Parse one item at a time and drop it. All items together would take much memory as
        // values.
        for item in self.items {
            let (name, value) = item.parse().map_err(|e| bad_item(item.name(), &e))?;
            take(&mut user, &name, &value).map_err(|e| bad_item(&name, &e))?;
        }
        if let Some(amend) = &self.amend {
            user.folders.retain_mut(|folder| amend(folder));
        }
        Ok(user)
    }

    /// Decodes the reply to `GET MAILBOXES` or `GET UNIQUEIDS`.
    pub fn into_folders(self) -> Result<Vec<RemoteFolder>> {
        Ok(self.into_user()?.folders)
    }

    /// Decodes the reply to `GET QUOTA`. Returns `None` if there is no such quota root.
    pub fn into_quota(self) -> Result<Option<Quota>> {
        Ok(self.into_user()?.quotas.into_iter().next())
    }

    /// Decodes the reply to `GET ANNOTATION`. Returns the annotations, sorted.
    pub fn into_annotations(self) -> Result<Vec<Annotation>> {
        let one = |item: Item| {
            let parsed = item.parse().and_then(|(_, value)| annotation(&value.kv()?));
            parsed.map_err(|e| bad_item(item.name(), &e))
        };
        let mut annotations: Vec<_> = self.items.into_iter().map(one).collect::<Result<_>>()?;
        annotations.sort();
        Ok(annotations)
    }

    /// Decodes the reply to `APPLY RESERVE`. Returns the GUIDs of the messages that the receiver
    /// does not have.
    pub fn missing(&self) -> Result<Vec<Guid>> {
        let bad = |what: &str| Error::new(Kind::Protocol, "read reply to", "APPLY RESERVE", what);
        let Some(item) = self.items.first() else { return Ok(Vec::new()) };
        let (name, value) = item.parse().map_err(|e| bad(&e.to_string()))?;
        if *name != *b"MISSING" {
            return Err(bad("the reply is not MISSING"));
        }
        let guids = value.list().map_err(|e| bad(&e.to_string()))?;
        let guid = |v: &dlist::Value| v.atom().ok().and_then(Guid::from_hex);
        guids
            .iter()
            .map(|v| {
                guid(v).ok_or_else(|| bad("the list MISSING contains something that is not a GUID"))
            })
            .collect()
    }

    /// Returns whether the reply to `APPLY CAPABILITIES` enables a capability.
    pub fn enables(&self, capability: &str) -> bool {
        let parsed = self.items.iter().filter_map(|item| item.parse().ok());
        let mut lists = parsed.filter(|(item, _)| **item == *b"ENABLED");
        let is = |value: &dlist::Value| {
            value.atom().is_ok_and(|found| found.eq_ignore_ascii_case(capability.as_bytes()))
        };
        lists.any(|(_, value)| value.list().is_ok_and(|list| list.iter().any(is)))
    }

    /// Decodes the reply to `GET FULLMAILBOX`. Returns the mailbox, and its records sorted by UID.
    /// If a number does not fit into its field, [`RemoteFolder::beyond`] names it.
    pub fn into_full_mailbox(self) -> Result<(RemoteFolder, Vec<RemoteRecord>)> {
        let mut records = Vec::new();
        let folder = self.visit_full_mailbox(&mut |record| {
            records.push(record);
            Ok(())
        })?;
        records.sort_by_key(|one: &RemoteRecord| one.record.uid);
        let twice = |pair: &[RemoteRecord]| matches!(pair, [a, b] if a.record.uid == b.record.uid);
        if folder.beyond.is_none() && records.windows(2).any(twice) {
            let error = Malformed::new(0u64, "two records have one UID");
            return Err(bad_item(b"MAILBOX", &error));
        }
        Ok((folder, records))
    }

    /// Decodes the reply to `GET FULLMAILBOX` like [`Reply::into_full_mailbox`], but passes each
    /// record to `each`, in the order of the reply. Only one record is in memory at a time.
    ///
    /// If `each` fails, returns the error of `each`.
    pub fn visit_full_mailbox(
        mut self,
        each: &mut dyn FnMut(RemoteRecord) -> Result<()>,
    ) -> Result<RemoteFolder> {
        let item = self.only_mailbox()?;
        let (mut beyond, mut failed) = (None, None);
        let mut one = |value: dlist::Value<'_>| {
            each(record(&value.kv()?, &mut beyond)?).map_err(|error| {
                failed = Some(error);
                Malformed::new(0u64, "the item was not read to its end")
            })
        };
        let read = match &item {
            Item::Short { line, .. } => dlist::parse_each(line, "RECORD", &mut one)
                .and_then(|(_, value, _)| full_folder(&value))
                .map_err(Unread::from),
            Item::Long(item) => item.read_each("RECORD", &mut one).and_then(|rest| {
                let (_, value, _) = dlist::parse_named(&rest)?;
                Ok(full_folder(&value)?)
            }),
        };
        if let Some(error) = failed {
            return Err(error);
        }
        let mut folder = read.map_err(|error| match error {
            Unread::Malformed(error) => bad_item(item.name(), &error),
            Unread::Io(error) => unread(error),
        })?;
        folder.beyond = folder.beyond.or(beyond);
        if let Some(amend) = &self.amend {
            amend(&mut folder);
        }
        Ok(folder)
    }

    /// Returns the item of a reply that describes exactly one mailbox.
    fn only_mailbox(&mut self) -> Result<Item> {
        let mut items = std::mem::take(&mut self.items);
        items.pop().filter(|_| items.is_empty()).ok_or_else(|| {
            let detail = "the reply does not contain one mailbox";
            Error::new(Kind::Protocol, "read reply to", "GET FULLMAILBOX", detail)
        })
    }

    /// Decodes the reply to `GET FETCH`. Returns `None` if the reply is not exactly one message.
    pub fn into_message(self) -> Option<FetchedMessage> {
        let Reply { mut items, file, .. } = self;
        let item = items.pop().filter(|_| items.is_empty())?;
        match (item.parse(), file) {
            (Ok((_, dlist::Value::File { bytes, .. })), None) => {
                Some(FetchedMessage::Memory(bytes.into_owned().into()))
            }
            (Ok((_, dlist::Value::File { bytes, .. })), Some(file)) if bytes.is_empty() => {
                Some(FetchedMessage::Temp(file))
            }
            _ => None,
        }
    }
}

fn bad_item(name: &[u8], error: &Malformed) -> Error {
    let name = String::from_utf8_lossy(name).into_owned();
    Error::new(Kind::Protocol, "read item of the replica's reply", name, error.what.to_string())
        .with_hint("check that the replica is Cyrus 3.0 or later")
}

fn take(user: &mut RemoteUser, name: &[u8], value: &dlist::Value<'_>) -> Result<(), Malformed> {
    match name {
        b"MAILBOX" => user.folders.push(RemoteFolder::from_kv(&value.kv()?)?),
        b"QUOTA" => user.quotas.push(quota(&value.kv()?)?),
        b"SEEN" => user.seen.push(seen(&value.kv()?)?),
        b"SIEVE" => user.sieve.push(sieve(&value.kv()?)?),
        b"LSUB" => {
            for name in value.list()? {
                user.subscriptions.push(MboxName::new(name.atom()?));
            }
        }
        _ => return Err(Malformed::new(0u64, "an item of this name was not requested")),
    }
    Ok(())
}

impl RemoteFolder {
    /// Decodes the value of `* MAILBOX %(...)`.
    pub fn from_kv(kv: &Kv<'_>) -> Result<RemoteFolder, Malformed> {
        let mut annotations = Vec::new();
        for item in kv.opt_list("ANNOTATIONS")?.unwrap_or_default() {
            annotations.push(annotation(&item.kv()?)?);
        }
        annotations.sort();
        annotations
            .dedup_by(|a, b| (&a.entry, &a.userid, &a.value) == (&b.entry, &b.userid, &b.value));
        let mut numbers = Numbers::of(kv);
        let mut header = MailboxHeader::default();
        for field in FIELDS {
            let value = field_value(field, kv, &mut numbers)?;
            field.set(&mut header, value);
        }
        Ok(RemoteFolder { header, annotations, beyond: numbers.beyond })
    }
}

/// Reads one header field of a mailbox.
fn field_value<'k>(
    field: &Field,
    kv: &'k Kv<'_>,
    numbers: &mut Numbers<'_, '_>,
) -> Result<Value<'k>, Malformed> {
    let key = field.key;
    let value = match (field.shape, field.in_replies) {
        (Shape::Text, InReplies::Always) => Value::Text(kv.atom(key)?),
        // This value is NIL for an intermediate, which is a name without a mailbox.
        (Shape::Text, InReplies::Perhaps) => kv.opt_atom(key)?.map_or(Value::Absent, Value::Text),
        (Shape::Number32, InReplies::Always) => Value::Number(numbers.num32(key)?.into()),
        (Shape::Number64, InReplies::Always) => Value::Number(numbers.num64(key)?),
        (Shape::Time, InReplies::Always) => Value::Time(numbers.date(key)?),
        (Shape::Number32, InReplies::Perhaps) => {
            numbers.opt_num32(key)?.map_or(Value::Absent, |n| Value::Number(n.into()))
        }
        (Shape::Number64, InReplies::Perhaps) => {
            numbers.opt_num64(key)?.map_or(Value::Absent, Value::Number)
        }
        (Shape::Time, InReplies::Perhaps) => {
            numbers.opt_date(key)?.map_or(Value::Absent, Value::Time)
        }
        (Shape::Type, _) => {
            let letters = kv.opt_atom(key)?.unwrap_or_default();
            let known = MboxType::from_wire(letters);
            let unknown = || Malformed::new(0u64, format!("{key} has an unknown type"));
            Value::Type(known.ok_or_else(unknown)?)
        }
        (Shape::Options, _) => {
            Value::Options(Options::from_wire(kv.opt_atom(key)?.unwrap_or_default()))
        }
        (Shape::Crcs, _) => Value::Crcs(SyncCrcs::from_wire(
            numbers.opt_num32(key)?.unwrap_or(0),
            numbers.opt_num32(ANNOT_CRC_KEY)?.unwrap_or(0),
        )),
    };
    Ok(value)
}

/// Decodes an annotation that is an element of a list.
fn annotation(kv: &Kv<'_>) -> Result<Annotation, Malformed> {
    Ok(Annotation {
        entry: Text::new(kv.atom("ENTRY")?),
        userid: Text::new(kv.opt_atom("USERID")?.unwrap_or_default()),
        // A number that does not fit becomes the highest number. It is then above every limit, so
        // it is refused.
        modseq: Numbers::of(kv).opt_num64("MODSEQ")?.unwrap_or(0),
        value: Text::new(kv.opt_atom("VALUE")?.unwrap_or_default()),
    })
}

/// Decodes the limits of a quota root. Old versions write STORAGE as LIMIT, whose highest 32-bit
/// value means unlimited (`sync_decode_quota_limits`). If a number does not fit, all limits become
/// the highest number. They then differ from the master's limits, so the client sends the master's
/// limits.
fn quota(kv: &Kv<'_>) -> Result<Quota, Malformed> {
    let mut numbers = Numbers::of(kv);
    let mut limits = [None; QUOTA_RESOURCES.len()];
    limits[0] = numbers.opt_num32("LIMIT")?.filter(|n| *n != u32::MAX).map(u64::from);
    for (limit, name) in limits.iter_mut().zip(QUOTA_RESOURCES) {
        *limit = numbers.opt_num32(name)?.map(u64::from).or(*limit);
    }
    let modseq = numbers.opt_num64("MODSEQ")?.unwrap_or(0);
    if numbers.beyond.is_some() {
        limits = [Some(u64::MAX); QUOTA_RESOURCES.len()];
    }
    Ok(Quota { root: Text::new(kv.atom("ROOT")?), limits, modseq })
}

/// Decodes seen state. A number that does not fit becomes the highest number. It then differs from
/// the master's number, so the client sends the master's seen state.
fn seen(kv: &Kv<'_>) -> Result<Seen, Malformed> {
    let mut numbers = Numbers::of(kv);
    Ok(Seen {
        uniqueid: UniqueId::new(kv.atom("UNIQUEID")?),
        lastread: numbers.date("LASTREAD")?,
        lastuid: numbers.num32("LASTUID")?,
        lastchange: numbers.date("LASTCHANGE")?,
        seenuids: Text::new(kv.atom("SEENUIDS")?),
    })
}

fn sieve(kv: &Kv<'_>) -> Result<SieveScript, Malformed> {
    let guid = kv.opt_atom("GUID")?.map_or(Some(Guid::default()), Guid::from_hex);
    Ok(SieveScript {
        name: Text::new(kv.atom("FILENAME")?),
        last_update: Numbers::of(kv).date("LAST_UPDATE")?,
        guid: guid.ok_or_else(|| Malformed::new(0u64, "GUID is not 40 hexadecimal digits"))?,
        active: kv.opt_num32("ISACTIVE")?.unwrap_or(0) != 0,
    })
}

/// Decodes the mailbox in a reply to `GET FULLMAILBOX`, without its records.
fn full_folder(value: &dlist::Value<'_>) -> Result<RemoteFolder, Malformed> {
    let kv = value.kv()?;
    kv.list("RECORD")?;
    RemoteFolder::from_kv(&kv)
}

fn unread(error: std::io::Error) -> Error {
    let detail = format!("the temporary file of the reply: {}", reason(&error));
    Error::new(Kind::Io, "read", "a reply of the replica", detail)
        .with_hint("check the disk of temp_path")
        .with_source(error)
}

/// The system flags and their names.
const SYSTEM_FLAGS: [(u32, &str); 5] = [
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::DRAFT, "\\Draft"),
    (SystemFlags::SEEN, "\\Seen"),
];

/// Decodes one record of `RECORD (%(UID ...) ...)` (`parse_upload`). If a number does not fit, sets
/// `beyond` to its name and value.
pub fn record(kv: &Kv<'_>, beyond: &mut Option<String>) -> Result<RemoteRecord, Malformed> {
    let mut numbers = Numbers::of(kv);
    let mut record = Record {
        uid: numbers.num32("UID")?,
        modseq: numbers.num64("MODSEQ")?,
        last_updated: numbers.date("LAST_UPDATED")?,
        internaldate: numbers.date("INTERNALDATE")?,
        size: numbers.num64("SIZE")?,
        guid: Guid::from_hex(kv.atom("GUID")?)
            .ok_or_else(|| Malformed::new(0u64, "GUID is not 40 hexadecimal digits"))?,
        ..Record::default()
    };
    if let Some(number) = numbers.beyond {
        beyond.get_or_insert_with(|| format!("for a message {number}"));
    }
    let mut flags = BTreeSet::new();
    for flag in kv.list("FLAGS")? {
        let flag = flag.atom()?;
        let system =
            SYSTEM_FLAGS.iter().find(|(_, name)| flag.eq_ignore_ascii_case(name.as_bytes()));
        match system {
            Some((bit, _)) => record.system_flags.0 |= bit,
            None if flag.eq_ignore_ascii_case(b"\\Expunged") => {
                record.internal_flags.0 |= InternalFlags::EXPUNGED;
            }
            None => drop(flags.insert(Text::new(flag))),
        }
    }
    let mut annotations = Vec::new();
    for item in kv.opt_list("ANNOTATIONS")?.unwrap_or_default() {
        let annotation = annotation(&item.kv()?)?;
        match take_virtual(&mut record, &annotation) {
            Ok(true) => {}
            Ok(false) => annotations.push(annotation),
            Err(NoNumber) => {
                let (entry, value) = (&annotation.entry, shown(annotation.value.as_bytes()));
                let of = format!("for UID {} the {entry} {value}", record.uid);
                beyond.get_or_insert(of);
            }
        }
    }
    annotations.sort();
    Ok(RemoteRecord { record, flags, annotations })
}

/// Error: the value of an annotation is not a number, or does not fit into the field of the record.
struct NoNumber;

/// Copies an annotation that holds a field of the record into that field (`decode_annotations`).
/// Returns whether it was such an annotation.
fn take_virtual(record: &mut Record, annotation: &Annotation) -> Result<bool, NoNumber> {
    let Some(field) = annotation.entry.as_bytes().strip_prefix(VIRTUAL.as_bytes()) else {
        return Ok(false);
    };
    let number = |radix| {
        let text = std::str::from_utf8(annotation.value.as_bytes()).ok();
        text.and_then(|text| u64::from_str_radix(text.trim(), radix).ok()).ok_or(NoNumber)
    };
    match field {
        b"thrid" => record.cid = number(16)?,
        // Cyrus writes a time as an unsigned number.
        b"savedate" => record.savedate = number(10)?.cast_signed(),
        b"createdmodseq" => record.createdmodseq = number(10)?,
        _ => return Ok(false),
    }
    Ok(true)
}
