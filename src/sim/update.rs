//! Carries out `APPLY MAILBOX` for [`Server`](super::server::Server) (`sync_apply_mailbox`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::get::SYSTEM_FLAGS;
use super::reply::{Done, Failed, No, Staged, text};
use super::spool::{Created, Folder, Message, Spool, guid, owner};
use crate::dlist::Kv;
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxEntry, MboxName, MboxType, Modseq, Options, Record,
    SyncCrcs, Text, UniqueId,
};

/// Staged message files, by GUID.
type Files = BTreeMap<Guid, Arc<[u8]>>;

/// The new header of the mailbox, from the command.
struct Wanted {
    uniqueid: UniqueId,
    name: MboxName,
    mbtype: MboxType,
    acl: Text,
    highestmodseq: Modseq,
    last_uid: u32,
    uidvalidity: u32,
    createdmodseq: Modseq,
    foldermodseq: Modseq,
    options: Options,
    partition: Text,
}

/// Carries out `APPLY MAILBOX`.
pub(super) fn mailbox(spool: &mut Spool, staged: &Staged, force: bool, kv: &Kv<'_>) -> Done {
    let mbtype = MboxType::from_wire(kv.opt_atom("MBOXTYPE")?.unwrap_or_default());
    // Cyrus 3.6.1 aborts at an unknown letter.
    let mbtype = mbtype.ok_or_else(|| Failed::Abort("unknown mailbox type".to_owned()))?;
    let name = MboxName::new(kv.atom("MBOXNAME")?);
    let uniqueid = UniqueId::new(kv.atom("UNIQUEID")?);
    let highestmodseq = kv.num64("HIGHESTMODSEQ")?;
    let createdmodseq = kv.opt_num64("CREATEDMODSEQ")?.unwrap_or(0);
    if mbtype.is_sieve() {
        return Err(No::BadParameters.into());
    }
    if mbtype.is_intermediate() || mbtype.is_deleted() {
        let foldermodseq = highestmodseq;
        let entry = MailboxEntry {
            uniqueid,
            mbtype,
            createdmodseq,
            foldermodseq,
            ..MailboxEntry::default()
        };
        spool.update_entry(&name, Some(entry));
        return Ok(());
    }
    let wanted = Wanted {
        uniqueid,
        name,
        mbtype,
        acl: text(kv, "ACL")?,
        highestmodseq,
        last_uid: kv.num32("LAST_UID")?,
        uidvalidity: kv.num32("UIDVALIDITY")?,
        createdmodseq,
        foldermodseq: kv.opt_num64("FOLDERMODSEQ")?.unwrap_or(0),
        options: Options::from_wire(kv.atom("OPTIONS")?),
        partition: text(kv, "PARTITION")?,
    };
    let is_new = open(spool, &wanted, force)?;
    check(spool, &wanted, force, is_new, kv)?;
    write(spool, staged, &wanted, force, is_new, kv)?;
    let reported = |key| kv.opt_num32(key).map(Option::unwrap_or_default);
    let reported = [reported("SYNC_CRC")?, reported("SYNC_CRC_ANNOT")?];
    let folder = spool.folder(&wanted.name).ok_or(No::Nonexistent)?;
    if agree(reported, folder.state.crcs) { Ok(()) } else { Err(No::Checksum.into()) }
}

/// Returns whether CRCs are equal. A CRC of 0 is not compared (`mailbox_crceq`).
fn agree(reported: [u32; 2], ours: SyncCrcs) -> bool {
    reported
        .iter()
        .zip(ours.to_wire())
        .all(|(reported, ours)| *reported == 0 || ours == 0 || *reported == ours)
}

/// Creates the mailbox if it does not exist, or replaces it if it has another uniqueid. Returns
/// whether it was created.
fn open(spool: &mut Spool, wanted: &Wanted, force: bool) -> Done<bool> {
    match spool.living(&wanted.name) {
        None => {
            let used = spool.by_id.get(&wanted.uniqueid).filter(|e| !e.mbtype.is_deleted());
            if used.is_some_and(|entry| entry.name != wanted.name) {
                return Err(No::Moved.into());
            }
            create(spool, wanted);
            Ok(true)
        }
        Some(entry) if entry.uniqueid == wanted.uniqueid => Ok(false),
        Some(entry) => {
            let empty = spool.folders.get(&entry.uniqueid).is_none_or(|f| f.state.last_uid == 0);
            if !(force || empty) {
                return Err(No::Moved.into());
            }
            spool.delete(&wanted.name, true);
            create(spool, wanted);
            Ok(true)
        }
    }
}

