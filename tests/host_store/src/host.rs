//! The spool's data through the callbacks of a host, as a C program would give it.

use std::ffi::{c_int, c_void};
use std::ops::ControlFlow;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use cyrsync::capi::*;
use cyrsync::store::spool::Spool;
use cyrsync::store::{Crcs, Lock, Mailbox, Store, Wait};
use cyrsync::types::{
    Annotation, Guid, InternalFlags, MailboxEntry, MboxName, MboxType, Record, SystemFlags, Text,
    UniqueId, UserId,
};
use cyrsync::{Error, Kind};

use crate::server::Server;

/// What the functions are called with.
pub struct Host {
    spool: Spool,
    program: cyrsync::Result<PathBuf>,
    imapd_conf: Option<PathBuf>,
    server: Mutex<Option<Server>>,
}

impl Host {
    pub fn new(
        spool: Spool,
        program: cyrsync::Result<PathBuf>,
        imapd_conf: Option<PathBuf>,
    ) -> Host {
        Host { spool, program, imapd_conf, server: Mutex::new(None) }
    }

    fn apply(&self, command: &[u8]) -> cyrsync::Result<Vec<u8>> {
        let broken = |error: std::io::Error| {
            Error::new(Kind::Io, "talk to", "sync_server", error.to_string())
        };
        let mut server = self.server.lock().unwrap();
        if server.is_none() {
            let program = self.program.as_ref().map_err(|error| {
                Error::new(error.kind(), "find", "sync_server", error.detail())
                    .hint(error.hint_text().to_owned())
            })?;
            let conf = self.imapd_conf.as_ref().expect("the scenarios have a file");
            *server = Some(Server::start(program, conf).map_err(broken)?);
        }
        let reply = server.as_mut().expect("it was just started").ask(command).map_err(broken);
        if reply.is_err() {
            *server = None;
        }
        reply
    }
}

/// The table for a host.
pub fn table(host: Host) -> cyrsync_host {
    cyrsync_host {
        size: size_of::<cyrsync_host>(),
        userdata: Box::into_raw(Box::new(host)).cast(),
        destroy: Some(destroy),
        version: CYRSYNC_HOST_VERSION,
        lookup: Some(lookup),
        lookup_by_id: Some(lookup_by_id),
        list_user: Some(list_user),
        list: Some(list),
        sync_lock: Some(sync_lock),
        sync_unlock: Some(sync_unlock),
        open: Some(open),
        state: Some(state),
        scan: Some(scan),
        recompute_crcs: std::env::var_os("CYRSYNC_HOST_CRCS").map(|_| recompute_crcs as _),
        mailbox_annotations: Some(mailbox_annotations),
        message_annotations: Some(message_annotations),
        message_file: Some(message_file),
        unlock_index: Some(unlock_index),
        close: Some(close),
        annotations: Some(annotations),
        subscriptions: Some(subscriptions),
        seen: Some(seen),
        quota: Some(quota),
        sieve_scripts: Some(sieve_scripts),
        sieve_content: Some(sieve_content),
        used_modseq: Some(used_modseq),
        raclmodseq: Some(raclmodseq),
        apply: Some(apply),
        log_change: None,
    }
}

type Code = c_int;
type Data = *mut c_void;
type Fail = *mut cyrsync_failure;

fn host<'a>(userdata: Data) -> &'a Host {
    // SAFETY: it is what the table holds, and lives until `destroy`.
    unsafe { &*userdata.cast::<Host>() }
}

fn bytes<'a>(text: cyrsync_str) -> &'a [u8] {
    if text.len == 0 {
        return b"";
    }
    // SAFETY: the header promises bytes that live through the call.
    unsafe { std::slice::from_raw_parts(text.data.cast(), text.len) }
}

fn lend(bytes: &[u8]) -> cyrsync_str {
    cyrsync_str { data: bytes.as_ptr().cast(), len: bytes.len() }
}

fn answer(result: cyrsync::Result<()>, failure: Fail) -> Code {
    let Err(error) = result else { return 0 };
    let detail = match error.op() {
        "" | "open mailbox" => error.detail().to_owned(),
        op => format!("{op} {}: {}", error.subject(), error.detail()),
    };
    // SAFETY: the failure is what this call was given.
    unsafe {
        cyrsync_failure_set(failure, lend(detail.as_bytes()), lend(error.hint_text().as_bytes()));
    }
    cyrsync_result::from(error.kind()) as Code
}

/// As [`answer`], unless an emit function asked to stop: then what it gave.
fn emitted(result: cyrsync::Result<()>, stopped: Code, failure: Fail) -> Code {
    match stopped {
        0 => answer(result, failure),
        code => code,
    }
}

