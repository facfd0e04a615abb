//! [`Host`] over the table of functions that C supplies.

use std::any::Any;
use std::ffi::{OsStr, c_int, c_void};
use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;

use super::callbacks::Userdata;
use super::error::{Failure, cyrsync_result, misuse, null_pointer};
use super::failure::cyrsync_failure;
use super::host::*;
use super::strings::cyrsync_str;
use crate::config::Config;
use crate::engine::{Client, Options as ClientOptions};
use crate::error::{Error, Kind, Result};
use crate::limits::{REPLY_BYTES, SIEVE_SCRIPT_BYTES, USER_FLAGS};
use crate::observe::Observer;
use crate::store::host::{Host, HostMailbox, HostWriter, Listed, VisitEntry, VisitRecord};
use crate::store::{Lock, Wait};
use crate::sys::file::open_regular;
use crate::types::{
    Annotation, FormerName, Guid, InternalFlags, MailboxEntry, MailboxState, MboxName, MboxType,
    Modseq, Options, Quota, Record, Seen, SieveScript, SyncCrcs, SystemFlags, Text, Uid, UniqueId,
    UserId,
};

/// What an emit function answers to have the host stop.
const STOP: c_int = 1;
/// Names that a mailbox had before.
const FORMER_NAMES: usize = 1 << 16;

/// The host's table, and its data.
pub(super) struct Table {
    functions: cyrsync_host,
    userdata: Userdata,
}

// SAFETY: what is in the table are functions, and a pointer that is only passed to them: see
// `Userdata`. The header says from which threads they are called.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

macro_rules! required {
    ($table:expr, $($function:ident)*) => {
        $(if $table.$function.is_none() {
            return Err(null_pointer(concat!("host.", stringify!($function))));
        })*
    };
}

impl Table {
    /// Copies the table that C gives.
    ///
    /// # Safety
    /// `host` must be NULL or a table whose size member tells its size truly.
    pub(super) unsafe fn new(host: *const cyrsync_host) -> Result<Arc<Table>, Failure> {
        if host.is_null() {
            return Err(null_pointer("host"));
        }
        let wrong = |what| misuse(cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT, "host", what);
        // SAFETY: not NULL, and the size is the first member of every version.
        let size = unsafe { host.cast::<usize>().read() };
        if size < size_of::<cyrsync_host>() {
            return Err(wrong("its size is not set to sizeof(struct cyrsync_host)"));
        }
        // SAFETY: it is as large as it says, which is large enough.
        let functions = unsafe { host.read() };
        // Given back whatever follows.
        let userdata = Userdata::new(functions.userdata, functions.destroy);
        if functions.version != CYRSYNC_HOST_VERSION {
            return Err(wrong("its version is not set to CYRSYNC_HOST_VERSION"));
        }
        required!(functions, lookup lookup_by_id list_user list sync_lock sync_unlock open state
            scan mailbox_annotations message_annotations message_file unlock_index close
            annotations subscriptions seen quota sieve_scripts sieve_content used_modseq raclmodseq);
        Ok(Arc::new(Table { functions, userdata }))
    }

    pub(super) fn userdata(&self) -> *mut c_void {
        self.userdata.pointer()
    }

    pub(super) fn functions(&self) -> &cyrsync_host {
        &self.functions
    }
}

/// What came of a call of the host.
pub(super) enum Stopped {
    Enough,
    Failed(Error),
    Panicked(Box<dyn Any + Send>),
}

/// Where an emit function puts what it is given.
pub(super) struct Sink<'s, T> {
    take: &'s mut dyn FnMut(T) -> Result<ControlFlow<()>>,
    pub(super) stopped: Option<Stopped>,
}

impl<'s, T> Sink<'s, T> {
    pub(super) fn new(take: &'s mut dyn FnMut(T) -> Result<ControlFlow<()>>) -> Self {
        Sink { take, stopped: None }
    }

    pub(super) fn pointer(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }

