//! How a function of the host is called, what it emits into, and what its answer means.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use super::super::error::cyrsync_result;
use super::super::failure::cyrsync_failure;
use super::super::sized::{Grows, read};
use super::super::strings::cyrsync_str;
use crate::error::{Error, Kind, Result};

/// What an emit function answers to have the host stop.
const STOP: c_int = 1;

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

    /// Takes nothing more: what the host gave is unusable.
    fn refuse(&mut self, error: Error) -> c_int {
        self.stopped.get_or_insert(Stopped::Failed(error));
        STOP
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
/// structure that is as large as it says and lives through the call.
pub(super) unsafe extern "C" fn emit<T: Grows>(sink: *mut c_void, item: *const T) -> c_int {
    // SAFETY: the caller's promise; nobody else uses the sink while the host runs.
    let Some(sink) = (unsafe { sink.cast::<Sink<'_, T>>().as_mut() }) else { return STOP };
    if item.is_null() {
        return sink.refuse(Error::new(Kind::Host, "take", "item", "the host gave NULL"));
    }
    // SAFETY: not NULL, else the caller's promise.
    match unsafe { read(item) } {
        Ok(item) => sink.put(item),
        Err(refused) => sink.refuse(Error::new(Kind::Host, "take", T::NAME, refused)),
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
    let kind = kind.unwrap_or(Kind::Host);
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

pub(super) use call;

pub(super) fn go_on() -> Result<ControlFlow<()>> {
    Ok(ControlFlow::Continue(()))
}

pub(super) fn lend(text: &impl AsRef<[u8]>) -> cyrsync_str {
    cyrsync_str::lend(text.as_ref())
}