fn flow(code: Code) -> cyrsync::Result<ControlFlow<()>> {
    Ok(if code == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
}

/// Emits one structure.
macro_rules! emit {
    ($emit:expr, $sink:expr, $item:expr) => {{
        let item = $item;
        // SAFETY: sink and function came together, and the item lives through the call.
        unsafe { $emit.expect("it is never NULL")($sink, &item) }
    }};
}

fn emit_entry(entry: &MailboxEntry, emit: cyrsync_emit_entry, sink: Data) -> Code {
    let former: Vec<cyrsync_former_name> = entry
        .name_history
        .iter()
        .map(|former| cyrsync_former_name {
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
        cyrsync_entry {
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
        }
    )
}

unsafe extern "C" fn destroy(userdata: Data) {
    // SAFETY: it came from `table`, and this happens once.
    drop(unsafe { Box::from_raw(userdata.cast::<Host>()) });
}

unsafe extern "C" fn lookup(
    userdata: Data,
    name: cyrsync_str,
    emit: cyrsync_emit_entry,
    sink: Data,
    failure: Fail,
) -> Code {
    match host(userdata).spool.lookup(&MboxName::new(bytes(name))) {
        Ok(entry) => entry.map_or(0, |entry| emit_entry(&entry, emit, sink)),
        Err(error) => answer(Err(error), failure),
    }
}

unsafe extern "C" fn lookup_by_id(
    userdata: Data,
    uniqueid: cyrsync_str,
    emit: cyrsync_emit_entry,
    sink: Data,
    failure: Fail,
) -> Code {
    match host(userdata).spool.lookup_by_id(&UniqueId::new(bytes(uniqueid))) {
        Ok(entry) => entry.map_or(0, |entry| emit_entry(&entry, emit, sink)),
        Err(error) => answer(Err(error), failure),
    }
}

unsafe extern "C" fn list_user(
    userdata: Data,
    userid: cyrsync_str,
    emit: cyrsync_emit_entry,
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
        // SAFETY: zero is a value of every member.
        let mut entry: cyrsync_entry = unsafe { std::mem::zeroed() };
        let why = format!("{}: {}", error.subject(), error.detail());
        entry.name = lend(b"unreadable");
        entry.unreadable = lend(why.as_bytes());
        let code = emit!(emit, sink, entry);
        if code != 0 {
            return code;
        }
    }
    0
}

unsafe extern "C" fn list(
    userdata: Data,
    prefix: cyrsync_str,
    emit: cyrsync_emit_entry,
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

unsafe extern "C" fn sync_lock(
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
        // SAFETY: a place for a pointer.
        unsafe { lock.write(Box::into_raw(Box::new(held)).cast()) };
    });
    answer(result, failure)
}

unsafe extern "C" fn sync_unlock(_: Data, lock: Data) {
    // SAFETY: `sync_lock` gave it, and this happens once.
    drop(unsafe { Box::from_raw(lock.cast::<Box<dyn Lock>>()) });
}

/// An open mailbox, with what was lent of it.
struct Open {
    mailbox: Box<dyn Mailbox>,
    flags: Vec<cyrsync_str>,
    doubt: String,
    last_path: Vec<u8>,
}

fn opened<'a>(mailbox: Data) -> &'a mut Open {
    // SAFETY: `open` gave it, it is not closed yet, and calls for one mailbox come one by one.
    unsafe { &mut *mailbox.cast::<Open>() }
}

unsafe extern "C" fn open(
    userdata: Data,
    name: cyrsync_str,
    _wait_ms: i64,
    mailbox: *mut Data,
    failure: Fail,
) -> Code {
    // The spool waits as it was told when it was made, which is the same.
    let result = host(userdata).spool.open(&MboxName::new(bytes(name))).map(|found| {
        let doubt = found.doubt().unwrap_or_default();
        let open =
            Box::new(Open { mailbox: found, flags: Vec::new(), doubt, last_path: Vec::new() });
        // SAFETY: a place for a pointer.
        unsafe { mailbox.write(Box::into_raw(open).cast()) };
    });
    answer(result, failure)
}

