//! Passes the reports of a client to the program's callbacks.

use std::ptr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;

use super::callbacks::Callbacks;
use super::error::{Failure, cyrsync_error, cyrsync_result, cyrsync_subject_kind};
use super::finding::with_finding;
use super::notices::{cyrsync_event, cyrsync_item, cyrsync_step, cyrsync_unreachable};
use super::reached::cyrsync_progress;
use super::strings::cyrsync_str;
use crate::check::Check;
use crate::engine::{Cancel, Progress};
use crate::error::Error;
use crate::events::{
    Direction, Event, FinishedItem, ItemTotals, Level, Line, Observer, Outcome, PlannedStep,
    Shortener, To, json, line,
};

/// The shortest time between two calls of the progress and cancel callbacks for events. Calls at
/// the end of an item do not count.
const PAUSE: Duration = Duration::from_millis(200);

/// An observer that calls the program's callbacks.
#[derive(Default)]
pub(super) struct Listeners {
    callbacks: Option<Arc<Callbacks>>,
    /// Shortens messages in the traffic; `None` if the program set the flag for whole messages.
    shortened: Option<Mutex<Shortener>>,
    cancel: Cancel,
    /// The progress of the client; set when the client is made.
    progress: OnceLock<Progress>,
    /// The time when the progress and cancel callbacks were last called for an event.
    last: Mutex<Option<Instant>>,
    /// The number of items of the current call by outcome.
    totals: Mutex<ItemTotals>,
}

/// Calls a callback of the table, if it is set, with userdata as the first argument.
macro_rules! call {
    ($listeners:expr, $function:ident($($argument:expr),*)) => {
        if let Some(callbacks) = &$listeners.callbacks
            && let Some(function) = callbacks.functions.$function
        {
            // SAFETY: the program supplied function and userdata for this call. The arguments
            // outlive the call.
            unsafe { function(callbacks.userdata(), $($argument),*) };
        }
    };
}

/// Returns whether at least one of these callbacks of the table is set.
macro_rules! wants {
    ($listeners:expr, $($function:ident)|*) => {
        $listeners
            .callbacks
            .as_ref()
            .is_some_and(|callbacks| false $(|| callbacks.functions.$function.is_some())*)
    };
}

fn lend(text: &str) -> cyrsync_str {
    cyrsync_str::lend(text.as_bytes())
}

fn pointer(failure: Option<&cyrsync_error>) -> *const cyrsync_error {
    failure.map_or(ptr::null(), ptr::from_ref)
}

impl Listeners {
    /// Makes the listeners of a new client or of a check.
    pub(super) fn new(
        callbacks: Option<Arc<Callbacks>>,
        whole_messages: bool,
        cancel: Cancel,
    ) -> Listeners {
        let shortened = (!whole_messages).then(Mutex::default);
        Listeners { callbacks, shortened, cancel, ..Listeners::default() }
    }

    /// Sets the progress that [`Listeners::reached`] returns.
    pub(super) fn follow(&self, progress: Progress) {
        // This fails only if the progress is set already. It is not, because there is only one
        // client.
        let _ = self.progress.set(progress);
    }

    /// Returns the progress of the client.
    pub(super) fn reached(&self) -> cyrsync_progress {
        self.progress.get().map(|progress| (&progress.snapshot()).into()).unwrap_or_default()
    }

    /// Resets the totals at the start of a call.
    pub(super) fn begin(&self) {
        *self.totals.lock() = ItemTotals::default();
        *self.last.lock() = None;
    }

    /// Reports progress at the end of a call, and returns the number of its items by outcome.
    pub(super) fn end(&self) -> ItemTotals {
        self.progress();
        *self.totals.lock()
    }

    /// Calls the log callback.
    pub(super) fn log(&self, level: Level, line: &str) {
        call!(self, log(level.into(), lend(line)));
    }

    /// Calls the check callback.
    pub(super) fn check(&self, check: &Check) {
        call!(self, check(&check.into()));
    }

    /// Calls the step callback.
    pub(super) fn step(&self, step: &PlannedStep) {
        if !wants!(self, step) {
            return;
        }
        let (subject, why) = (step.subject.to_string(), step.why());
        let step = cyrsync_step {
            size: size_of::<cyrsync_step>(),
            command: lend(step.command),
            subject: lend(&subject),
            line: lend(&step.line),
            why: lend(&why),
            messages: step.messages,
            bytes: step.bytes,
        };
        call!(self, step(&step));
    }