    /// A panic must not reach the host: it goes on when the host has come back.
    fn put(&mut self, item: T) -> c_int {
        if self.stopped.is_some() {
            return STOP;
        }
        let stopped = match catch_unwind(AssertUnwindSafe(|| (self.take)(item))) {
            Ok(Ok(ControlFlow::Continue(()))) => return 0,
            Ok(Ok(ControlFlow::Break(()))) => Stopped::Enough,
            Ok(Err(error)) => Stopped::Failed(error),
            Err(payload) => Stopped::Panicked(payload),
        };
        self.stopped = Some(stopped);
        STOP
    }
}

/// An emit function for a structure.
///
/// # Safety
/// `sink` is what the host was given beside this function, in the same call; `item` is NULL or a
/// structure that lives through the call.
unsafe extern "C" fn emit<T>(sink: *mut c_void, item: *const T) -> c_int {
    // SAFETY: the caller's promise; nobody else uses the sink while the host runs.
    let Some(sink) = (unsafe { sink.cast::<Sink<'_, *const T>>().as_mut() }) else { return STOP };
    match item.is_null() {
        true => {
            let error = Error::new(Kind::InvalidArgument, "take", "item", "the host gave NULL");
            sink.stopped.get_or_insert(Stopped::Failed(error));
            STOP
        }
        false => sink.put(item),
    }
}

/// An emit function for texts.
///
/// # Safety
/// As [`emit`].
pub(super) unsafe extern "C" fn emit_str(sink: *mut c_void, text: cyrsync_str) -> c_int {
    // SAFETY: as in `emit`.
    let sink = unsafe { sink.cast::<Sink<'_, cyrsync_str>>().as_mut() };
    sink.map_or(STOP, |sink| sink.put(text))
}

/// What the host's answer means.
pub(super) fn answer(
    op: &'static str,
    subject: &dyn std::fmt::Display,
    code: c_int,
    failure: cyrsync_failure,
    stopped: Option<Stopped>,
) -> Result<()> {
    match stopped {
        Some(Stopped::Panicked(payload)) => resume_unwind(payload),
        Some(Stopped::Failed(error)) => return Err(error),
        Some(Stopped::Enough) => return Ok(()),
        None if code == 0 => return Ok(()),
        None => {}
    }
    let kind = cyrsync_result::from_number(code).and_then(cyrsync_result::host_kind);
    let detail = match (failure.detail.is_empty(), kind) {
        (false, _) => failure.detail,
        (true, Some(_)) => "the host says no more".to_owned(),
        (true, None) => format!("the host answered {code}, which is no answer of a host"),
    };
    let kind = kind.unwrap_or(Kind::InvalidArgument);
    Err(Error::new(kind, op, subject.to_string(), detail).hint(failure.hint))
}

/// Calls a function of the host: `call!(table, op, subject, function(arguments))`, or with a sink
/// and the function that fills it.
macro_rules! call {
    ($table:expr, $op:expr, $subject:expr, $function:ident($($argument:expr),*)) => {{
        let mut failure = cyrsync_failure::default();
        let code = match $table.functions().$function {
            // SAFETY: the header tells the host what it is given; all of it lives through the call.
            Some(function) => unsafe {
                function($table.userdata(), $($argument,)* &mut failure)
            },
            None => 0,
        };
        answer($op, $subject, code, failure, None)
    }};
    ($table:expr, $op:expr, $subject:expr, $function:ident($($argument:expr),*) => $emit:expr, $take:expr) => {{
        let mut failure = cyrsync_failure::default();
        let mut take = $take;
        let mut sink = Sink::new(&mut take);
        let pointer = sink.pointer();
        let code = match $table.functions().$function {
            // SAFETY: as above, the sink too.
            Some(function) => unsafe {
                function($table.userdata(), $($argument,)* Some($emit), pointer, &mut failure)
            },
            None => 0,
        };
        let stopped = sink.stopped.take();
        answer($op, $subject, code, failure, stopped)
    }};
}

/// Bytes that the host lends.
fn bytes<'a>(text: cyrsync_str, name: &'static str) -> Result<&'a [u8]> {
    // SAFETY: the header asks for bytes that live through the call of the emit function, or until
    // the next call for the mailbox; nobody here keeps them longer.
    unsafe { text.bytes(name) }.map_err(|failure| {
        let detail = failure.message.to_string_lossy().into_owned();
        Error::new(Kind::InvalidArgument, "take", name, detail)
    })
}

/// An array that the host lends.
fn array<'a, T>(data: *const T, len: usize, most: usize, name: &'static str) -> Result<&'a [T]> {
    if len > most {
        let detail = format!("the host gave {len} of them, and {most} are the most");
        return Err(Error::new(Kind::InvalidArgument, "take", name, detail));
    }
    // SAFETY: as for `bytes`.
    unsafe { super::strings::slice(data, len, name) }.map_err(|failure| {
        let detail = failure.message.to_string_lossy().into_owned();
        Error::new(Kind::InvalidArgument, "take", name, detail)
    })
}

