//! The bodies of the commands that the engine sends: name and value, key by key, as
//! `imap/sync_support.c` expects them.

use super::folders::Rename;
use super::meta::Step;
use super::remote::RemoteFolder;
use super::snapshot::{Entry, Snapshot};
use crate::dlist::{Value, Writer};
use crate::error::{Error, Kind, Result};
use crate::replica::Reply;
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxEntry, MboxName, MboxType, QUOTA_RESOURCES, Quota,
    Record, SystemFlags, Text, Uid, UniqueId, UserId,
};

/// `NAME value`: `GET USER`, `GET META`, `GET ANNOTATION`, `APPLY UNMAILBOX`.
pub fn named(w: &mut Writer<'_>, command: &str, value: impl AsRef<[u8]>) -> Result<()> {
    w.name(command)?.atom(value.as_ref())
}

/// `GET MAILBOXES (name ...)`.
pub fn get_mailboxes(w: &mut Writer<'_>, names: &[MboxName]) -> Result<()> {
    atoms(w.name("MAILBOXES")?, names)
}

/// `GET UNIQUEIDS (id ...)`.
pub fn get_uniqueids(w: &mut Writer<'_>, ids: &[UniqueId]) -> Result<()> {
    atoms(w.name("UNIQUEIDS")?, ids)
}

fn atoms<A: AsRef<[u8]>>(w: &mut Writer<'_>, items: &[A]) -> Result<()> {
    w.open_list()?;
    for item in items {
        w.atom(item.as_ref())?;
    }
    w.close()
}

/// `GET FETCH %(...)`: the file of one message (`sync_get_message`).
pub fn fetch(w: &mut Writer<'_>, folder: &RemoteFolder, uid: Uid, guid: Guid) -> Result<()> {
    w.name("FETCH")?.open_kv()?;
    w.key("MBOXNAME")?.atom(folder.name.as_bytes())?;
    w.key("PARTITION")?.atom(folder.partition.as_bytes())?;
    w.key("UNIQUEID")?.atom(folder.uniqueid.as_bytes())?;
    w.key("GUID")?.atom(&guid.to_hex())?;
    w.key("UID")?.num(uid.into())?;
    w.close()
}

/// `APPLY RESERVE %(PARTITION p MBOXNAME (...) GUID (...))`.
pub fn reserve(
    w: &mut Writer<'_>,
    partition: &Text,
    among: &[MboxName],
    guids: &[Guid],
) -> Result<()> {
    w.name("RESERVE")?.open_kv()?;
    w.key("PARTITION")?.atom(partition.as_bytes())?;
    atoms(w.key("MBOXNAME")?, among)?;
    w.key("GUID")?.open_list()?;
    for guid in guids {
        w.atom(&guid.to_hex())?;
    }
    w.close()?;
    w.close()
}

/// The GUIDs of `* MISSING (...)` in the answer to `RESERVE`.
pub fn missing(reply: &Reply) -> Result<Vec<Guid>> {
    let bad = |what: &str| Error::new(Kind::Protocol, "read reply to", "APPLY RESERVE", what);
    let Some(item) = reply.items.first() else { return Ok(Vec::new()) };
    let (name, value) = item.parse().map_err(|e| bad(&e.to_string()))?;
    if *name != *b"MISSING" {
        return Err(bad("it is not MISSING"));
    }
    let guids = value.list().map_err(|e| bad(&e.to_string()))?;
    let guid = |v: &Value| v.atom().ok().and_then(Guid::from_hex);
    guids.iter().map(|v| guid(v).ok_or_else(|| bad("MISSING holds no GUIDs"))).collect()
}

