//! Defines the structures that the callbacks receive.

use std::ffi::c_int;

use super::error::{cyrsync_error, cyrsync_result, cyrsync_subject};
use super::sized::lent;
use super::strings::cyrsync_str;
use crate::events::{Act, Level, Outcome};

/// The importance of a log line, with the numbers of syslog.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_log_level {
    /// Something failed, and a person should look at it.
    CYRSYNC_LOG_LEVEL_ERROR = 3,
    /// Something looks wrong, but the client goes on.
    CYRSYNC_LOG_LEVEL_WARNING = 4,
    /// Something is unusual, but not wrong.
    CYRSYNC_LOG_LEVEL_NOTICE = 5,
    /// A normal operation.
    CYRSYNC_LOG_LEVEL_INFO = 6,
    /// Details for the analysis of a problem.
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

/// What a call did with an item.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_act {
    /// The call replicated the item.
    CYRSYNC_ACT_REPLICATE = 1,
    /// The call planned the replication of the item, and changed nothing.
    CYRSYNC_ACT_PLAN = 2,
    /// The call compared the item on both sides, and changed nothing.
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
    /// The item is done: now equal on both sides, or planned, or compared.
    CYRSYNC_OUTCOME_DONE = 1,
    /// The item was skipped, because another process had locked it.
    CYRSYNC_OUTCOME_LOCKED = 2,
    /// The item failed.
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

/// The outcome of one item: a user, a mailbox or an entry of a sync log. If the item is not done,
/// the members from code on say why. All strings and pointers in it are borrowed: they are valid
/// only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_item {
    /// sizeof(cyrsync_item) in the library, which may differ from the program's.
    pub size: usize,
    /// What the call did with the item.
    pub act: cyrsync_act,
    /// The outcome.
    pub outcome: cyrsync_outcome,
    /// The kind of item: CYRSYNC_SUBJECT_USER, CYRSYNC_SUBJECT_MAILBOX or CYRSYNC_SUBJECT_ITEM.
    pub kind: cyrsync_subject,
    /// The item in words: "user fred", "user.fred.Sent".
    pub subject: cyrsync_str,
    /// The userid, as bytes; empty if the item is not a user.
    pub user: cyrsync_str,
    /// The internal name of the mailbox, as bytes; empty if the item is not a mailbox.
    pub mailbox: cyrsync_str,
    /// The entry of a sync log that names the item: "MAILBOX user.fred.Sent". Pass it to
    /// cyrsync_log_append() to have the item replicated again.
    pub entry: cyrsync_str,
    /// The reason why the item is not done; CYRSYNC_RESULT_OK if it is done.
    pub code: cyrsync_result,
    /// Whether the item may succeed later without any change by a person.
    pub retryable: bool,
    /// The error number of the operating system (errno) that caused the failure; 0 if there is
    /// none.
    pub os_error: c_int,
    /// The whole error in one line; empty if the item is done.
    pub message: cyrsync_str,
    /// What a person can do about the error; empty if there is no advice.
    pub hint: cyrsync_str,
    /// The error, with its parts; NULL if the item is done.
    pub error: *const cyrsync_error,
}

/// An event. docs/events.md lists all events. All strings and pointers in it are borrowed: they are
/// valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_event {
    /// sizeof(cyrsync_event) in the library, which may differ from the program's.
    pub size: usize,
    /// The family of the event: "step", "connection", "sync", "run". Later versions may add
    /// families.
    pub family: cyrsync_str,
    /// The name of the event within its family: "encrypted", "left_for_later". For a step, the
    /// command: "MAILBOX". Empty if the family has only one event.
    pub what: cyrsync_str,
    /// The level of the log line: a cyrsync_log_level (3 to 7), or 0 if the event has no log line.
    /// It is an int because the enumeration has no value for none.
    pub level: c_int,
    /// The line that Cyrus's programs write for this event; empty if they write none.
    pub line: cyrsync_str,
    /// The whole event as a JSON object.
    pub json: cyrsync_str,
    /// The error that the event reports; NULL if it reports none.
    pub error: *const cyrsync_error,
}

/// A failure to connect to the replica, before a retry. All strings and pointers in it are
/// borrowed: they are valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_unreachable {
    /// sizeof(cyrsync_unreachable) in the library, which may differ from the program's.
    pub size: usize,
    /// The reason why there is no connection.
    pub error: *const cyrsync_error,
    /// The name of the server, as configured.
    pub server: cyrsync_str,
    /// Seconds until the next attempt.
    pub pause: u64,
}

/// A planned step: one command that replication would execute. All strings in it are borrowed: they
/// are valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_step {
    /// sizeof(cyrsync_step) in the library, which may differ from the program's.
    pub size: usize,
    /// The command: "MAILBOX".
    pub command: cyrsync_str,
    /// The subject of the command in words: "user.fred".
    pub subject: cyrsync_str,
    /// The line that sync_client -v prints for the step: "MAILBOX user.fred".
    pub line: cyrsync_str,
    /// Why the step is needed: "HIGHESTMODSEQ is 12 here and 9 on the replica"; empty if the reason
    /// is not known.
    pub why: cyrsync_str,
    /// The number of messages that the step would send, as far as it is known.
    pub messages: u64,
    /// The size of these messages in bytes.
    pub bytes: u64,
}

lent!(cyrsync_item, cyrsync_event, cyrsync_unreachable, cyrsync_step);