fn listed(entry: *const cyrsync_entry) -> Result<Listed> {
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

fn annotation(annotation: *const cyrsync_annotation) -> Result<Annotation> {
    // SAFETY: not NULL, and it lives through the call of the emit function.
    let annotation = unsafe { &*annotation };
    Ok(Annotation {
        entry: Text::new(bytes(annotation.entry, "entry")?),
        userid: Text::new(bytes(annotation.userid, "userid")?),
        value: Text::new(bytes(annotation.value, "value")?),
        modseq: annotation.modseq,
    })
}

fn record(record: &cyrsync_record) -> Record {
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

fn record_for_c(record: &Record) -> cyrsync_record {
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

fn state(state: &cyrsync_mailbox_state) -> Result<(MailboxState, Option<String>)> {
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
        stored_crcs: crcs(state.stored_crcs),
        xconvmodseq: state.has_xconvmodseq.then_some(state.xconvmodseq),
        raclmodseq: state.raclmodseq,
    };
    Ok((told, (!doubt.is_empty()).then(|| String::from_utf8_lossy(doubt).into_owned())))
}

fn crcs(crcs: cyrsync_crcs) -> SyncCrcs {
    SyncCrcs { basic: crcs.basic, annot: crcs.annot }
}

fn go_on() -> Result<ControlFlow<()>> {
    Ok(ControlFlow::Continue(()))
}

fn wait_ms(wait: Wait) -> i64 {
    match wait {
        Wait::Block => -1,
        Wait::For(time) => i64::try_from(time.as_millis()).unwrap_or(i64::MAX),
        Wait::Fail => 0,
    }
}

fn lend(text: &impl AsRef<[u8]>) -> cyrsync_str {
    cyrsync_str::lend(text.as_ref())
}

/// The client of Rust that [`cyrsync_client_new_with_host`](super::cyrsync_client_new_with_host)
/// makes: for tests that reach a host store from Rust.
///
/// # Safety
/// `host` must be NULL or a table whose size member tells its size truly, and whose functions do as
/// the header asks.
#[doc(hidden)]
pub unsafe fn client_with_host(
    host: *const cyrsync_host,
    config: Config,
    options: ClientOptions,
    observer: Arc<dyn Observer>,
) -> Result<Client> {
    // SAFETY: the caller's promise.
    let table = unsafe { Table::new(host) }.map_err(|failure| {
        let detail = failure.message.to_string_lossy().into_owned();
        Error::new(Kind::InvalidArgument, "use", "host", detail)
    })?;
    let writes = table.functions().apply.is_some();
    let writer = writes.then(|| Box::new(Hosted(table.clone())) as Box<dyn HostWriter>);
    Client::with_host(config, options, observer, Hosted(table), writer)
}

/// [`Host`] over a table.
pub(super) struct Hosted(pub(super) Arc<Table>);

impl Hosted {
    fn entry(
        &self,
        op: &'static str,
        subject: &dyn std::fmt::Display,
        call: impl FnOnce(&mut dyn FnMut(*const cyrsync_entry) -> Result<ControlFlow<()>>) -> Result<()>,
    ) -> Result<Option<MailboxEntry>> {
        let mut found = None;
        call(&mut |entry| {
            if found.replace(listed(entry)??).is_some() {
                let detail = "the host gave more than one";
                return Err(Error::new(Kind::InvalidArgument, op, subject.to_string(), detail));
            }
            go_on()
        })?;
        Ok(found)
    }
}

impl Host for Hosted {
    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        const OP: &str = "look up mailbox";
        self.entry(OP, name, |take| {
            call!(self.0, OP, name, lookup(lend(name)) => emit::<cyrsync_entry>, |entry| take(entry))
        })
    }

    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        const OP: &str = "look up uniqueid";
        self.entry(OP, id, |take| {
            call!(self.0, OP, id, lookup_by_id(lend(id)) => emit::<cyrsync_entry>, |entry| take(entry))
        })
    }

    fn list_user(&self, user: &UserId, visit: &mut VisitEntry<'_>) -> Result<()> {
        call!(self.0, "list mailboxes of user", user, list_user(lend(user)) => emit::<cyrsync_entry>,
            |entry| visit(listed(entry)?))
    }

    fn list(&self, prefix: &[u8], visit: &mut VisitEntry<'_>) -> Result<()> {
        let subject = String::from_utf8_lossy(prefix);
        call!(self.0, "list mailboxes", &subject, list(lend(&prefix)) => emit::<cyrsync_entry>,
            |entry| visit(listed(entry)?))
    }

    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>> {
        let userid = user.map_or(cyrsync_str::lend(b""), lend);
        let subject = user.map_or("shared mailboxes".to_owned(), |user| format!("user {user}"));
        let mut lock = ptr::null_mut();
        call!(
            self.0,
            "lock",
            &subject,
            sync_lock(lend(&server), userid, wait_ms(wait), &mut lock)
        )?;
        Ok(Box::new(Held { table: self.0.clone(), lock }))
    }

    fn open<'h>(&'h self, name: &MboxName, wait: Wait) -> Result<Box<dyn HostMailbox + 'h>> {
        let mut mailbox = ptr::null_mut();
        call!(self.0, "open mailbox", name, open(lend(name), wait_ms(wait), &mut mailbox))?;
        Ok(Box::new(OpenMailbox { table: &self.0, mailbox, name: name.clone() }))
    }

    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>> {
        let mut all = Vec::new();
        let name = mailbox.map_or(cyrsync_str::lend(b""), lend);
        let subject = mailbox.map_or("the server".to_owned(), ToString::to_string);
        call!(self.0, "read annotations of", &subject,
        annotations(name) => emit::<cyrsync_annotation>, |one| {
            all.push(annotation(one)?);
            go_on()
        })?;
        Ok(all)
    }

    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>> {
        let mut all = Vec::new();
        call!(self.0, "read subscriptions of", user, subscriptions(lend(user)) => emit_str, |name| {
            all.push(MboxName::new(bytes(name, "name")?));
            go_on()
        })?;
        Ok(all)
    }

    fn seen(&self, user: &UserId) -> Result<Vec<Seen>> {
        let mut all = Vec::new();
        call!(self.0, "read seen state of", user, seen(lend(user)) => emit::<cyrsync_seen>,
        |seen: *const cyrsync_seen| {
            // SAFETY: not NULL, and it lives through the call of the emit function.
            let seen = unsafe { &*seen };
            all.push(Seen {
                uniqueid: UniqueId::new(bytes(seen.uniqueid, "uniqueid")?),
                lastread: seen.lastread,
                lastuid: seen.lastuid,
                lastchange: seen.lastchange,
                seenuids: Text::new(bytes(seen.seenuids, "seenuids")?),
            });
            go_on()
        })?;
        Ok(all)
    }

    fn quota(&self, root: &Text) -> Result<Option<Quota>> {
        let mut found = None;
        call!(self.0, "read quota root", root, quota(lend(root)) => emit::<cyrsync_quota>,
        |quota: *const cyrsync_quota| {
            // SAFETY: not NULL, and it lives through the call of the emit function.
            let quota = unsafe { &*quota };
            found = Some(Quota {
                root: Text::new(bytes(quota.root, "root")?),
                limits: quota.limits.map(|limit| u64::try_from(limit).ok()),
                modseq: quota.modseq,
            });
            go_on()
        })?;
        Ok(found)
    }

    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>> {
        let mut all = Vec::new();
        call!(self.0, "list sieve scripts of", user,
        sieve_scripts(lend(user)) => emit::<cyrsync_sieve>, |script: *const cyrsync_sieve| {
            // SAFETY: not NULL, and it lives through the call of the emit function.
            let script = unsafe { &*script };
            all.push(SieveScript {
                name: Text::new(bytes(script.name, "name")?),
                last_update: script.last_update,
                guid: Guid(script.guid),
                active: script.active,
            });
            go_on()
        })?;
        Ok(all)
    }

    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let subject = format!("{name} of {user}");
        call!(self.0, "read sieve script", &subject,
        sieve_content(lend(user), lend(name)) => emit_str, |piece| {
            content.extend_from_slice(bytes(piece, "content")?);
            if content.len() as u64 > SIEVE_SCRIPT_BYTES {
                let detail = "it is larger than any script";
                return Err(Error::new(Kind::Corrupt, "read sieve script", &subject, detail));
            }
            go_on()
        })?;
        Ok(content)
    }

    fn used_modseq(&self, name: &MboxName) -> Result<Modseq> {
        let mut modseq = 0;
        call!(self.0, "read modseqs of", name, used_modseq(lend(name), &mut modseq))?;
        Ok(modseq)
    }

    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq> {
        let mut modseq = 0;
        call!(self.0, "read modseqs of", name, raclmodseq(lend(name), &mut modseq))?;
        Ok(modseq)
    }
}

