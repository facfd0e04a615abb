//! Carries out `GET` commands for [`Server`](super::server::Server).

use std::sync::Arc;

use super::reply::{Done, No, Staged, text};
use super::spool::{Account, Folder, MINOR_VERSION, Message, Spool};
use crate::dlist::{Kv, Value, Writer};
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxEntry, MailboxState, MboxName, MboxType,
    QUOTA_RESOURCES, Quota, Record, SystemFlags, Text, UniqueId, UserId,
};

pub(super) const SYSTEM_FLAGS: [(u32, &str); 5] = [
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::DRAFT, "\\Draft"),
    (SystemFlags::SEEN, "\\Seen"),
];

/// Carries out `GET name value`.
pub(super) fn run(spool: &Spool, name: &[u8], value: &Value, out: &mut Vec<u8>) -> Done {
    match name {
        b"USER" => user(spool, &UserId::new(value.atom()?), out),
        b"META" => match spool.account(&UserId::new(value.atom()?)) {
            Some(account) => meta(account, out),
            None => Ok(()),
        },
        b"MAILBOXES" => value.list()?.iter().try_for_each(|name| {
            let entry = spool.entries.get(name.atom()?);
            entry.map_or(Ok(()), |entry| mailbox(spool, entry, out))
        }),
        b"UNIQUEIDS" => value.list()?.iter().try_for_each(|id| {
            let entry = spool.by_id.get(&UniqueId::new(id.atom()?));
            entry.map_or(Ok(()), |entry| mailbox(spool, entry, out))
        }),
        b"FULLMAILBOX" => full_mailbox(spool, &MboxName::new(value.atom()?), out),
        b"QUOTA" => match spool.quotas.get(value.atom()?) {
            Some(quota) => quota_item(quota, out),
            None => Ok(()),
        },
        b"ANNOTATION" => annotations(spool, &MboxName::new(value.atom()?), out),
        b"FETCH" => fetch(spool, &value.kv()?, out),
        _ => Err(No::Protocol.into()),
    }
}

