//! Implements the callbacks for data of users and of the server: annotations, subscriptions, seen
//! state, quotas, Sieve.

use cyrsync::capi::*;
use cyrsync::host::{Store, Text};
use cyrsync::{MboxName, UserId};

use super::answer::{Code, Data, Fail, answer, bytes, emit, emit_annotations, emit_pieces, lend};
use super::host;

pub(super) unsafe extern "C" fn annotations(
    userdata: Data,
    name: cyrsync_str,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    let name = (name.len > 0).then(|| MboxName::new(bytes(name)));
    emit_annotations(host(userdata).spool.annotations(name.as_ref()), emit, sink, failure)
}

pub(super) unsafe extern "C" fn subscriptions(
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
    emit_pieces(names.iter().map(|name| name.as_bytes()), emit, sink)
}

pub(super) unsafe extern "C" fn seen(
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
            size: size_of::<cyrsync_seen>(),
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

pub(super) unsafe extern "C" fn quota(
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
            emit!(
                emit,
                sink,
                cyrsync_quota {
                    size: size_of::<cyrsync_quota>(),
                    root,
                    limits,
                    modseq: quota.modseq
                }
            )
        }
        Err(error) => answer(Err(error), failure),
    }
}

pub(super) unsafe extern "C" fn sieve_scripts(
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
            size: size_of::<cyrsync_sieve>(),
            name: lend(script.name.as_bytes()),
            last_update: script.last_update,
            guid: script.guid.0,
            active: script.active.into(),
        };
        let code = emit!(emit, sink, sieve);
        if code != 0 {
            return code;
        }
    }
    0
}

pub(super) unsafe extern "C" fn sieve_content(
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
    // Emit small pieces, to test that the library joins them correctly.
    emit_pieces(content.chunks(7), emit, sink)
}

pub(super) unsafe extern "C" fn used_modseq(
    userdata: Data,
    name: cyrsync_str,
    modseq: *mut u64,
    failure: Fail,
) -> Code {
    let found = host(userdata).spool.used_modseq(&MboxName::new(bytes(name)));
    // SAFETY: `modseq` points to memory for a number.
    answer(found.map(|found| unsafe { modseq.write(found) }), failure)
}

pub(super) unsafe extern "C" fn raclmodseq(
    userdata: Data,
    name: cyrsync_str,
    modseq: *mut u64,
    failure: Fail,
) -> Code {
    let found = host(userdata).spool.raclmodseq(&MboxName::new(bytes(name)));
    // SAFETY: `modseq` points to memory for a number.
    answer(found.map(|found| unsafe { modseq.write(found) }), failure)
}