    fn item(&self, item: &FinishedItem) {
        let failure = item.outcome.error().map(Failure::from);
        let failure = failure.as_deref();
        let subject = item.subject.to_string();
        let bytes = |bytes: Option<&[u8]>| cyrsync_str::lend(bytes.unwrap_or_default());
        let item = cyrsync_item {
            size: size_of::<cyrsync_item>(),
            act: item.act.into(),
            outcome: (&item.outcome).into(),
            kind: cyrsync_subject_kind::from(&item.subject),
            subject: lend(&subject),
            user: bytes(item.subject.user().map(|user| user.as_bytes())),
            mailbox: bytes(item.subject.mailbox().map(|mailbox| mailbox.as_bytes())),
            entry: cyrsync_str::lend(item.entry.as_bytes()),
            code: failure.map_or(cyrsync_result::CYRSYNC_RESULT_OK, |failure| failure.code),
            retryable: failure.is_some_and(|failure| failure.retryable),
            os_error: failure.map_or(0, |failure| failure.os_error),
            message: bytes(failure.map(|failure| failure.message.as_bytes())),
            hint: bytes(failure.map(|failure| failure.hint.as_bytes())),
            error: pointer(failure),
        };
        call!(self, item(&item));
    }

    /// Calls the event callback.
    fn as_event(&self, event: &Event, line: Option<&Line>) {
        let json = json(event);
        let value: Value = serde_json::from_str(&json).unwrap_or_default();
        let member = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let failure = event.error().map(Failure::from);
        let level = line.and_then(|line| match line.to {
            To::Log(level) => Some(super::notices::cyrsync_log_level::from(level) as i32),
            To::Verbose | To::Terminal | To::Answer => None,
        });
        let what = match member("what") {
            "" => member("command"),
            what => what,
        };
        let event = cyrsync_event {
            size: size_of::<cyrsync_event>(),
            family: lend(member("event")),
            what: lend(what),
            level: level.unwrap_or_default(),
            line: line.map_or(lend(""), |line| lend(&line.text)),
            json: lend(&json),
            error: pointer(failure.as_deref()),
        };
        call!(self, event(&event));
    }

    fn unreachable(&self, error: &Error, server: &str, pause: Duration) {
        let failure = Failure::from(error);
        let unreachable = cyrsync_unreachable {
            size: size_of::<cyrsync_unreachable>(),
            error: &*failure,
            server: lend(server),
            pause_s: pause.as_secs(),
        };
        call!(self, unreachable(&unreachable));
    }

    /// Calls the progress callback.
    fn progress(&self) {
        if wants!(self, progress) {
            call!(self, progress(&self.reached()));
        }
    }

    /// Calls the cancel callback, and cancels the client if the callback returns true.
    fn ask(&self) {
        if let Some(callbacks) = &self.callbacks
            && let Some(function) = callbacks.functions.cancel
            // SAFETY: the program supplied function and userdata for this call.
            && unsafe { function(callbacks.userdata()) }
        {
            self.cancel.cancel();
        }
    }

    /// Calls the progress and cancel callbacks for an event, at most once every [`PAUSE`].
    fn meanwhile(&self) {
        if !wants!(self, progress | cancel) {
            return;
        }
        let mut last = self.last.lock();
        if last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        self.progress();
        self.ask();
    }
}

/// Passes events to the log and action callbacks as the lines that Cyrus writes, and to other
/// callbacks as structures.
impl Observer for Listeners {
    fn event(&self, event: &Event) {
        match event {
            Event::Unreachable { error, server, pause } if wants!(self, unreachable) => {
                self.unreachable(error, server, *pause);
            }
            Event::Verify(found) if wants!(self, finding) => {
                with_finding(found, &mut |finding| call!(self, finding(finding)));
            }
            _ => {}
        }
        if wants!(self, log | action | event) {
            let line = line(event);
            match &line {
                Some(Line { to: To::Log(level), text }) => self.log(*level, text),
                Some(Line { to: To::Verbose, text }) => call!(self, action(lend(text))),
                Some(Line { to: To::Terminal | To::Answer, .. }) | None => {}
            }
            if wants!(self, event) {
                self.as_event(event, line.as_ref());
            }
        }
        self.meanwhile();
    }

    fn item_finished(&self, item: &FinishedItem) {
        let mut totals = self.totals.lock();
        *match item.outcome {
            Outcome::Done => &mut totals.done,
            Outcome::Locked(_) => &mut totals.locked,
            Outcome::Failed(_) => &mut totals.failed,
        } += 1;
        drop(totals);
        if wants!(self, item) {
            self.item(item);
        }
        self.progress();
        self.ask();
    }

    fn wire(&self, direction: Direction, bytes: &[u8]) {
        if !wants!(self, traffic) {
            return;
        }
        let shortened = self.shortened.as_ref();
        let shortened = shortened.map(|messages| messages.lock().shorten(direction, bytes));
        let bytes = cyrsync_str::lend(shortened.as_deref().unwrap_or(bytes));
        if bytes.len > 0 {
            call!(self, traffic(direction == Direction::Sent, bytes));
        }
    }

    fn wants_wire(&self) -> bool {
        if let Some(messages) = &self.shortened {
            *messages.lock() = Shortener::default();
        }
        wants!(self, traffic)
    }
}