fn create(spool: &mut Spool, wanted: &Wanted) {
    let new = Created {
        uniqueid: Some(wanted.uniqueid.clone()),
        mbtype: wanted.mbtype,
        partition: wanted.partition.clone(),
        acl: Some(wanted.acl.clone()),
        options: wanted.options,
        uidvalidity: wanted.uidvalidity,
        highestmodseq: wanted.highestmodseq,
        createdmodseq: wanted.createdmodseq,
        foldermodseq: wanted.foldermodseq,
        keep_intermediates: false,
        sync: true,
    };
    spool.create(&wanted.name, new);
}

/// Refuses an update that does not fit the current state of the mailbox. Changes nothing.
fn check(spool: &Spool, wanted: &Wanted, force: bool, is_new: bool, kv: &Kv<'_>) -> Done {
    let folder = spool.folder(&wanted.name).ok_or(No::Nonexistent)?;
    let state = &folder.state;
    // The modseq of a new mailbox counts as 0, so that any update is newer.
    let highestmodseq = if is_new { 0 } else { state.highestmodseq };
    let since = kv.opt_num64("SINCE_MODSEQ")?.unwrap_or(0);
    if since != 0 {
        let reported = |key| kv.opt_num32(key).map(Option::unwrap_or_default);
        let crcs = [reported("SINCE_CRC")?, reported("SINCE_CRC_ANNOT")?];
        if since != highestmodseq || !agree(crcs, state.crcs) {
            return Err(No::Changed.into());
        }
    }
    let entry = spool.living(&wanted.name).ok_or(No::Nonexistent)?;
    if entry.mbtype.synced() != wanted.mbtype {
        return Err(No::Unknown.into());
    }
    let lower = wanted.highestmodseq < highestmodseq
        || wanted.uidvalidity < state.uidvalidity
        || wanted.last_uid < state.last_uid;
    if lower && !force {
        return Err(No::Checksum.into());
    }
    for value in kv.list("RECORD")? {
        let upload = Upload::parse(&value.kv()?)?;
        let ours = folder.messages.get(&upload.record.uid);
        let theirs_gone = upload.record.is_expunged();
        let fits = match ours {
            Some(ours) if ours.is_expunged() && theirs_gone => true,
            Some(ours) => {
                ours.record.guid == upload.record.guid
                    && (force || ours.record.modseq <= upload.record.modseq)
                    && (theirs_gone || !ours.is_expunged())
            }
            None => upload.record.uid > state.last_uid || theirs_gone,
        };
        if !fits {
            return Err(No::Checksum.into());
        }
    }
    Ok(())
}

/// Applies the update. An error at this stage aborts the server.
fn write(
    spool: &mut Spool,
    staged: &Staged,
    wanted: &Wanted,
    force: bool,
    is_new: bool,
    kv: &Kv<'_>,
) -> Done {
    let mut entry = spool.living(&wanted.name).ok_or(No::Nonexistent)?.clone();
    let files = staged.get(&entry.partition).cloned().unwrap_or_default();
    entry.acl = wanted.acl.clone();
    let foldermodseq =
        if wanted.foldermodseq == 0 { wanted.highestmodseq } else { wanted.foldermodseq };
    entry.foldermodseq = entry.foldermodseq.max(foldermodseq);
    let folder = spool.folder(&wanted.name).ok_or(No::Nonexistent)?;
    let annotations = annotations(kv)?;
    if !is_new && !same(&folder.annotations, &annotations) {
        // Cyrus sets the mailbox's old modseq as the foldermodseq when it writes an annotation.
        entry.foldermodseq = entry.foldermodseq.max(folder.state.highestmodseq);
    }
    entry.uidvalidity = wanted.uidvalidity;
    spool.update_entry(&wanted.name, Some(entry));
    if let (Some(groups), Some(reported)) = (&mut spool.groups, kv.opt_atom("USERGROUPS")?)
        && let Some(user) = owner(&wanted.name)
    {
        let reported = reported.split(|byte| *byte == b'\t').filter(|group| !group.is_empty());
        groups.insert(user, reported.map(Text::new).collect());
    }
    let now = spool.now;
    let folder = spool.folder_mut(&wanted.name).ok_or(No::Nonexistent)?;
    folder.annotations = annotations;
    for value in kv.list("RECORD")? {
        take(folder, Upload::parse(&value.kv()?)?, &files, now)?;
    }
    if !force && folder.state.last_uid > wanted.last_uid {
        return Err(Failed::Abort(format!("{}: records above LAST_UID", wanted.name)));
    }
    let state = &mut folder.state;
    state.header.last_uid = wanted.last_uid;
    state.header.highestmodseq = wanted.highestmodseq;
    state.header.recentuid = kv.num32("RECENTUID")?;
    state.header.recenttime = kv.date("RECENTTIME")?;
    state.header.last_appenddate = kv.date("LAST_APPENDDATE")?;
    state.header.pop3_last_login = kv.date("POP3_LAST_LOGIN")?;
    state.header.pop3_show_after = kv.opt_date("POP3_SHOW_AFTER")?.unwrap_or(0);
    state.header.createdmodseq = Some(wanted.createdmodseq);
    state.header.options = wanted.options;
    state.header.uidvalidity = wanted.uidvalidity;
    folder.settle();
    Ok(())
}

