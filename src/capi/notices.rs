//! What the callbacks of C are given.

use std::ffi::c_int;

use super::error::{cyrsync_error, cyrsync_result, cyrsync_subject};
use super::sized::lent;
use super::strings::cyrsync_str;
use crate::events::{Act, Level, Outcome};

/// How important a log line is, with syslog's numbers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_log_level {
    /// Something failed and a person should look.
    CYRSYNC_LOG_LEVEL_ERROR = 3,
    /// Something looks wrong but work goes on.
    CYRSYNC_LOG_LEVEL_WARNING = 4,
    /// Unusual but in order.
    CYRSYNC_LOG_LEVEL_NOTICE = 5,
    /// What is being done.
    CYRSYNC_LOG_LEVEL_INFO = 6,
    /// For tracing a problem.
    CYRSYNC_LOG_LEVEL_DEBUG = 7,
}

use cyrsync_log_level::*;

impl From<Level> for cyrsync_log_level {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => CYRSYNC_LOG_LEVEL_ERROR,
            Level::Warning => CYRSYNC_LOG_LEVEL_WARNING,
            Level::Notice => CYRSYNC_LOG_LEVEL_NOTICE,
            Level::Info => CYRSYNC_LOG_LEVEL_INFO,
            Level::Debug => CYRSYNC_LOG_LEVEL_DEBUG,
        }
    }
}

/// What a call did about an item.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_act {
    /// It replicated it.
    CYRSYNC_ACT_REPLICATE = 1,
    /// It planned it, and changed nothing.
    CYRSYNC_ACT_PLAN = 2,
    /// It compared both sides, and changed nothing.
    CYRSYNC_ACT_VERIFY = 3,
}

impl From<Act> for cyrsync_act {
    fn from(act: Act) -> Self {
        match act {
            Act::Replicate => cyrsync_act::CYRSYNC_ACT_REPLICATE,
            Act::Plan => cyrsync_act::CYRSYNC_ACT_PLAN,
            Act::Verify => cyrsync_act::CYRSYNC_ACT_VERIFY,
        }
    }
}

/// How an item ended.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_outcome {
    /// It is done: equal on both sides now, or planned, or compared.
    CYRSYNC_OUTCOME_DONE = 1,
    /// Passed over: another process is at work on it.
    CYRSYNC_OUTCOME_LOCKED = 2,
    /// It failed.
    CYRSYNC_OUTCOME_FAILED = 3,
}

impl From<&Outcome> for cyrsync_outcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => cyrsync_outcome::CYRSYNC_OUTCOME_DONE,
            Outcome::Locked(_) => cyrsync_outcome::CYRSYNC_OUTCOME_LOCKED,
            Outcome::Failed(_) => cyrsync_outcome::CYRSYNC_OUTCOME_FAILED,
        }
    }
}

/// How one item ended: a user, a mailbox, an entry of a sync log. If it is not done, code, message
/// and the rest say why. Everything in it is borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_item {
    /// sizeof(cyrsync_item) of the library: it may be larger than the program's.
    pub size: usize,
    /// What was done about it.
    pub act: cyrsync_act,
    /// How it ended.
    pub outcome: cyrsync_outcome,
    /// What it is: CYRSYNC_SUBJECT_USER, CYRSYNC_SUBJECT_MAILBOX or CYRSYNC_SUBJECT_ITEM.
    pub kind: cyrsync_subject,
    /// What it is, in words: "user fred", "user.fred.Sent".
    pub subject: cyrsync_str,
    /// The user, as bytes; empty if it is something else.
    pub user: cyrsync_str,
    /// The mailbox by its internal name, as bytes; empty if it is something else.
    pub mailbox: cyrsync_str,
    /// The entry of a sync log that asks for it: "MAILBOX user.fred.Sent". Appended to a log by
    /// cyrsync_log_append() it asks for it again.
    pub entry: cyrsync_str,
    /// Why it is not done; CYRSYNC_RESULT_OK if it is.
    pub code: cyrsync_result,
    /// Whether it may succeed later by itself.
    pub retryable: bool,
    /// The number of the operating system's error (errno), if that is the cause, else 0.
    pub os_error: c_int,
    /// All of the error in a line; empty if it is done.
    pub message: cyrsync_str,
    /// What can be done about it; empty if there is nothing to say.
    pub hint: cyrsync_str,
    /// The error, with its parts; NULL if it is done.
    pub error: *const cyrsync_error,
}

/// Something that happened. docs/events.md lists the events. Everything in it is borrowed for the
/// call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_event {
    /// sizeof(cyrsync_event) of the library: it may be larger than the program's.
    pub size: usize,
    /// The family: "step", "connection", "sync", "run". New ones may come.
    pub family: cyrsync_str,
    /// What it is within its family: "encrypted", "left_for_later"; of a step the command:
    /// "MAILBOX". Empty if the family has one event only.
    pub what: cyrsync_str,
    /// The level of its log line as a cyrsync_log_level; 0 if it has none.
    pub level: c_int,
    /// The line that Cyrus's programs write for it; empty if there is none.
    pub line: cyrsync_str,
    /// All of it as a JSON object.
    pub json: cyrsync_str,
    /// The error that it is about; NULL if it is about none.
    pub error: *const cyrsync_error,
}

/// There is no connection to the replica, and it is tried again. Everything in it is borrowed for
/// the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_unreachable {
    /// sizeof(cyrsync_unreachable) of the library: it may be larger than the program's.
    pub size: usize,
    /// Why there is none.
    pub error: *const cyrsync_error,
    /// The name of the server, as configured.
    pub server: cyrsync_str,
    /// After how many seconds it is tried again.
    pub pause: u64,
}

/// A step of a plan: what would be done. Everything in it is borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_step {
    /// sizeof(cyrsync_step) of the library: it may be larger than the program's.
    pub size: usize,
    /// The command: "MAILBOX".
    pub command: cyrsync_str,
    /// What it would be done to, in words: "user.fred".
    pub subject: cyrsync_str,
    /// The line that sync_client -v prints for it: "MAILBOX user.fred".
    pub line: cyrsync_str,
    /// Why it is needed: "HIGHESTMODSEQ is 12 here and 9 on the replica"; empty if that is not
    /// known.
    pub why: cyrsync_str,
    /// Messages that would be sent with it, as far as that is known.
    pub messages: u64,
    /// Bytes of these messages.
    pub bytes: u64,
}

lent!(cyrsync_item, cyrsync_event, cyrsync_unreachable, cyrsync_step);
