//! Implements the callbacks for entries of mailboxes.db.

use cyrsync::capi::*;
use cyrsync::host::{MailboxEntry, MboxType, Store, UniqueId};
use cyrsync::{MboxName, UserId};

use super::answer::{Code, Data, Fail, answer, bytes, emit, emitted, flow, lend};
use super::host;

pub(super) fn emit_entry(
    entry: &MailboxEntry,
    emit: cyrsync_emit_mailbox_entry,
    sink: Data,
) -> Code {
    let former: Vec<cyrsync_former_name> = entry
        .name_history
        .iter()
        .map(|former| cyrsync_former_name {
            size: size_of::<cyrsync_former_name>(),
            name: lend(former.name.as_bytes()),
            partition: lend(former.partition.as_bytes()),
            mtime: former.mtime,
            foldermodseq: former.foldermodseq,
            uidvalidity: former.uidvalidity,
        })
        .collect();
    let legacy = if entry.legacy_dirs { MboxType::LEGACY_DIRS } else { 0 };
    emit!(
        emit,
        sink,
        cyrsync_mailbox_entry {
            size: size_of::<cyrsync_mailbox_entry>(),
            name: lend(entry.name.as_bytes()),
            uniqueid: lend(entry.uniqueid.as_bytes()),
            partition: lend(entry.partition.as_bytes()),
            server: lend(entry.server.as_bytes()),
            acl: lend(entry.acl.as_bytes()),
            mbtype: entry.mbtype.0 | legacy,
            uidvalidity: entry.uidvalidity,
            createdmodseq: entry.createdmodseq,
            foldermodseq: entry.foldermodseq,
            mtime: entry.mtime,
            former_names: former.as_ptr(),
            former_name_count: former.len(),
            unreadable: lend(b""),
            jmapid: lend(entry.jmapid.as_ref().map_or(b"", |id| id.as_bytes())),
        }
    )
}

pub(super) unsafe extern "C" fn lookup(
    userdata: Data,
    name: cyrsync_str,
    emit: cyrsync_emit_mailbox_entry,
    sink: Data,
    failure: Fail,
) -> Code {
    match host(userdata).spool.lookup(&MboxName::new(bytes(name))) {
        Ok(entry) => entry.map_or(0, |entry| emit_entry(&entry, emit, sink)),
        Err(error) => answer(Err(error), failure),
    }
}

pub(super) unsafe extern "C" fn lookup_by_id(
    userdata: Data,
    uniqueid: cyrsync_str,
    emit: cyrsync_emit_mailbox_entry,
    sink: Data,
    failure: Fail,
) -> Code {
    match host(userdata).spool.lookup_by_id(&UniqueId::new(bytes(uniqueid))) {
        Ok(entry) => entry.map_or(0, |entry| emit_entry(&entry, emit, sink)),
        Err(error) => answer(Err(error), failure),
    }
}

pub(super) unsafe extern "C" fn list_user(
    userdata: Data,
    userid: cyrsync_str,
    emit: cyrsync_emit_mailbox_entry,
    sink: Data,
    failure: Fail,
) -> Code {
    let tree = match host(userdata).spool.user_tree(&UserId::new(bytes(userid))) {
        Ok(tree) => tree,
        Err(error) => return answer(Err(error), failure),
    };
    for entry in &tree.entries {
        let code = emit_entry(entry, emit, sink);
        if code != 0 {
            return code;
        }
    }
    for error in &tree.unreadable {
        // SAFETY: zero is valid for every member.
        let mut entry: cyrsync_mailbox_entry = unsafe { std::mem::zeroed() };
        let why = format!("{}: {}", error.subject(), error.detail());
        entry.size = size_of::<cyrsync_mailbox_entry>();
        entry.name = lend(b"unreadable");
        entry.unreadable = lend(why.as_bytes());
        let code = emit!(emit, sink, entry);
        if code != 0 {
            return code;
        }
    }
    0
}

pub(super) unsafe extern "C" fn list(
    userdata: Data,
    prefix: cyrsync_str,
    emit: cyrsync_emit_mailbox_entry,
    sink: Data,
    failure: Fail,
) -> Code {
    let mut stopped = 0;
    let result = host(userdata).spool.each_mailbox(bytes(prefix), &mut |entry| {
        stopped = emit_entry(&entry, emit, sink);
        flow(stopped)
    });
    emitted(result, stopped, failure)
}