impl HostWriter for Hosted {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        let line = command.strip_suffix(b"\r\n").unwrap_or(command);
        let verb = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let body = line.get(verb.len() + 1..).unwrap_or_default();
        let subject = String::from_utf8_lossy(verb);
        let mut reply = Vec::new();
        call!(self.0, "have the host do", &subject,
        apply(lend(&verb), lend(&body), lend(&command)) => emit_str, |piece| {
            reply.extend_from_slice(bytes(piece, "reply")?);
            if reply.len() as u64 > REPLY_BYTES {
                let detail = "the reply is too long";
                return Err(Error::new(Kind::InvalidArgument, "take", "reply", detail));
            }
            go_on()
        })?;
        Ok(reply)
    }

    fn log_change(&mut self, name: &MboxName) -> Result<bool> {
        if self.0.functions().log_change.is_none() {
            return Ok(false);
        }
        call!(self.0, "log the change of", name, log_change(lend(name)))?;
        Ok(true)
    }
}

/// A sync lock of the host.
struct Held {
    table: Arc<Table>,
    lock: *mut c_void,
}

// SAFETY: the pointer is only passed back to the host, and a client that goes to another thread
// holds no lock between calls.
unsafe impl Send for Held {}

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(unlock) = self.table.functions().sync_unlock {
            // SAFETY: sync_lock gave it, and this happens once.
            unsafe { unlock(self.table.userdata(), self.lock) };
        }
    }
}

