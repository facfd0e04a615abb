//! Writes commands and replies in the form that `imap/sync_support.c` reads: lists of keys and
//! values, in a fixed order.

use super::command::{Command, Fetch, MessageFiles, Rename, Reserve};
use super::remote::RemoteFolder;
use super::update::{MailboxUpdate, RecordUpdate};
use crate::dlist::Writer;
use crate::error::Result;
use crate::types::crc::{LATE_VIRTUAL, LATE_VIRTUAL_SINCE};
use crate::types::header::{ANNOT_CRC_KEY, FIELDS, Field, Sent, Value};
use crate::types::{
    Annotation, InternalFlags, MailboxEntry, MailboxHeader, MboxName, QUOTA_RESOURCES, Quota,
    Record, Seen, SystemFlags, Text,
};

/// Prefix of annotations that hold fields of a record (`encode_annotations`).
pub const VIRTUAL: &str = "/vendor/cmu/cyrus-imapd/";

impl Command<'_> {
    /// Writes the command without its first word.
    ///
    /// Fails if a message file cannot be read to its end. A part of the command is then already
    /// written.
    pub fn encode(&mut self, w: &mut Writer<'_>) -> Result<()> {
        let spec = self.spec();
        if !spec.name.is_empty() {
            w.name(spec.name)?;
        }
        match self {
            Command::GetUser(user) | Command::GetMeta(user) | Command::UnUser(user) => {
                w.atom(user.as_bytes())
            }
            Command::GetMailboxes(names) => atoms(w, names),
            Command::GetUniqueIds(ids) => atoms(w, ids),
            Command::GetFullMailbox(full) => w.atom(full.mailbox.as_bytes()),
            Command::GetAnnotations(mailbox) | Command::UnMailbox { mailbox, .. } => {
                w.atom(mailbox.as_bytes())
            }
            Command::GetQuota(root) | Command::UnQuota(root) => w.atom(root.as_bytes()),
            Command::Fetch(what) => fetch(w, what),
            Command::Capabilities(names) => atoms(w, names),
            Command::Force => {
                w.open_kv()?;
                w.close()
            }
            Command::Reserve(what) => reserve(w, what),
            Command::Messages(files) => messages(w, *files),
            Command::Mailbox(update) => mailbox(w, update),
            Command::Intermediate(entry) => intermediate(w, entry),
            Command::Rename { rename, .. } => self::rename(w, rename),
            Command::Annotation(mailbox, one) => {
                annotation_key(w, mailbox, one)?;
                w.key("VALUE")?.atom(one.value.as_bytes())?;
                w.close()
            }
            Command::UnAnnotation(mailbox, one) => {
                annotation_key(w, mailbox, one)?;
                w.close()
            }
            Command::Sub(user, mailbox) | Command::UnSub(user, mailbox) => {
                texts(w, &[("USERID", user.as_bytes()), ("MBOXNAME", mailbox.as_bytes())])
            }
            Command::Seen(user, entry) => {
                w.open_kv()?;
                w.key("USERID")?.atom(user.as_bytes())?;
                seen(w, entry)
            }
            Command::Sieve(user, script, content) => {
                w.open_kv()?;
                w.key("USERID")?.atom(user.as_bytes())?;
                w.key("FILENAME")?.atom(script.name.as_bytes())?;
                w.key("LAST_UPDATE")?.date(script.last_update)?;
                w.key("CONTENT")?.atom(content)?;
                w.close()
            }
            Command::UnSieve(user, name) | Command::ActivateSieve(user, name) => {
                texts(w, &[("USERID", user.as_bytes()), ("FILENAME", name.as_bytes())])
            }
            Command::UnActivateSieve(user) => texts(w, &[("USERID", user.as_bytes())]),
            Command::Quota(limits) => quota(w, limits),
            Command::Restart => Ok(()),
        }
    }
}

impl RemoteFolder {
    /// Writes the mailbox as a Cyrus server does in a reply. [`RemoteFolder::from_kv`] parses this
    /// form.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<()> {
        w.open_kv()?;
        header(w, &self.header, true)?;
        w.key("ANNOTATIONS")?.open_list()?;
        self.annotations.iter().try_for_each(|one| annotation(w, one))?;
        w.close()?;
        w.close()
    }
}