/// `APPLY MESSAGE (%{partition guid size} ...)`: `write` writes the file of each record, or not.
pub fn messages(
    w: &mut Writer<'_>,
    records: &[Record],
    write: &mut dyn FnMut(&mut Writer<'_>, &Record) -> Result<()>,
) -> Result<()> {
    w.name("MESSAGE")?.open_list()?;
    records.iter().try_for_each(|record| write(w, record))?;
    w.close()
}

/// `APPLY MAILBOX` of a mailbox with its records (`sync_prepare_dlists`).
pub fn mailbox(w: &mut Writer<'_>, command: &str, snapshot: &Snapshot) -> Result<()> {
    let Snapshot { state, annotations, crcs, partition, partial, records, since, .. } = snapshot;
    w.name(command)?.open_kv()?;
    w.key("UNIQUEID")?.atom(state.uniqueid.as_bytes())?;
    w.key("MBOXNAME")?.atom(state.name.as_bytes())?;
    let mbtype = state.mbtype.synced();
    if mbtype != MboxType::default() {
        w.key("MBOXTYPE")?.atom(mbtype.to_wire().as_bytes())?;
    }
    match partial {
        Some((partial, kept)) => {
            // A CRC of 0 is not checked: the state is one that the master never had.
            w.key("SYNC_CRC")?.num(0)?;
            w.key("LAST_UID")?.num(partial.last_uid.into())?;
            w.key("HIGHESTMODSEQ")?.num(partial.highestmodseq)?;
            w.key("RECENTUID")?.num(kept.recentuid.into())?;
            w.key("RECENTTIME")?.date(kept.recenttime)?;
            w.key("LAST_APPENDDATE")?.date(0)?;
            w.key("POP3_LAST_LOGIN")?.date(kept.pop3_last_login)?;
            w.key("POP3_SHOW_AFTER")?.date(kept.pop3_show_after)?;
        }
        None => {
            let [basic, annot] = crcs.to_wire();
            w.key("SYNC_CRC")?.num(basic.into())?;
            w.key("SYNC_CRC_ANNOT")?.num(annot.into())?;
            w.key("LAST_UID")?.num(state.last_uid.into())?;
            w.key("HIGHESTMODSEQ")?.num(state.highestmodseq)?;
            w.key("RECENTUID")?.num(state.recentuid.into())?;
            w.key("RECENTTIME")?.date(state.recenttime)?;
            w.key("LAST_APPENDDATE")?.date(state.last_appenddate)?;
            w.key("POP3_LAST_LOGIN")?.date(state.pop3_last_login)?;
            w.key("POP3_SHOW_AFTER")?.date(state.pop3_show_after)?;
            if let Some(xconvmodseq) = state.xconvmodseq.filter(|m| *m != 0) {
                w.key("XCONVMODSEQ")?.num(xconvmodseq)?;
            }
            if state.raclmodseq != 0 {
                w.key("RACLMODSEQ")?.num(state.raclmodseq)?;
            }
        }
    }
    w.key("UIDVALIDITY")?.num(state.uidvalidity.into())?;
    w.key("PARTITION")?.atom(partition.as_bytes())?;
    w.key("ACL")?.atom(state.acl.as_bytes())?;
    w.key("OPTIONS")?.atom(state.options.to_wire().as_bytes())?;
    if let Some(root) = &state.quotaroot {
        w.key("QUOTAROOT")?.atom(root.as_bytes())?;
    }
    if state.createdmodseq != 0 {
        w.key("CREATEDMODSEQ")?.num(state.createdmodseq)?;
    }
    if state.foldermodseq != 0 {
        w.key("FOLDERMODSEQ")?.num(state.foldermodseq)?;
    }
    if !annotations.is_empty() {
        w.key("ANNOTATIONS")?.open_list()?;
        annotations.iter().try_for_each(|a| one_annotation(w, a))?;
        w.close()?;
    }
    // Read by 3.10 and later; older replicas pass over keys that they do not know.
    w.key("USERFLAGS")?.open_list()?;
    for flag in state.flags.iter().flatten() {
        w.atom(flag.as_bytes())?;
    }
    w.close()?;
    if let Some(since) = since {
        w.key("SINCE_MODSEQ")?.num(since.modseq)?;
        let [basic, annot] = since.crcs.to_wire();
        w.key("SINCE_CRC")?.num(basic.into())?;
        w.key("SINCE_CRC_ANNOT")?.num(annot.into())?;
    }
    w.key("RECORD")?.open_list()?;
    for entry in records {
        record(w, entry, &state.flags, state.minor_version)?;
    }
    w.close()?;
    w.close()
}

fn record(
    w: &mut Writer<'_>,
    entry: &Entry,
    flags: &[Option<Text>],
    minor_version: u32,
) -> Result<()> {
    let r = &entry.record;
    w.open_kv()?;
    w.key("UID")?.num(r.uid.into())?;
    w.key("MODSEQ")?.num(entry.modseq)?;
    w.key("LAST_UPDATED")?.date(r.last_updated)?;
    w.key("FLAGS")?.open_list()?;
    record_flags(w, r, flags)?;
    w.close()?;
    w.key("INTERNALDATE")?.date(r.internaldate)?;
    w.key("SIZE")?.num(r.size.into())?;
    w.key("GUID")?.atom(&r.guid.to_hex())?;
    let thrid = (r.cid != 0 && minor_version >= 13).then_some(r.cid);
    let savedate = (r.savedate != 0 && minor_version >= 15).then_some(r.savedate);
    let created = (r.createdmodseq != 0 && minor_version >= 16).then_some(r.createdmodseq);
    let virtuals = thrid.is_some() || savedate.is_some() || created.is_some();
    if virtuals || !entry.annotations.is_empty() {
        w.key("ANNOTATIONS")?.open_list()?;
        entry.annotations.iter().try_for_each(|a| one_annotation(w, a))?;
        if let Some(thrid) = thrid {
            virtual_annotation(w, "thrid")?.hex64(thrid)?;
            w.close()?;
        }
        if let Some(savedate) = savedate {
            virtual_annotation(w, "savedate")?.date(savedate)?;
            w.close()?;
        }
        if let Some(created) = created {
            virtual_annotation(w, "createdmodseq")?.num(created)?;
            w.close()?;
        }
        w.close()?;
    }
    w.close()
}

/// Flags in the order in which Cyrus writes them (`sync_print_flags`).
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
    for (bit, name) in names.iter().enumerate() {
        let word = r.user_flags.get(bit / 32).copied().unwrap_or(0);
        if let Some(name) = name
            && word & (1 << (bit % 32)) != 0
        {
            w.flag(name.as_bytes())?;
        }
    }
    Ok(())
}