/// An open mailbox of the host.
struct OpenMailbox<'h> {
    table: &'h Table,
    mailbox: *mut c_void,
    name: MboxName,
}

impl OpenMailbox<'_> {
    /// The file of a message, or its path, or both.
    fn message_file(&self, record: &Record) -> Result<(Option<File>, PathBuf)> {
        let mut told = cyrsync_message_file { fd: -1, path: cyrsync_str::lend(b"") };
        let record = record_for_c(record);
        let subject = format!("UID {} of {}", record.uid, self.name);
        let result = call!(
            self.table,
            "open message",
            &subject,
            message_file(self.mailbox, &record, &mut told)
        );
        // SAFETY: the header says that the file is the library's from here on, whatever else.
        let owned = (told.fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(told.fd) });
        result?;
        Ok((owned.map(File::from), PathBuf::from(OsStr::from_bytes(bytes(told.path, "path")?))))
    }
}

impl HostMailbox for OpenMailbox<'_> {
    fn state(&self) -> Result<(MailboxState, Option<String>)> {
        // SAFETY: zero is a value of every member: no text, no flags, number 0, false.
        let mut told: cyrsync_mailbox_state = unsafe { std::mem::zeroed() };
        call!(self.table, "read state of", &self.name, state(self.mailbox, &mut told))?;
        state(&told)
    }

    fn scan(&self, from: Uid, since: Modseq, visit: &mut VisitRecord<'_>) -> Result<()> {
        call!(self.table, "read records of", &self.name,
            scan(self.mailbox, from, since) => emit::<cyrsync_record>,
            // SAFETY: not NULL, and it lives through the call of the emit function.
            |one: *const cyrsync_record| visit(&record(unsafe { &*one })))
    }

    fn recompute_crcs(&self) -> Result<Option<SyncCrcs>> {
        if self.table.functions().recompute_crcs.is_none() {
            return Ok(None);
        }
        let mut told = cyrsync_crcs::default();
        call!(self.table, "compute CRCs of", &self.name, recompute_crcs(self.mailbox, &mut told))?;
        Ok(Some(crcs(told)))
    }

    fn annotations(&self) -> Result<Vec<Annotation>> {
        let mut all = Vec::new();
        call!(self.table, "read annotations of", &self.name,
        mailbox_annotations(self.mailbox) => emit::<cyrsync_annotation>, |one| {
            all.push(annotation(one)?);
            go_on()
        })?;
        Ok(all)
    }

    fn message_annotations(&self, uid: Uid) -> Result<Vec<Annotation>> {
        let mut all = Vec::new();
        call!(self.table, "read annotations of a message of", &self.name,
        message_annotations(self.mailbox, uid) => emit::<cyrsync_annotation>, |one| {
            all.push(annotation(one)?);
            go_on()
        })?;
        Ok(all)
    }

    fn message(&self, record: &Record) -> Result<File> {
        let (file, path) = self.message_file(record)?;
        if let Some(file) = file {
            return Ok(file);
        }
        open_regular(&path).map(|(file, _)| file).map_err(|error| {
            let (kind, detail) = match error.kind() {
                std::io::ErrorKind::NotFound => (Kind::Corrupt, "the file is missing".to_owned()),
                _ => (Kind::Io, error.to_string()),
            };
            let subject = format!("UID {} of {} ({})", record.uid, self.name, path.display());
            Error::new(kind, "open message", subject, detail)
                .hint(crate::store::MESSAGE_REPAIR)
                .caused_by(error)
        })
    }

    fn message_path(&self, record: &Record) -> Option<PathBuf> {
        let (_, path) = self.message_file(record).ok()?;
        (!path.as_os_str().is_empty()).then_some(path)
    }

    fn unlock_index(&self) {
        if let Some(unlock) = self.table.functions().unlock_index {
            // SAFETY: open gave it, and it is not closed yet.
            unsafe { unlock(self.table.userdata(), self.mailbox) };
        }
    }
}

impl Drop for OpenMailbox<'_> {
    fn drop(&mut self) {
        if let Some(close) = self.table.functions().close {
            // SAFETY: open gave it, and this happens once.
            unsafe { close(self.table.userdata(), self.mailbox) };
        }
    }
}
