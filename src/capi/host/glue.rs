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

/// The result of an emit function that tells the host's function to stop.
const STOP: c_int = 1;

/// The reason why an emit function stopped the host's function.
pub(super) enum Stopped {
    Enough,
    Failed(Error),
    Panicked(Box<dyn Any + Send>),
}

/// A receiver of emitted values: the emit functions pass each value to `take`.
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

    /// Stops the host's function, because it emitted an unusable value.
    fn refuse(&mut self, error: Error) -> c_int {
        self.stopped.get_or_insert(Stopped::Failed(error));
        STOP
    }

    /// Passes a value to `take`. A panic must not unwind through the host's C code: it is stored,
    /// and [`answer`] resumes it after the host's function has returned.
    fn put(&mut self, value: T) -> c_int {
        if self.stopped.is_some() {
            return STOP;
        }
        let stopped = match catch_unwind(AssertUnwindSafe(|| (self.take)(value))) {
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
/// `sink` must be the pointer that the host received with this function, in the same call. `value`
/// must be NULL or a structure whose size member is its true size and that stays valid during the
/// call.
pub(super) unsafe extern "C" fn emit<T: Grows>(sink: *mut c_void, value: *const T) -> c_int {
    // SAFETY: guaranteed by the caller (see `# Safety`). Nothing else uses the sink while the host
    // runs.
    let Some(sink) = (unsafe { sink.cast::<Sink<'_, T>>().as_mut() }) else { return STOP };
    if value.is_null() {
        return sink.refuse(Error::new(Kind::Host, "take", "value", "the host gave NULL"));
    }
    // SAFETY: `value` is not NULL. The caller guarantees the rest.
    match unsafe { read(value) } {
        Ok(value) => sink.put(value),
        Err(refused) => sink.refuse(Error::new(Kind::Host, "take", T::NAME, refused)),
    }
}

/// The emit function for texts.
///
/// # Safety
/// As for [`emit`].
pub(super) unsafe extern "C" fn emit_str(sink: *mut c_void, text: cyrsync_str) -> c_int {
    // SAFETY: as in `emit`.
    let sink = unsafe { sink.cast::<Sink<'_, cyrsync_str>>().as_mut() };
    sink.map_or(STOP, |sink| sink.put(text))
}

/// Converts the result of a host's function. An error or panic of an emit function takes precedence
/// over the result.
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
        (true, Some(_)) => "the host gave no reason".to_owned(),
        (true, None) => format!("the host returned {code}, which is not a valid result of a host"),
    };
    let kind = kind.unwrap_or(Kind::Host);
    Err(Error::new(kind, op, subject.to_string(), detail).with_hint(failure.hint))
}

/// Calls a function of the host: `call!(table, op, subject, function(arguments))`. For a function
/// that emits values, add `=> emit function, closure for each value`.
macro_rules! call {
    ($table:expr, $op:expr, $subject:expr, $function:ident($($argument:expr),*)) => {{
        let mut failure = cyrsync_failure::default();
        let code = match $table.functions().$function {
            // SAFETY: the arguments are as the header describes them, and outlive the call.
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
            // SAFETY: as above. The sink outlives the call, too.
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