unsafe extern "C" fn state(
    _: Data,
    mailbox: Data,
    told: *mut cyrsync_mailbox_state,
    _: Fail,
) -> Code {
    let Open { mailbox, flags, doubt, .. } = opened(mailbox);
    let state = mailbox.state();
    let text = |text: &Option<Text>| text.as_ref().map_or(lend(b""), |text| lend(text.as_bytes()));
    *flags = state.flags.iter().map(text).collect();
    let told_state = cyrsync_mailbox_state {
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
        stored_crcs: crcs(state.stored_crcs),
        highestmodseq: state.highestmodseq,
        deletedmodseq: state.deletedmodseq,
        createdmodseq: state.createdmodseq,
        foldermodseq: state.foldermodseq,
        xconvmodseq: state.xconvmodseq.unwrap_or(0),
        raclmodseq: state.raclmodseq,
        recenttime: state.recenttime,
        last_appenddate: state.last_appenddate,
        pop3_last_login: state.pop3_last_login,
        pop3_show_after: state.pop3_show_after,
        has_xconvmodseq: state.xconvmodseq.is_some(),
        doubt: lend(doubt.as_bytes()),
    };
    // SAFETY: a place for it.
    unsafe { told.write(told_state) };
    0
}

fn crcs(crcs: cyrsync::types::SyncCrcs) -> cyrsync_crcs {
    cyrsync_crcs { basic: crcs.basic, annot: crcs.annot }
}

unsafe extern "C" fn scan(
    _: Data,
    mailbox: Data,
    from_uid: u32,
    since_modseq: u64,
    emit: cyrsync_emit_record,
    sink: Data,
    failure: Fail,
) -> Code {
    let mut stopped = 0;
    let result = opened(mailbox).mailbox.scan(from_uid, since_modseq, &mut |record| {
        stopped = emit!(
            emit,
            sink,
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
        );
        flow(stopped)
    });
    emitted(result, stopped, failure)
}

unsafe extern "C" fn recompute_crcs(
    _: Data,
    mailbox: Data,
    told: *mut cyrsync_crcs,
    failure: Fail,
) -> Code {
    let result = opened(mailbox).mailbox.crcs(Crcs::Recomputed).map(|computed| {
        // SAFETY: a place for it.
        unsafe { told.write(crcs(computed)) };
    });
    answer(result, failure)
}

fn emit_annotations(
    found: cyrsync::Result<Vec<Annotation>>,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    let found = match found {
        Ok(found) => found,
        Err(error) => return answer(Err(error), failure),
    };
    // The order is the library's affair.
    for one in found.iter().rev() {
        let annotation = cyrsync_annotation {
            entry: lend(one.entry.as_bytes()),
            userid: lend(one.userid.as_bytes()),
            value: lend(one.value.as_bytes()),
            modseq: one.modseq,
        };
        let code = emit!(emit, sink, annotation);
        if code != 0 {
            return code;
        }
    }
    0
}

unsafe extern "C" fn mailbox_annotations(
    _: Data,
    mailbox: Data,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    emit_annotations(opened(mailbox).mailbox.annotations(), emit, sink, failure)
}

unsafe extern "C" fn message_annotations(
    _: Data,
    mailbox: Data,
    uid: u32,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    emit_annotations(opened(mailbox).mailbox.message_annotations(uid), emit, sink, failure)
}

unsafe extern "C" fn message_file(
    _: Data,
    mailbox: Data,
    record: *const cyrsync_record,
    file: *mut cyrsync_message_file,
    failure: Fail,
) -> Code {
    // SAFETY: the header promises a record, and a place for the file.
    let (record, file) = unsafe { (&*record, &mut *file) };
    let record = Record {
        uid: record.uid,
        size: record.size,
        system_flags: SystemFlags(record.system_flags),
        internal_flags: InternalFlags(record.internal_flags),
        guid: Guid(record.guid),
        ..Record::default()
    };
    let Open { mailbox, last_path, .. } = opened(mailbox);
    let opened = mailbox.message(&record);
    let result = opened.map(|found| {
        file.fd = found.into_raw_fd();
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.fd)).unwrap_or_default();
        *last_path = path.into_os_string().into_vec();
        file.path = lend(last_path);
    });
    answer(result, failure)
}

unsafe extern "C" fn unlock_index(_: Data, mailbox: Data) {
    opened(mailbox).mailbox.unlock_index();
}

unsafe extern "C" fn close(_: Data, mailbox: Data) {
    // SAFETY: `open` gave it, and this happens once.
    drop(unsafe { Box::from_raw(mailbox.cast::<Open>()) });
}

unsafe extern "C" fn annotations(
    userdata: Data,
    name: cyrsync_str,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    let name = (name.len > 0).then(|| MboxName::new(bytes(name)));
    emit_annotations(host(userdata).spool.annotations(name.as_ref()), emit, sink, failure)
}

unsafe extern "C" fn subscriptions(
    userdata: Data,
    userid: cyrsync_str,
    emit: cyrsync_emit_str,
    sink: Data,
    failure: Fail,
) -> Code {
    let names = match host(userdata).spool.subscriptions(&UserId::new(bytes(userid))) {
        Ok(names) => names,
        Err(error) => return answer(Err(error), failure),
    };
    for name in &names {
        // SAFETY: sink and function came together, and the name lives through the call.
        let code = unsafe { emit.expect("it is never NULL")(sink, lend(name.as_bytes())) };
        if code != 0 {
            return code;
        }
    }
    0
}