/// Writes one item of a reply: `* NAME value`.
fn item(
    out: &mut Vec<u8>,
    name: &str,
    value: impl FnOnce(&mut Writer<'_>) -> crate::Result<()>,
) -> Done {
    out.extend_from_slice(b"* ");
    let mut w = Writer::new(out);
    value(w.name(name)?)?;
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn user(spool: &Spool, user: &UserId, out: &mut Vec<u8>) -> Done {
    let mut roots: Vec<Text> = Vec::new();
    let mut exists = false;
    for entry in spool.tree(user) {
        mailbox(spool, entry, out)?;
        exists |= !entry.mbtype.is_intermediate();
        let root = spool.folders.get(&entry.uniqueid).and_then(|f| f.state.quotaroot.clone());
        roots.extend(root.filter(|root| !roots.contains(root)));
    }
    for quota in roots.iter().filter_map(|root| spool.quotas.get(root)) {
        quota_item(quota, out)?;
    }
    match spool.account(user) {
        Some(account) if exists => meta(account, out),
        _ => Ok(()),
    }
}

fn meta(account: &Account, out: &mut Vec<u8>) -> Done {
    for seen in account.seen.values() {
        item(out, "SEEN", |w| {
            w.open_kv()?;
            w.key("UNIQUEID")?.atom(seen.uniqueid.as_bytes())?;
            w.key("LASTREAD")?.date(seen.lastread)?;
            w.key("LASTUID")?.num(seen.lastuid.into())?;
            w.key("LASTCHANGE")?.date(seen.lastchange)?;
            w.key("SEENUIDS")?.atom(seen.seenuids.as_bytes())?;
            w.close()
        })?;
    }
    if !account.subscriptions.is_empty() {
        item(out, "LSUB", |w| {
            w.open_list()?;
            account.subscriptions.iter().try_for_each(|name| w.atom(name.as_bytes()))?;
            w.close()
        })?;
    }
    for script in account.listed() {
        item(out, "SIEVE", |w| {
            w.open_kv()?;
            w.key("FILENAME")?.atom(script.name.as_bytes())?;
            w.key("LAST_UPDATE")?.date(script.last_update)?;
            w.key("GUID")?.atom(&script.guid.to_hex())?;
            w.key("ISACTIVE")?.num(script.active.into())?;
            w.close()
        })?;
    }
    Ok(())
}

fn quota_item(quota: &Quota, out: &mut Vec<u8>) -> Done {
    item(out, "QUOTA", |w| {
        w.open_kv()?;
        w.key("ROOT")?.atom(quota.root.as_bytes())?;
        w.key("LIMIT")?.num(quota.limits[0].unwrap_or(u32::MAX.into()))?;
        for (name, limit) in QUOTA_RESOURCES.iter().zip(quota.limits) {
            if let Some(limit) = limit {
                w.key(name)?.num(limit)?;
            }
        }
        w.key("MODSEQ")?.num(quota.modseq)?;
        w.close()
    })
}

/// Writes a mailbox without its records (`sync_mailbox_byentry`).
fn mailbox(spool: &Spool, entry: &MailboxEntry, out: &mut Vec<u8>) -> Done {
    if entry.mbtype.is_deleted() {
        return Ok(());
    }
    if entry.mbtype.is_intermediate() {
        return intermediate(entry, out);
    }
    // The record by uniqueid may name a mailbox that does not exist any more.
    let Some(state) = spool.state(&entry.name) else { return Ok(()) };
    let Some(folder) = spool.folders.get(&state.uniqueid) else { return Ok(()) };
    item(out, "MAILBOX", |w| {
        w.open_kv()?;
        header(w, &state, folder)?;
        w.close()
    })
}

fn intermediate(entry: &MailboxEntry, out: &mut Vec<u8>) -> Done {
    item(out, "MAILBOX", |w| {
        w.open_kv()?;
        w.key("UNIQUEID")?.atom(entry.uniqueid.as_bytes())?;
        w.key("MBOXNAME")?.atom(entry.name.as_bytes())?;
        w.key("MBOXTYPE")?.atom(entry.mbtype.synced().to_wire().as_bytes())?;
        for key in ["SYNC_CRC", "LAST_UID", "HIGHESTMODSEQ", "RECENTUID", "RECENTTIME"] {
            w.key(key)?.num(0)?;
        }
        for key in ["LAST_APPENDDATE", "POP3_LAST_LOGIN", "POP3_SHOW_AFTER"] {
            w.key(key)?.num(0)?;
        }
        w.key("UIDVALIDITY")?.num(entry.uidvalidity.into())?;
        w.key("PARTITION")?.nil()?;
        w.key("ACL")?.atom(b"")?;
        w.key("OPTIONS")?.atom(b"")?;
        w.key("CREATEDMODSEQ")?.num(entry.createdmodseq)?;
        w.key("FOLDERMODSEQ")?.num(entry.foldermodseq)?;
        w.close()
    })
}

fn header(w: &mut Writer<'_>, state: &MailboxState, folder: &Folder) -> crate::Result<()> {
    w.key("UNIQUEID")?.atom(state.uniqueid.as_bytes())?;
    w.key("MBOXNAME")?.atom(state.name.as_bytes())?;
    if state.mbtype.synced() != MboxType::default() {
        w.key("MBOXTYPE")?.atom(state.mbtype.synced().to_wire().as_bytes())?;
    }
    let [basic, annot] = state.crcs.to_wire();
    w.key("SYNC_CRC")?.num(basic.into())?;
    w.key("SYNC_CRC_ANNOT")?.num(annot.into())?;
    w.key("LAST_UID")?.num(state.last_uid.into())?;
    w.key("HIGHESTMODSEQ")?.num(state.highestmodseq)?;
    w.key("RECENTUID")?.num(state.recentuid.into())?;
    w.key("RECENTTIME")?.date(state.recenttime)?;
    w.key("LAST_APPENDDATE")?.date(state.last_appenddate)?;
    w.key("POP3_LAST_LOGIN")?.date(state.pop3_last_login)?;
    w.key("POP3_SHOW_AFTER")?.date(state.pop3_show_after)?;
    if let Some(groups) = state.usergroups.as_ref().filter(|groups| !groups.is_empty()) {
        w.key("USERGROUPS")?.atom(groups.as_bytes())?;
    }
    w.key("UIDVALIDITY")?.num(state.uidvalidity.into())?;
    w.key("PARTITION")?.atom(state.partition.as_bytes())?;
    w.key("ACL")?.atom(state.acl.as_bytes())?;
    w.key("OPTIONS")?.atom(state.options.to_wire().as_bytes())?;
    if let Some(root) = &state.quotaroot {
        w.key("QUOTAROOT")?.atom(root.as_bytes())?;
    }
    w.key("CREATEDMODSEQ")?.num(state.createdmodseq.unwrap_or(0))?;
    if let Some(foldermodseq) = state.foldermodseq {
        w.key("FOLDERMODSEQ")?.num(foldermodseq)?;
    }
    annotation_list(w, folder.annotations.iter().cloned())
}

fn annotation_list(w: &mut Writer<'_>, all: impl Iterator<Item = Annotation>) -> crate::Result<()> {
    let mut all = all.peekable();
    if all.peek().is_none() {
        return Ok(());
    }
    w.key("ANNOTATIONS")?.open_list()?;
    for annotation in all {
        w.open_kv()?;
        w.key("ENTRY")?.atom(annotation.entry.as_bytes())?;
        w.key("USERID")?.atom(annotation.userid.as_bytes())?;
        w.key("MODSEQ")?.num(annotation.modseq)?;
        w.key("VALUE")?.atom(annotation.value.as_bytes())?;
        w.close()?;
    }
    w.close()
}

fn full_mailbox(spool: &Spool, name: &MboxName, out: &mut Vec<u8>) -> Done {
    let state = spool.state(name).ok_or(No::Nonexistent)?;
    let folder = spool.folder(name).ok_or(No::Nonexistent)?;
    item(out, "MAILBOX", |w| {
        w.open_kv()?;
        header(w, &state, folder)?;
        w.key("RECORD")?.open_list()?;
        folder.messages.values().try_for_each(|message| record(w, &state, message))?;
        w.close()?;
        w.close()
    })
}

fn record(w: &mut Writer<'_>, state: &MailboxState, message: &Message) -> crate::Result<()> {
    let r = &message.record;
    w.open_kv()?;
    w.key("UID")?.num(r.uid.into())?;
    w.key("MODSEQ")?.num(r.modseq)?;
    w.key("LAST_UPDATED")?.date(r.last_updated)?;
    w.key("FLAGS")?.open_list()?;
    if message.is_expunged() {
        w.flag(b"\\Expunged")?;
    }
    for (bit, name) in SYSTEM_FLAGS {
        if r.system_flags.has(bit) {
            w.flag(name.as_bytes())?;
        }
    }
    for (bit, name) in state.flags.iter().enumerate() {
        if let Some(name) = name.as_ref().filter(|_| r.has_user_flag(bit)) {
            w.flag(name.as_bytes())?;
        }
    }
    w.close()?;
    w.key("INTERNALDATE")?.date(r.internaldate)?;
    w.key("SIZE")?.num(r.size)?;
    w.key("GUID")?.atom(&r.guid.to_hex())?;
    annotation_list(w, message.annotations.iter().cloned().chain(virtual_annotations(r)))?;
    w.close()
}

/// Returns the annotations with which replication sends some fields of a record
/// (`read_annotations`).
fn virtual_annotations(r: &Record) -> impl Iterator<Item = Annotation> {
    let one = |name: &str, present: bool, value: String| {
        present.then(|| Annotation {
            entry: Text::from(&*format!("/vendor/cmu/cyrus-imapd/{name}")),
            userid: Text::default(),
            value: Text::from(&*value),
            modseq: 0,
        })
    };
    const { assert!(MINOR_VERSION >= 16) };
    [
        one("thrid", r.cid != 0, format!("{:016x}", r.cid)),
        one("savedate", r.savedate != 0, r.savedate.to_string()),
        one("createdmodseq", r.createdmodseq != 0, r.createdmodseq.to_string()),
    ]
    .into_iter()
    .flatten()
}

fn annotations(spool: &Spool, name: &MboxName, out: &mut Vec<u8>) -> Done {
    let all = if name.is_empty() {
        &spool.annotations
    } else {
        match spool.folder(name) {
            Some(folder) => &folder.annotations,
            None => return Ok(()),
        }
    };
    for annotation in all {
        item(out, "ANNOTATION", |w| {
            w.open_kv()?;
            w.key("MBOXNAME")?.atom(name.as_bytes())?;
            w.key("ENTRY")?.atom(annotation.entry.as_bytes())?;
            w.key("USERID")?.atom(annotation.userid.as_bytes())?;
            w.key("VALUE")?.atom(annotation.value.as_bytes())?;
            w.close()
        })?;
    }
    Ok(())
}

fn fetch(spool: &Spool, kv: &Kv<'_>, out: &mut Vec<u8>) -> Done {
    let id = UniqueId::new(kv.atom("UNIQUEID")?);
    let (uid, partition) = (kv.num32("UID")?, text(kv, "PARTITION")?);
    let guid = Guid::from_hex(kv.atom("GUID")?).ok_or(No::BadParameters)?;
    let message = spool.folders.get(&id).and_then(|folder| folder.messages.get(&uid));
    let file = message.and_then(|message| message.file.clone()).ok_or(No::Nonexistent)?;
    item(out, "MESSAGE", |w| w.file(partition.as_bytes(), guid, file.len() as u64, &mut &file[..]))
}

/// Stages the files that are in the named mailboxes, and writes the GUIDs of missing files
/// (`sync_apply_reserve`).
pub(super) fn reserve(spool: &Spool, staged: &mut Staged, kv: &Kv<'_>, out: &mut Vec<u8>) -> Done {
    let partition = text(kv, "PARTITION")?;
    let (names, guids) = (kv.list("MBOXNAME")?, kv.list("GUID")?);
    let staged = staged.entry(partition).or_default();
    let mut missing = Vec::new();
    for value in guids {
        let guid = Guid::from_hex(value.atom()?).ok_or(No::BadParameters)?;
        if staged.contains_key(&guid) {
            continue;
        }
        let mut found = None;
        for name in names {
            found = found.or(file_of(spool, &MboxName::new(name.atom()?), guid));
        }
        match found {
            Some(file) => drop(staged.insert(guid, file)),
            None => missing.push(guid),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    item(out, "MISSING", |w| {
        w.open_list()?;
        missing.iter().try_for_each(|guid| w.atom(&guid.to_hex()))?;
        w.close()
    })
}

fn file_of(spool: &Spool, name: &MboxName, guid: Guid) -> Option<Arc<[u8]>> {
    let messages = spool.folder(name)?.messages.values();
    let unlinked = |m: &&Message| m.record.internal_flags.has(InternalFlags::UNLINKED);
    let mut there = messages.filter(|m| !unlinked(m) && m.record.guid == guid);
    there.find_map(|message| message.file.clone())
}