fn atoms<A: AsRef<[u8]>>(w: &mut Writer<'_>, items: &[A]) -> Result<()> {
    w.open_list()?;
    items.iter().try_for_each(|item| w.atom(item.as_ref()))?;
    w.close()
}

fn texts(w: &mut Writer<'_>, pairs: &[(&str, &[u8])]) -> Result<()> {
    w.open_kv()?;
    for (key, text) in pairs {
        w.key(key)?.atom(text)?;
    }
    w.close()
}

fn fetch(w: &mut Writer<'_>, fetch: &Fetch<'_>) -> Result<()> {
    w.open_kv()?;
    w.key("MBOXNAME")?.atom(fetch.mailbox.as_bytes())?;
    w.key("PARTITION")?.atom(fetch.partition.as_bytes())?;
    w.key("UNIQUEID")?.atom(fetch.uniqueid.as_bytes())?;
    w.key("GUID")?.atom(&fetch.guid.to_hex())?;
    w.key("UID")?.num(fetch.uid.into())?;
    w.close()
}

fn reserve(w: &mut Writer<'_>, reserve: &Reserve<'_>) -> Result<()> {
    w.open_kv()?;
    w.key("PARTITION")?.atom(reserve.partition.as_bytes())?;
    atoms(w.key("MBOXNAME")?, reserve.among)?;
    w.key("GUID")?.open_list()?;
    reserve.guids.iter().try_for_each(|guid| w.atom(&guid.to_hex()))?;
    w.close()?;
    w.close()
}

/// Writes `(%{partition guid size} ...)`, each followed by the bytes of the file.
fn messages(w: &mut Writer<'_>, files: &mut dyn MessageFiles) -> Result<()> {
    w.open_list()?;
    while let Some(mut file) = files.next_file()? {
        w.file(file.partition.as_bytes(), file.guid, file.size, &mut file.content)?;
    }
    w.close()
}

/// Writes the header fields of an update or a reply, in the order of the table [`FIELDS`].
fn header(w: &mut Writer<'_>, header: &MailboxHeader, whole: bool) -> Result<()> {
    for field in FIELDS {
        let value = field.get(header);
        if field.sent == Sent::Always || value.is_set() {
            one_field(w, field, value, whole)?;
        }
    }
    Ok(())
}

fn one_field(w: &mut Writer<'_>, field: &Field, value: Value<'_>, whole: bool) -> Result<()> {
    let w = w.key(field.key)?;
    match value {
        Value::Absent => w.num(0),
        Value::Text(text) => w.atom(text),
        Value::Type(mbtype) => w.atom(mbtype.to_wire().as_bytes()),
        Value::Options(options) => w.atom(options.to_wire().as_bytes()),
        Value::Number(number) => w.num(number),
        Value::Time(time) => w.date(time),
        Value::Crcs(crcs) => {
            let [basic, annot] = crcs.to_wire();
            w.num(basic.into())?;
            // In a partial state the first CRC is 0 and the second one is left out, so the receiver
            // compares neither. The master never had that state, so it has no CRC for it.
            if whole { w.key(ANNOT_CRC_KEY)?.num(annot.into()) } else { Ok(()) }
        }
    }
}

/// Writes `APPLY MAILBOX` for a mailbox with its records (`sync_prepare_dlists`).
fn mailbox(w: &mut Writer<'_>, update: &MailboxUpdate<'_>) -> Result<()> {
    w.open_kv()?;
    header(w, update.header, update.whole)?;
    if !update.annotations.is_empty() {
        w.key("ANNOTATIONS")?.open_list()?;
        update.annotations.iter().try_for_each(|one| annotation(w, one))?;
        w.close()?;
    }
    w.key("USERFLAGS")?.open_list()?;
    update.flags.iter().flatten().try_for_each(|flag| w.atom(flag.as_bytes()))?;
    w.close()?;
    if let Some(since) = update.since {
        let [basic, annot] = since.crcs.to_wire();
        w.key("SINCE_MODSEQ")?.num(since.modseq)?;
        w.key("SINCE_CRC")?.num(basic.into())?;
        w.key("SINCE_CRC_ANNOT")?.num(annot.into())?;
    }
    w.key("RECORD")?.open_list()?;
    for one in update.records {
        record(w, one, update.flags, update.minor_version)?;
    }
    w.close()?;
    w.close()
}