fn one_annotation(w: &mut Writer<'_>, annotation: &Annotation) -> Result<()> {
    w.open_kv()?;
    w.key("ENTRY")?.atom(annotation.entry.as_bytes())?;
    w.key("USERID")?.atom(annotation.userid.as_bytes())?;
    w.key("MODSEQ")?.num(annotation.modseq)?;
    w.key("VALUE")?.atom(annotation.value.as_bytes())?;
    w.close()
}

/// Opens an annotation that stands for a field of the record (`encode_annotations`); the caller
/// writes the value and closes.
fn virtual_annotation<'w, 's>(w: &'w mut Writer<'s>, field: &str) -> Result<&'w mut Writer<'s>> {
    w.open_kv()?;
    w.key("ENTRY")?.atom(format!("/vendor/cmu/cyrus-imapd/{field}").as_bytes())?;
    w.key("USERID")?.atom(b"")?;
    w.key("MODSEQ")?.num(0)?;
    w.key("VALUE")
}

/// `APPLY MAILBOX` of an intermediate.
pub fn intermediate(w: &mut Writer<'_>, entry: &MailboxEntry) -> Result<()> {
    w.name("MAILBOX")?.open_kv()?;
    w.key("UNIQUEID")?.atom(entry.uniqueid.as_bytes())?;
    w.key("MBOXNAME")?.atom(entry.name.as_bytes())?;
    w.key("MBOXTYPE")?.atom(entry.mbtype.synced().to_wire().as_bytes())?;
    w.key("HIGHESTMODSEQ")?.num(entry.foldermodseq)?;
    w.key("CREATEDMODSEQ")?.num(entry.createdmodseq)?;
    w.key("FOLDERMODSEQ")?.num(entry.foldermodseq)?;
    w.close()
}

