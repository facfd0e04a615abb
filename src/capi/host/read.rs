//! What the host gives in C's structures, checked and copied into the library's own.

use super::super::strings::{cyrsync_str, slice};
use super::structs::*;
use crate::error::{Error, Kind, Result};
use crate::limits::USER_FLAGS;
use crate::types::{
    Annotation, FormerName, Guid, InternalFlags, MailboxEntry, MailboxState, MboxName, MboxType,
    Options, Record, SyncCrcs, SystemFlags, Text, UniqueId,
};

/// Names that a mailbox had before.
const FORMER_NAMES: usize = 1 << 16;

/// Bytes that the host lends.
pub(super) fn bytes<'a>(text: cyrsync_str, name: &'static str) -> Result<&'a [u8]> {
    // SAFETY: the header asks for bytes that live through the call of the emit function, or until
    // the next call for the mailbox; nobody here keeps them longer.
    unsafe { text.bytes(name) }.map_err(|failure| {
        let detail = failure.message.to_string_lossy().into_owned();
        Error::new(Kind::InvalidArgument, "take", name, detail)
    })
}

/// An array that the host lends.
pub(super) fn array<'a, T>(
    data: *const T,
    len: usize,
    most: usize,
    name: &'static str,
) -> Result<&'a [T]> {
    if len > most {
        let detail = format!("the host gave {len} of them, and {most} are the most");
        return Err(Error::new(Kind::InvalidArgument, "take", name, detail));
    }
    // SAFETY: as for `bytes`.
    unsafe { slice(data, len, name) }.map_err(|failure| {
        let detail = failure.message.to_string_lossy().into_owned();
        Error::new(Kind::InvalidArgument, "take", name, detail)
    })
}

/// An entry; the inner error is one that the host tells of, and fails that entry alone.
pub(super) fn listed(entry: *const cyrsync_entry) -> Result<Result<MailboxEntry>> {
    // SAFETY: not NULL, and it lives through the call of the emit function.
    let entry = unsafe { &*entry };
    let name = MboxName::new(bytes(entry.name, "name")?);
    let unreadable = bytes(entry.unreadable, "unreadable")?;
    if !unreadable.is_empty() {
        let detail = String::from_utf8_lossy(unreadable);
        return Ok(Err(Error::new(Kind::Corrupt, "read entry", name.to_string(), detail)));
    }
    let former = array(entry.former_names, entry.former_name_count, FORMER_NAMES, "former_names")?;
    let former: Result<Vec<FormerName>> = former
        .iter()
        .map(|former| {
            Ok(FormerName {
                name: MboxName::new(bytes(former.name, "name")?),
                partition: Text::new(bytes(former.partition, "partition")?),
                mtime: former.mtime,
                foldermodseq: former.foldermodseq,
                uidvalidity: former.uidvalidity,
            })
        })
        .collect();
    let mbtype = MboxType(entry.mbtype);
    Ok(Ok(MailboxEntry {
        name,
        uniqueid: UniqueId::new(bytes(entry.uniqueid, "uniqueid")?),
        mbtype,
        partition: Text::new(bytes(entry.partition, "partition")?),
        server: Text::new(bytes(entry.server, "server")?),
        acl: Text::new(bytes(entry.acl, "acl")?),
        uidvalidity: entry.uidvalidity,
        createdmodseq: entry.createdmodseq,
        foldermodseq: entry.foldermodseq,
        mtime: entry.mtime,
        legacy_dirs: mbtype.has(MboxType::LEGACY_DIRS),
        name_history: former?,
    }))
}

pub(super) fn annotation(annotation: *const cyrsync_annotation) -> Result<Annotation> {
    // SAFETY: not NULL, and it lives through the call of the emit function.
    let annotation = unsafe { &*annotation };
    Ok(Annotation {
        entry: Text::new(bytes(annotation.entry, "entry")?),
        userid: Text::new(bytes(annotation.userid, "userid")?),
        value: Text::new(bytes(annotation.value, "value")?),
        modseq: annotation.modseq,
    })
}

pub(super) fn record(record: &cyrsync_record) -> Record {
    Record {
        uid: record.uid,
        size: record.size,
        internaldate: record.internaldate,
        last_updated: record.last_updated,
        savedate: record.savedate,
        modseq: record.modseq,
        createdmodseq: record.createdmodseq,
        cid: record.cid,
        system_flags: SystemFlags(record.system_flags),
        internal_flags: InternalFlags(record.internal_flags),
        user_flags: record.user_flags,
        guid: Guid(record.guid),
    }
}

pub(super) fn record_for_c(record: &Record) -> cyrsync_record {
    cyrsync_record {
        uid: record.uid,
        size: record.size,
        internaldate: record.internaldate,
        last_updated: record.last_updated,
        savedate: record.savedate,
        modseq: record.modseq,
        createdmodseq: record.createdmodseq,
        cid: record.cid,
        system_flags: record.system_flags.0,
        internal_flags: record.internal_flags.0,
        user_flags: record.user_flags,
        guid: record.guid.0,
    }
}

pub(super) fn state(state: &cyrsync_mailbox_state) -> Result<(MailboxState, Option<String>)> {
    let flags = array(state.flags, state.flag_count, USER_FLAGS, "flags")?;
    let flags: Result<Vec<Option<Text>>> = flags
        .iter()
        .map(|flag| {
            let flag = bytes(*flag, "flags")?;
            Ok((!flag.is_empty()).then(|| Text::new(flag)))
        })
        .collect();
    let quotaroot = bytes(state.quotaroot, "quotaroot")?;
    let doubt = bytes(state.doubt, "doubt")?;
    let told = MailboxState {
        name: MboxName::new(bytes(state.name, "name")?),
        uniqueid: UniqueId::new(bytes(state.uniqueid, "uniqueid")?),
        mbtype: MboxType(state.mbtype),
        partition: Text::new(bytes(state.partition, "partition")?),
        acl: Text::new(bytes(state.acl, "acl")?),
        quotaroot: (!quotaroot.is_empty()).then(|| Text::new(quotaroot)),
        flags: flags?,
        minor_version: state.minor_version,
        options: Options(state.options),
        uidvalidity: state.uidvalidity,
        last_uid: state.last_uid,
        highestmodseq: state.highestmodseq,
        deletedmodseq: state.deletedmodseq,
        createdmodseq: state.createdmodseq,
        foldermodseq: state.foldermodseq,
        recentuid: state.recentuid,
        recenttime: state.recenttime,
        last_appenddate: state.last_appenddate,
        pop3_last_login: state.pop3_last_login,
        pop3_show_after: state.pop3_show_after,
        num_records: state.num_records,
        exists: (state.has_exists != 0).then_some(state.exists),
        stored_crcs: SyncCrcs::told(state.stored_crcs.basic, state.stored_crcs.annot),
        xconvmodseq: (state.has_xconvmodseq != 0).then_some(state.xconvmodseq),
        raclmodseq: state.raclmodseq,
    };
    Ok((told, (!doubt.is_empty()).then(|| String::from_utf8_lossy(doubt).into_owned())))
}