/// Writes one record. `flags` are the names of the mailbox's user flags, by their bit numbers.
pub fn record(
    w: &mut Writer<'_>,
    update: &RecordUpdate,
    flags: &[Option<Text>],
    minor_version: u32,
) -> Result<()> {
    let r = &update.record;
    w.open_kv()?;
    w.key("UID")?.num(r.uid.into())?;
    w.key("MODSEQ")?.num(update.modseq)?;
    w.key("LAST_UPDATED")?.date(r.last_updated)?;
    w.key("FLAGS")?.open_list()?;
    record_flags(w, r, flags)?;
    w.close()?;
    w.key("INTERNALDATE")?.date(r.internaldate)?;
    w.key("SIZE")?.num(r.size)?;
    w.key("GUID")?.atom(&r.guid.to_hex())?;
    let is_late = |one: &&Annotation| {
        minor_version >= LATE_VIRTUAL_SINCE
            && LATE_VIRTUAL.iter().any(|(name, _)| one.entry == *name)
    };
    let thrid = (r.cid != 0 && minor_version >= 13).then_some(r.cid);
    let savedate = (r.savedate != 0 && minor_version >= 15).then_some(r.savedate);
    let created = (r.createdmodseq != 0 && minor_version >= 16).then_some(r.createdmodseq);
    let virtuals = thrid.is_some() || savedate.is_some() || created.is_some();
    if virtuals || !update.annotations.is_empty() {
        w.key("ANNOTATIONS")?.open_list()?;
        let mut stored = update.annotations.iter().filter(|one| !is_late(one));
        stored.try_for_each(|one| annotation(w, one))?;
        // Cyrus 3.13 writes these annotations in reverse alphabetical order.
        let mut late = update.annotations.iter().filter(is_late).rev();
        late.try_for_each(|one| annotation(w, one))?;
        let mut fields = [
            thrid.map(|thrid| ("thrid", thrid)),
            savedate.map(|savedate| ("savedate", savedate.cast_unsigned())),
            created.map(|created| ("createdmodseq", created)),
        ];
        if minor_version >= LATE_VIRTUAL_SINCE {
            fields.reverse();
        }
        for (name, value) in fields.into_iter().flatten() {
            let w = virtual_annotation(w, name)?;
            match name {
                "thrid" => w.hex64(value)?,
                // A time is written as an unsigned number.
                _ => w.num(value)?,
            }
            w.close()?;
        }
        w.close()?;
    }
    w.close()
}

/// Writes the flags of a record in the order of Cyrus (`sync_print_flags`).
fn record_flags(w: &mut Writer<'_>, r: &Record, names: &[Option<Text>]) -> Result<()> {
    let system = |flag, name: &'static str| r.system_flags.has(flag).then_some(name);
    let before = [
        system(SystemFlags::DELETED, "\\Deleted"),
        system(SystemFlags::ANSWERED, "\\Answered"),
        system(SystemFlags::FLAGGED, "\\Flagged"),
        system(SystemFlags::DRAFT, "\\Draft"),
        r.internal_flags.has(InternalFlags::EXPUNGED).then_some("\\Expunged"),
        system(SystemFlags::SEEN, "\\Seen"),
    ];
    for name in before.into_iter().flatten() {
        w.flag(name.as_bytes())?;
    }
    for (_, name) in names.iter().enumerate().filter(|(bit, _)| r.has_user_flag(*bit)) {
        name.iter().try_for_each(|name| w.flag(name.as_bytes()))?;
    }
    Ok(())
}

