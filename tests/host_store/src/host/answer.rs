//! Helpers for the callbacks: convert results to codes, and emit items.

use std::ffi::{c_int, c_void};
use std::ops::ControlFlow;

use cyrsync::capi::*;
use cyrsync::host::Annotation;

pub(super) type Code = c_int;
pub(super) type Data = *mut c_void;
pub(super) type Fail = *mut cyrsync_failure;

pub(super) fn bytes<'a>(text: cyrsync_str) -> &'a [u8] {
    if text.len == 0 {
        return b"";
    }
    // SAFETY: the header promises that the bytes stay valid during the call.
    unsafe { std::slice::from_raw_parts(text.data.cast(), text.len) }
}

pub(super) fn lend(bytes: &[u8]) -> cyrsync_str {
    cyrsync_str { data: bytes.as_ptr().cast(), len: bytes.len() }
}

pub(super) fn answer(result: cyrsync::Result<()>, failure: Fail) -> Code {
    let Err(error) = result else { return 0 };
    let detail = match error.op() {
        "" | "open mailbox" => error.detail().to_owned(),
        op => format!("{op} {}: {}", error.subject(), error.detail()),
    };
    // SAFETY: the library passed this failure to the callback.
    unsafe {
        cyrsync_failure_set(failure, lend(detail.as_bytes()), lend(error.hint().as_bytes()));
    }
    cyrsync_result::from(error.kind()) as Code
}

/// Converts a result like [`answer`]. If an emit function asked to stop, returns its code instead.
pub(super) fn emitted(result: cyrsync::Result<()>, stopped: Code, failure: Fail) -> Code {
    match stopped {
        0 => answer(result, failure),
        code => code,
    }
}

pub(super) fn flow(code: Code) -> cyrsync::Result<ControlFlow<()>> {
    Ok(if code == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
}

/// Passes one structure to the emit function. Returns its code.
macro_rules! emit {
    ($emit:expr, $sink:expr, $item:expr) => {{
        let item = $item;
        // SAFETY: the library passed sink and function together, and the item is valid during the
        // call.
        unsafe { $emit.expect("it is never NULL")($sink, &item) }
    }};
}

pub(super) fn emit_annotations(
    found: cyrsync::Result<Vec<Annotation>>,
    emit: cyrsync_emit_annotation,
    sink: Data,
    failure: Fail,
) -> Code {
    let found = match found {
        Ok(found) => found,
        Err(error) => return answer(Err(error), failure),
    };
    // In reverse order, because the library must not depend on the host's order.
    for one in found.iter().rev() {
        let annotation = cyrsync_annotation {
            size: size_of::<cyrsync_annotation>(),
            name: lend(one.entry.as_bytes()),
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

pub(super) use emit;

/// Passes texts to the emit function one by one. Stops at the first code other than 0.
pub(super) fn emit_pieces<'p>(
    pieces: impl Iterator<Item = &'p [u8]>,
    emit: cyrsync_emit_str,
    sink: Data,
) -> Code {
    for piece in pieces {
        // SAFETY: the library passed sink and function together, and the piece is valid during the
        // call.
        let code = unsafe { emit.expect("it is never NULL")(sink, lend(piece)) };
        if code != 0 {
            return code;
        }
    }
    0
}
