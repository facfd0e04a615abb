//! Checks the C structures of a host, and copies them to the library's own types.

use super::super::sized::read_array;
use super::super::strings::slice;
use super::given::{bytes, wrong};
use super::of_c::OfC;
use super::structs::*;
use crate::error::{Error, Kind, Result};
use crate::limits::USER_FLAGS;
use crate::types::header::with_header_fields;
use crate::types::{
    Annotation, FormerName, Guid, InternalFlags, MailboxEntry, MailboxHeader, MailboxState,
    MboxName, MboxType, Record, SyncCrcs, SystemFlags, Text, UniqueId,
};

/// The largest number of former names of a mailbox.
const FORMER_NAMES: usize = 1 << 16;

/// Converts an entry. The outer error means that the host's data is wrong. The inner error means
/// that the host could not read this entry: only this entry is affected.
pub(super) fn listed(entry: &cyrsync_mailbox_entry) -> Result<Result<MailboxEntry>> {
    let name = MboxName::new(bytes(entry.name, "name")?);
    let unreadable = bytes(entry.unreadable, "unreadable")?;
    if !unreadable.is_empty() {
        let detail = String::from_utf8_lossy(unreadable);
        return Ok(Err(Error::new(Kind::Corrupt, "read entry", &name, detail)));
    }
    // SAFETY: cyrsync.h requires an array that lives through the call of the emit function.
    let former = unsafe { read_array(entry.former_names, entry.former_name_count, FORMER_NAMES) };
    let former: Vec<cyrsync_former_name> =
        former.map_err(|refused| wrong("former_names", refused))?;
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
        jmapid: OfC::of_c(entry.jmapid, "jmapid")?,
        unknown: Text::default(),
    }))
}

pub(super) fn annotation(annotation: &cyrsync_annotation) -> Result<Annotation> {
    Ok(Annotation {
        entry: Text::new(bytes(annotation.name, "name")?),
        userid: Text::new(bytes(annotation.userid, "userid")?),
        value: Text::new(bytes(annotation.value, "value")?),
        modseq: annotation.modseq,
    })
}

pub(super) fn record(record: &cyrsync_record) -> Record {
    Record {
        uid: record.uid,
        size: record.message_size,
        internaldate: record.internaldate,
        last_updated: record.last_updated,
        savedate: record.savedate,
        modseq: record.modseq,
        createdmodseq: record.createdmodseq,
        cid: record.cid,
        basecid: record.basecid,
        internaldate_nsec: record.internaldate_nsec,
        system_flags: SystemFlags(record.system_flags),
        internal_flags: InternalFlags(record.internal_flags),
        user_flags: record.user_flags,
        guid: Guid(record.guid),
    }
}

pub(super) fn record_for_c(record: &Record) -> cyrsync_record {
    cyrsync_record {
        size: size_of::<cyrsync_record>(),
        uid: record.uid,
        message_size: record.size,
        internaldate: record.internaldate,
        last_updated: record.last_updated,
        savedate: record.savedate,
        modseq: record.modseq,
        createdmodseq: record.createdmodseq,
        cid: record.cid,
        basecid: record.basecid,
        internaldate_nsec: record.internaldate_nsec,
        system_flags: record.system_flags.0,
        internal_flags: record.internal_flags.0,
        user_flags: record.user_flags,
        guid: record.guid.0,
    }
}

/// Converts the C member of the same name to a field of the mailbox header. Only the field `crcs`
/// has two members with other names.
macro_rules! field_of_c {
    ($state:ident, crcs) => {
        SyncCrcs::from_wire($state.basic_crc, $state.annot_crc)
    };
    ($state:ident, $name:ident) => {
        OfC::of_c($state.$name, stringify!($name))?
    };
}

macro_rules! header_of_c {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $key:literal, $($rule:ident),*;)*) => {
        fn header_of_c(state: &cyrsync_mailbox_state) -> Result<MailboxHeader> {
            Ok(MailboxHeader { $($name: field_of_c!(state, $name),)* })
        }
    };
}

with_header_fields!(header_of_c);

pub(super) fn state(state: &cyrsync_mailbox_state) -> Result<(MailboxState, Option<String>)> {
    if state.flag_count > USER_FLAGS {
        let many =
            format!("there are {} flags, but at most {USER_FLAGS} are allowed", state.flag_count);
        return Err(wrong("flags", many));
    }
    // SAFETY: cyrsync.h requires an array that lives until the next call for the mailbox.
    let flags = unsafe { slice(state.flags, state.flag_count, "flags") }
        .map_err(|failure| wrong("flags", failure.message.to_string_lossy()))?;
    let flags: Result<Vec<Option<Text>>> = flags
        .iter()
        .map(|flag| {
            let flag = bytes(*flag, "flags")?;
            Ok((!flag.is_empty()).then(|| Text::new(flag)))
        })
        .collect();
    let inconsistency = bytes(state.inconsistency, "inconsistency")?;
    let mut header = header_of_c(state)?;
    if state.has_xconvmodseq == 0 {
        header.xconvmodseq = None;
    }
    if state.knows_usergroups == 0 {
        header.usergroups = None;
    } else {
        // On a server with groups, an empty list means that the owner is in no group.
        header.usergroups.get_or_insert_default();
    }
    let converted = MailboxState {
        header,
        flags: flags?,
        unknown: Text::default(),
        num_records: state.num_records,
        exists: (state.has_exists != 0).then_some(state.exists),
    };
    let inconsistency = String::from_utf8_lossy(inconsistency).into_owned();
    Ok((converted, (!inconsistency.is_empty()).then_some(inconsistency)))
}

#[cfg(test)]
mod tests {
    use super::super::super::strings::cyrsync_str;
    use super::*;

    fn header_of(change: impl FnOnce(&mut cyrsync_mailbox_state)) -> MailboxHeader {
        // SAFETY: every member may be zero.
        let mut filled: cyrsync_mailbox_state = unsafe { std::mem::zeroed() };
        change(&mut filled);
        state(&filled).unwrap().0.header
    }

    #[test]
    fn fields_that_a_host_leaves_at_zero_are_unknown() {
        let header = header_of(|_| {});
        assert_eq!((header.jmapid, header.usergroups, header.compact_emailids), (None, None, None));
        assert_eq!((header.minor_version, header.deletedmodseq), (0, 0));
    }

    #[test]
    fn groups_and_ids_of_a_host_are_read() {
        let header = header_of(|state| {
            state.knows_usergroups = 1;
            state.usergroups = cyrsync_str::lend(b"group:board\tgroup:staff");
            state.jmapid = cyrsync_str::lend(b"P-F");
            state.compact_emailids = 1;
            (state.minor_version, state.deletedmodseq) = (20, 7);
        });
        assert_eq!(header.usergroups, Some("group:board\tgroup:staff".into()));
        assert_eq!((header.jmapid, header.compact_emailids), (Some("P-F".into()), Some(1)));
        assert_eq!((header.minor_version, header.deletedmodseq), (20, 7));
        // On a server with groups, an empty list means that the owner is in no group.
        let none = header_of(|state| state.knows_usergroups = 1);
        assert_eq!(none.usergroups, Some(Text::default()));
        let unknown = header_of(|state| state.usergroups = cyrsync_str::lend(b"group:staff"));
        assert_eq!(unknown.usergroups, None);
    }
}
