//! Implements the callbacks of a host, like a C program would. They return the data of a spool.

mod answer;
mod lists;
mod mailbox;
mod user;

use std::path::PathBuf;
use std::sync::Mutex;

use cyrsync::capi::*;
use cyrsync::host::{Spool, Store as _};
use cyrsync::{Error, Kind};

use crate::server::Server;
use answer::{Code, Data, Fail, answer, bytes, emit_pieces};
use lists::*;
use mailbox::*;
use user::*;

/// The `userdata` of all callbacks.
pub struct Host {
    spool: Spool,
    program: PathBuf,
    imapd_conf: Option<PathBuf>,
    server: Mutex<Option<Server>>,
}

impl Host {
    pub fn new(spool: Spool, program: PathBuf, imapd_conf: Option<PathBuf>) -> Host {
        Host { spool, program, imapd_conf, server: Mutex::new(None) }
    }

    fn apply(&self, command: &[u8]) -> cyrsync::Result<Vec<u8>> {
        let broken = |error: std::io::Error| {
            Error::new(Kind::Io, "talk to", "sync_server", error.to_string())
        };
        let mut server = self.server.lock().unwrap();
        if server.is_none() {
            let conf = self.imapd_conf.as_ref().expect("the scenarios have a file");
            *server = Some(Server::start(&self.program, conf).map_err(broken)?);
        }
        let reply = server.as_mut().expect("it was just started").ask(command).map_err(broken);
        if reply.is_err() {
            *server = None;
        }
        reply
    }
}

/// Returns the table of callbacks for a host.
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
        list_bytes: Some(list_bytes),
    }
}

fn host<'a>(userdata: Data) -> &'a Host {
    // SAFETY: the pointer comes from the table, and the host exists until `destroy`.
    unsafe { &*userdata.cast::<Host>() }
}

unsafe extern "C" fn list_bytes(userdata: Data) -> u64 {
    host(userdata).spool.list_bytes()
}

unsafe extern "C" fn destroy(userdata: Data) {
    // SAFETY: the pointer comes from `table`, and the library calls this once.
    drop(unsafe { Box::from_raw(userdata.cast::<Host>()) });
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
    emit_pieces(reply.chunks(11), emit, sink)
}