unsafe extern "C" fn seen(
    userdata: Data,
    userid: cyrsync_str,
    emit: cyrsync_emit_seen,
    sink: Data,
    failure: Fail,
) -> Code {
    let all = match host(userdata).spool.seen(&UserId::new(bytes(userid))) {
        Ok(all) => all,
        Err(error) => return answer(Err(error), failure),
    };
    for one in &all {
        let seen = cyrsync_seen {
            uniqueid: lend(one.uniqueid.as_bytes()),
            lastread: one.lastread,
            lastchange: one.lastchange,
            lastuid: one.lastuid,
            seenuids: lend(one.seenuids.as_bytes()),
        };
        let code = emit!(emit, sink, seen);
        if code != 0 {
            return code;
        }
    }
    0
}

unsafe extern "C" fn quota(
    userdata: Data,
    root: cyrsync_str,
    emit: cyrsync_emit_quota,
    sink: Data,
    failure: Fail,
) -> Code {
    match host(userdata).spool.quota(&Text::new(bytes(root))) {
        Ok(None) => 0,
        Ok(Some(quota)) => {
            let limit = |limit: Option<u64>| limit.map_or(-1, |limit| limit.cast_signed());
            let root = lend(quota.root.as_bytes());
            let limits = quota.limits.map(limit);
            emit!(emit, sink, cyrsync_quota { root, limits, modseq: quota.modseq })
        }
        Err(error) => answer(Err(error), failure),
    }
}

unsafe extern "C" fn sieve_scripts(
    userdata: Data,
    userid: cyrsync_str,
    emit: cyrsync_emit_sieve,
    sink: Data,
    failure: Fail,
) -> Code {
    let scripts = match host(userdata).spool.sieve_scripts(&UserId::new(bytes(userid))) {
        Ok(scripts) => scripts,
        Err(error) => return answer(Err(error), failure),
    };
    for script in scripts.iter().rev() {
        let sieve = cyrsync_sieve {
            name: lend(script.name.as_bytes()),
            last_update: script.last_update,
            guid: script.guid.0,
            active: script.active,
        };
        let code = emit!(emit, sink, sieve);
        if code != 0 {
            return code;
        }
    }
    0
}

unsafe extern "C" fn sieve_content(
    userdata: Data,
    userid: cyrsync_str,
    name: cyrsync_str,
    emit: cyrsync_emit_str,
    sink: Data,
    failure: Fail,
) -> Code {
    let (user, name) = (UserId::new(bytes(userid)), Text::new(bytes(name)));
    let content = match host(userdata).spool.sieve_content(&user, &name) {
        Ok(content) => content,
        Err(error) => return answer(Err(error), failure),
    };
    // In small pieces: the library puts them together.
    for piece in content.chunks(7) {
        // SAFETY: sink and function came together, and the piece lives through the call.
        let code = unsafe { emit.expect("it is never NULL")(sink, lend(piece)) };
        if code != 0 {
            return code;
        }
    }
    0
}

unsafe extern "C" fn used_modseq(
    userdata: Data,
    name: cyrsync_str,
    modseq: *mut u64,
    failure: Fail,
) -> Code {
    let found = host(userdata).spool.used_modseq(&MboxName::new(bytes(name)));
    // SAFETY: a place for it.
    answer(found.map(|found| unsafe { modseq.write(found) }), failure)
}

unsafe extern "C" fn raclmodseq(
    userdata: Data,
    name: cyrsync_str,
    modseq: *mut u64,
    failure: Fail,
) -> Code {
    let found = host(userdata).spool.raclmodseq(&MboxName::new(bytes(name)));
    // SAFETY: a place for it.
    answer(found.map(|found| unsafe { modseq.write(found) }), failure)
}

unsafe extern "C" fn apply(
    userdata: Data,
    _verb: cyrsync_str,
    _body: cyrsync_str,
    command: cyrsync_str,
    emit: cyrsync_emit_str,
    sink: Data,
    failure: Fail,
) -> Code {
    let reply = match host(userdata).apply(bytes(command)) {
        Ok(reply) => reply,
        Err(error) => return answer(Err(error), failure),
    };
    for piece in reply.chunks(11) {
        // SAFETY: sink and function came together, and the piece lives through the call.
        let code = unsafe { emit.expect("it is never NULL")(sink, lend(piece)) };
        if code != 0 {
            return code;
        }
    }
    0
}
