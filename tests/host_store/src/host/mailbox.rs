//! Implements the callbacks for locks and open mailboxes.

use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use cyrsync::capi::*;
use cyrsync::host::{
    Guid, InternalFlags, Lock, Mailbox, Record, Records, Store, SystemFlags, Text, Wait,
};
use cyrsync::testing::ReadMailbox as _;
use cyrsync::{MboxName, UserId};

use super::answer::{Code, Data, Fail, answer, bytes, emit, emit_annotations, emitted, flow, lend};
use super::host;

pub(super) unsafe extern "C" fn sync_lock(
    userdata: Data,
    server: cyrsync_str,
    userid: cyrsync_str,
    wait_ms: i64,
    lock: *mut Data,
    failure: Fail,
) -> Code {
    let wait = match wait_ms {
        0 => Wait::Fail,
        ms => u64::try_from(ms).map_or(Wait::Block, |ms| Wait::For(Duration::from_millis(ms))),
    };
    let user = (userid.len > 0).then(|| UserId::new(bytes(userid)));
    let server = String::from_utf8_lossy(bytes(server));
    let held = host(userdata).spool.sync_lock(&server, user.as_ref(), wait);
    let result = held.map(|held| {
        // SAFETY: the argument points to memory for a pointer.
        unsafe { lock.write(Box::into_raw(Box::new(held)).cast()) };
    });
    answer(result, failure)
}

pub(super) unsafe extern "C" fn sync_unlock(_: Data, lock: Data) {
    // SAFETY: `sync_lock` created it, and the library unlocks it once.
    drop(unsafe { Box::from_raw(lock.cast::<Box<dyn Lock>>()) });
}

/// An open mailbox, with the data to which the library has pointers.
struct Open {
    mailbox: Box<dyn Mailbox>,
    flags: Vec<cyrsync_str>,
    inconsistency: String,
    last_path: Vec<u8>,
}

fn opened<'a>(mailbox: Data) -> &'a mut Open {
    // SAFETY: `open` created it, it is not closed yet, and calls for one mailbox never overlap.
    unsafe { &mut *mailbox.cast::<Open>() }
}

pub(super) unsafe extern "C" fn open(
    userdata: Data,
    name: cyrsync_str,
    _wait_ms: i64,
    mailbox: *mut Data,
    failure: Fail,
) -> Code {
    // `_wait_ms` is unused, because the spool has the same wait time from the settings.
    let result = host(userdata).spool.open(&MboxName::new(bytes(name))).map(|found| {
        let inconsistency = found.inconsistency().unwrap_or_default();
        let open = Box::new(Open {
            mailbox: found,
            flags: Vec::new(),
            inconsistency,
            last_path: Vec::new(),
        });
        // SAFETY: the argument points to memory for a pointer.
        unsafe { mailbox.write(Box::into_raw(open).cast()) };
    });
    answer(result, failure)
}