/// `APPLY RENAME`.
pub fn rename(w: &mut Writer<'_>, command: &str, rename: &Rename) -> Result<()> {
    w.name(command)?.open_kv()?;
    w.key("OLDMBOXNAME")?.atom(rename.from.as_bytes())?;
    w.key("NEWMBOXNAME")?.atom(rename.to.as_bytes())?;
    w.key("PARTITION")?.atom(rename.partition.as_bytes())?;
    w.key("UIDVALIDITY")?.num(rename.uidvalidity.into())?;
    w.close()
}

/// `APPLY ANNOTATION`: sets one of a mailbox, or of the server (empty name).
pub fn annotation(w: &mut Writer<'_>, name: &MboxName, annotation: &Annotation) -> Result<()> {
    w.name("ANNOTATION")?.open_kv()?;
    annotation_key(w, name, annotation)?;
    w.key("VALUE")?.atom(annotation.value.as_bytes())?;
    w.close()
}

/// `APPLY UNANNOTATION`: deletes one.
pub fn unannotation(w: &mut Writer<'_>, name: &MboxName, annotation: &Annotation) -> Result<()> {
    w.name("UNANNOTATION")?.open_kv()?;
    annotation_key(w, name, annotation)?;
    w.close()
}

fn annotation_key(w: &mut Writer<'_>, name: &MboxName, annotation: &Annotation) -> Result<()> {
    w.key("MBOXNAME")?.atom(name.as_bytes())?;
    w.key("ENTRY")?.atom(annotation.entry.as_bytes())?;
    w.key("USERID")?.atom(annotation.userid.as_bytes())
}

/// The command of a step on a user's data; `content` is that of a sieve script.
pub fn step(w: &mut Writer<'_>, user: &UserId, step: &Step, content: &[u8]) -> Result<()> {
    let command = step.command();
    if let Step::DeleteQuota(root) = step {
        return named(w, command, root);
    }
    w.name(command)?.open_kv()?;
    if let Step::SetQuota(quota) = step {
        return quota_limits(w, quota);
    }
    w.key("USERID")?.atom(user.as_bytes())?;
    match step {
        Step::Subscribe(name) | Step::Unsubscribe(name) => {
            w.key("MBOXNAME")?.atom(name.as_bytes())?;
        }
        Step::Seen(seen) => {
            w.key("UNIQUEID")?.atom(seen.uniqueid.as_bytes())?;
            w.key("LASTREAD")?.date(seen.lastread)?;
            w.key("LASTUID")?.num(seen.lastuid.into())?;
            w.key("LASTCHANGE")?.date(seen.lastchange)?;
            w.key("SEENUIDS")?.atom(seen.seenuids.as_bytes())?;
        }
        Step::UploadSieve(script) => {
            w.key("FILENAME")?.atom(script.name.as_bytes())?;
            w.key("LAST_UPDATE")?.date(script.last_update)?;
            w.key("CONTENT")?.atom(content)?;
        }
        Step::DeleteSieve(name) | Step::ActivateSieve(name) => {
            w.key("FILENAME")?.atom(name.as_bytes())?;
        }
        Step::DeactivateSieve | Step::SetQuota(_) | Step::DeleteQuota(_) => {}
    }
    w.close()
}

/// Limits as `sync_encode_quota_limits` writes them: STORAGE once more as LIMIT, where the
/// highest 32-bit number means unlimited.
fn quota_limits(w: &mut Writer<'_>, quota: &Quota) -> Result<()> {
    let storage = quota.limits.first().copied().flatten();
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