/// Returns whether annotations are equal, except their modseqs.
fn same(a: &[Annotation], b: &[Annotation]) -> bool {
    let key = |a: &Annotation| (a.entry.clone(), a.userid.clone(), a.value.clone());
    a.iter().map(key).eq(b.iter().map(key))
}

/// Applies one record of the update.
fn take(folder: &mut Folder, upload: Upload, files: &Files, now: i64) -> Done {
    let uid = upload.record.uid;
    let mut user_flags = [0; 4];
    for flag in &upload.flags {
        let bit = folder.flag_bit(flag);
        user_flags[bit / 32] |= 1 << (bit % 32);
    }
    let mut record = Record { user_flags, ..upload.record };
    if let Some(ours) = folder.messages.get_mut(&uid) {
        if ours.is_expunged() {
            return Ok(());
        }
        let flags = ours.record.internal_flags.0 | record.internal_flags.0;
        record.internal_flags = InternalFlags(flags);
        record.size = ours.record.size;
        ours.record = record;
        ours.annotations = upload.annotations;
        return Ok(());
    }
    if uid <= folder.state.last_uid {
        // This message was expunged, and its record was removed.
        return Ok(());
    }
    let file = files.get(&record.guid).cloned();
    let abort = |why: &str| Failed::Abort(format!("{} uid {uid} {why}", folder.state.name));
    match &file {
        Some(file) if guid(file) != record.guid => return Err(abort("has another file")),
        Some(file) => record.size = file.len() as u64,
        None if record.is_expunged() => record.internal_flags.0 |= InternalFlags::UNLINKED,
        None => return Err(abort("is not staged")),
    }
    if record.size == 0 {
        return Err(abort("is empty"));
    }
    if record.internaldate == 0 {
        record.internaldate = now;
    }
    folder.state.header.last_uid = uid;
    folder.messages.insert(uid, Message { record, annotations: upload.annotations, file });
    Ok(())
}

/// A record in an update (`parse_upload`).
struct Upload {
    record: Record,
    flags: Vec<Text>,
    annotations: Vec<Annotation>,
}

impl Upload {
    fn parse(kv: &Kv<'_>) -> Done<Upload> {
        let mut record = Record {
            uid: kv.num32("UID")?,
            modseq: kv.num64("MODSEQ")?,
            last_updated: kv.date("LAST_UPDATED")?,
            internaldate: kv.date("INTERNALDATE")?,
            size: kv.num64("SIZE")?,
            guid: Guid::from_hex(kv.atom("GUID")?).ok_or(No::BadParameters)?,
            ..Record::default()
        };
        let mut flags = Vec::new();
        for flag in kv.list("FLAGS")? {
            let flag = flag.atom()?;
            match SYSTEM_FLAGS.iter().find(|(_, name)| flag.eq_ignore_ascii_case(name.as_bytes())) {
                Some((bit, _)) => record.system_flags.0 |= bit,
                None if flag.eq_ignore_ascii_case(b"\\Expunged") => {
                    record.internal_flags.0 |= InternalFlags::EXPUNGED;
                }
                None => flags.push(Text::new(flag)),
            }
        }
        let mut stored = Vec::new();
        for annotation in annotations(kv)? {
            if !take_virtual(&mut record, &annotation) {
                stored.push(annotation);
            }
        }
        Ok(Upload { record, flags, annotations: stored })
    }
}

/// Copies an annotation to the field of the record that it stands for (`decode_annotations`).
/// Returns whether there is such a field.
fn take_virtual(record: &mut Record, annotation: &Annotation) -> bool {
    let value = String::from_utf8_lossy(annotation.value.as_bytes()).into_owned();
    let number = |radix| u64::from_str_radix(&value, radix).unwrap_or(0);
    match annotation.entry.as_bytes().strip_prefix(b"/vendor/cmu/cyrus-imapd/") {
        Some(b"thrid") => record.cid = number(16),
        Some(b"savedate") => record.savedate = number(10).cast_signed(),
        Some(b"createdmodseq") => record.createdmodseq = number(10),
        _ => return false,
    }
    true
}

/// Returns the annotations of the key `ANNOTATIONS`, sorted.
fn annotations(kv: &Kv<'_>) -> Done<Vec<Annotation>> {
    let mut all = Vec::new();
    for value in kv.opt_list("ANNOTATIONS")?.unwrap_or_default() {
        let kv = value.kv()?;
        all.push(Annotation {
            entry: text(&kv, "ENTRY")?,
            userid: text(&kv, "USERID")?,
            value: text(&kv, "VALUE")?,
            modseq: kv.opt_num64("MODSEQ")?.unwrap_or(0),
        });
    }
    all.sort();
    Ok(all)
}