pub(super) unsafe extern "C" fn state(
    _: Data,
    mailbox: Data,
    out: *mut cyrsync_mailbox_state,
    _: Fail,
) -> Code {
    let Open { mailbox, flags, inconsistency, .. } = opened(mailbox);
    let state = mailbox.state();
    let text = |text: &Option<Text>| text.as_ref().map_or(lend(b""), |text| lend(text.as_bytes()));
    *flags = state.flags.iter().map(text).collect();
    let [basic_crc, annot_crc] = state.crcs.to_wire();
    let state_for_c = cyrsync_mailbox_state {
        size: size_of::<cyrsync_mailbox_state>(),
        name: lend(state.name.as_bytes()),
        uniqueid: lend(state.uniqueid.as_bytes()),
        partition: lend(state.partition.as_bytes()),
        acl: lend(state.acl.as_bytes()),
        quotaroot: text(&state.quotaroot),
        flags: flags.as_ptr(),
        flag_count: flags.len(),
        mbtype: state.mbtype.0,
        minor_version: state.minor_version,
        options: state.options.0,
        uidvalidity: state.uidvalidity,
        last_uid: state.last_uid,
        recentuid: state.recentuid,
        num_records: state.num_records,
        basic_crc,
        annot_crc,
        highestmodseq: state.highestmodseq,
        deletedmodseq: state.deletedmodseq,
        createdmodseq: state.createdmodseq.unwrap_or(0),
        foldermodseq: state.foldermodseq.unwrap_or(0),
        xconvmodseq: state.xconvmodseq.unwrap_or(0),
        raclmodseq: state.raclmodseq.unwrap_or(0),
        recenttime: state.recenttime,
        last_appenddate: state.last_appenddate,
        pop3_last_login: state.pop3_last_login,
        pop3_show_after: state.pop3_show_after,
        has_xconvmodseq: state.xconvmodseq.is_some().into(),
        inconsistency: lend(inconsistency.as_bytes()),
        exists: state.exists.unwrap_or(0),
        has_exists: state.exists.is_some().into(),
        compact_emailids: state.compact_emailids.is_some().into(),
        knows_usergroups: state.usergroups.is_some().into(),
        usergroups: text(&state.usergroups),
        jmapid: text(&state.jmapid),
    };
    // SAFETY: `state` points to memory for a state.
    unsafe { out.write(state_for_c) };
    0
}

pub(super) unsafe extern "C" fn scan(
    _: Data,
    mailbox: Data,
    from_uid: u32,
    _since_modseq: u64,
    emit: cyrsync_emit_record,
    sink: Data,
    failure: Fail,
) -> Code {
    let mut stopped = 0;
    let records = from_uid.checked_sub(1).map_or(Records::All, Records::After);
    let result = opened(mailbox).mailbox.scan(records, &mut |record| {
        stopped = emit!(
            emit,
            sink,
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
        );
        flow(stopped)
    });
    emitted(result, stopped, failure)
}

pub(super) unsafe extern "C" fn mailbox_annotations(
    _: Data,
    mailbox: Data,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    emit_annotations(opened(mailbox).mailbox.annotations(), emit, sink, failure)
}

pub(super) unsafe extern "C" fn message_annotations(
    _: Data,
    mailbox: Data,
    uid: u32,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    let found = opened(mailbox).mailbox.message_annotations(&[uid]);
    // Emits only stored annotations. The other ones are fields of the record and are sent with it.
    let mut record = Record::default();
    record.uid = uid;
    emit_annotations(found.map(|mut found| found.take(&record, 0)), emit, sink, failure)
}

pub(super) unsafe extern "C" fn message_file(
    _: Data,
    mailbox: Data,
    record: *const cyrsync_record,
    file: *mut cyrsync_message_file,
    failure: Fail,
) -> Code {
    // SAFETY: the header promises a record, and memory for the file.
    let (record, file) = unsafe { (&*record, &mut *file) };
    let mut wanted = Record::default();
    wanted.uid = record.uid;
    wanted.size = record.message_size;
    wanted.system_flags = SystemFlags(record.system_flags);
    wanted.internal_flags = InternalFlags(record.internal_flags);
    wanted.guid = Guid(record.guid);
    let Open { mailbox, last_path, .. } = opened(mailbox);
    let opened = mailbox.message(&wanted);
    let result = opened.map(|found| {
        let on_disk = found.as_file().expect("a spool is on disk");
        file.fd = on_disk.try_clone().expect("a descriptor").into_raw_fd();
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.fd)).unwrap_or_default();
        *last_path = path.into_os_string().into_vec();
        file.path = lend(last_path);
    });
    answer(result, failure)
}

pub(super) unsafe extern "C" fn unlock_index(_: Data, mailbox: Data) {
    opened(mailbox).mailbox.unlock_index();
}

pub(super) unsafe extern "C" fn close(_: Data, mailbox: Data) {
    // SAFETY: `open` created it, and the library closes it once.
    drop(unsafe { Box::from_raw(mailbox.cast::<Open>()) });
}