/// Writes one annotation as an element of a list.
pub fn annotation(w: &mut Writer<'_>, annotation: &Annotation) -> Result<()> {
    w.open_kv()?;
    w.key("ENTRY")?.atom(annotation.entry.as_bytes())?;
    w.key("USERID")?.atom(annotation.userid.as_bytes())?;
    w.key("MODSEQ")?.num(annotation.modseq)?;
    w.key("VALUE")?.atom(annotation.value.as_bytes())?;
    w.close()
}

/// Writes the start of an annotation that holds a field of the record (`encode_annotations`). The
/// caller writes the value and closes the annotation.
fn virtual_annotation<'w, 's>(w: &'w mut Writer<'s>, field: &str) -> Result<&'w mut Writer<'s>> {
    w.open_kv()?;
    w.key("ENTRY")?.atom(format!("{VIRTUAL}{field}").as_bytes())?;
    w.key("USERID")?.atom(b"")?;
    w.key("MODSEQ")?.num(0)?;
    w.key("VALUE")
}

/// Writes `APPLY MAILBOX` for an intermediate, which is a name without a mailbox. It has only
/// names, ids and modseqs.
fn intermediate(w: &mut Writer<'_>, entry: &MailboxEntry) -> Result<()> {
    w.open_kv()?;
    if let Some(jmapid) = &entry.jmapid {
        w.key("JMAPID")?.atom(jmapid.as_bytes())?;
    }
    w.key("UNIQUEID")?.atom(entry.uniqueid.as_bytes())?;
    w.key("MBOXNAME")?.atom(entry.name.as_bytes())?;
    w.key("MBOXTYPE")?.atom(entry.mbtype.synced().to_wire().as_bytes())?;
    w.key("HIGHESTMODSEQ")?.num(entry.foldermodseq)?;
    w.key("CREATEDMODSEQ")?.num(entry.createdmodseq)?;
    w.key("FOLDERMODSEQ")?.num(entry.foldermodseq)?;
    w.close()
}

fn rename(w: &mut Writer<'_>, rename: &Rename<'_>) -> Result<()> {
    w.open_kv()?;
    w.key("OLDMBOXNAME")?.atom(rename.from.as_bytes())?;
    w.key("NEWMBOXNAME")?.atom(rename.to.as_bytes())?;
    w.key("PARTITION")?.atom(rename.partition.as_bytes())?;
    w.key("UIDVALIDITY")?.num(rename.uidvalidity.into())?;
    w.close()
}

fn annotation_key(w: &mut Writer<'_>, mailbox: &MboxName, annotation: &Annotation) -> Result<()> {
    w.open_kv()?;
    w.key("MBOXNAME")?.atom(mailbox.as_bytes())?;
    w.key("ENTRY")?.atom(annotation.entry.as_bytes())?;
    w.key("USERID")?.atom(annotation.userid.as_bytes())
}

/// Writes all keys of a seen entry except USERID, and closes the list that the caller has opened.
pub fn seen(w: &mut Writer<'_>, seen: &Seen) -> Result<()> {
    w.key("UNIQUEID")?.atom(seen.uniqueid.as_bytes())?;
    w.key("LASTREAD")?.date(seen.lastread)?;
    w.key("LASTUID")?.num(seen.lastuid.into())?;
    w.key("LASTCHANGE")?.date(seen.lastchange)?;
    w.key("SEENUIDS")?.atom(seen.seenuids.as_bytes())?;
    w.close()
}

/// Writes the limits of a quota root like `sync_encode_quota_limits`. The limit for STORAGE is also
/// written as LIMIT, where the highest 32-bit number means unlimited.
pub fn quota(w: &mut Writer<'_>, quota: &Quota) -> Result<()> {
    let storage = quota.limits.first().copied().flatten();
    w.open_kv()?;
    w.key("ROOT")?.atom(quota.root.as_bytes())?;
    w.key("LIMIT")?.num(storage.unwrap_or(u32::MAX.into()))?;
    for (name, limit) in QUOTA_RESOURCES.iter().zip(quota.limits) {
        if let Some(limit) = limit {
            w.key(name)?.num(limit)?;
        }
    }
    w.key("MODSEQ")?.num(quota.modseq)?;
    w.close()
}
