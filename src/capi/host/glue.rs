//! Calls the functions of a host, receives what they emit, and converts their results.

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

/// The result with which an emit function stops the host.
const STOP: c_int = 1;

/// The reason why an emit function stopped the host.
pub(super) enum Stopped {
    Enough,
    Failed(Error),
    Panicked(Box<dyn Any + Send>),
}

/// A receiver of emitted items: the emit functions pass each item to `take`.
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

    /// Stops the host, because an item is unusable.
    fn refuse(&mut self, error: Error) -> c_int {
        self.stopped.get_or_insert(Stopped::Failed(error));
        STOP
    }

    /// Passes an item on. A panic must not unwind through the host: it is stored, and resumed after
    /// the host has returned.
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

/// The emit function for structures.
///
/// # Safety
/// `sink` must be the pointer that the host received with this function, in the same call. `item`
/// must be NULL or a structure whose size member is its true size and that lives through the call.
pub(super) unsafe extern "C" fn emit<T: Grows>(sink: *mut c_void, item: *const T) -> c_int {
    // SAFETY: the caller's promise; nothing else uses the sink while the host runs.
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

/// The emit function for texts.
///
/// # Safety
/// As [`emit`].
pub(super) unsafe extern "C" fn emit_str(sink: *mut c_void, text: cyrsync_str) -> c_int {
    // SAFETY: as in `emit`.
    let sink = unsafe { sink.cast::<Sink<'_, cyrsync_str>>().as_mut() };
    sink.map_or(STOP, |sink| sink.put(text))
}

/// Converts the result of a host's function. An error of an emit function comes first.
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

/// Calls a function of the host: `call!(table, op, subject, function(arguments))`. A function that
/// emits items takes more: `... => emit function, closure for each item`.
macro_rules! call {
    ($table:expr, $op:expr, $subject:expr, $function:ident($($argument:expr),*)) => {{
        let mut failure = cyrsync_failure::default();
        let code = match $table.functions().$function {
            // SAFETY: the arguments are as the header describes them, and live through the call.
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
            // SAFETY: as above; the sink lives through the call, too.
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
