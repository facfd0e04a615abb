//! Defines the structures that the callbacks receive.

use std::ffi::c_int;

use super::error::{cyrsync_error, cyrsync_result, cyrsync_subject_kind};
use super::sized::lent;
use super::strings::cyrsync_str;
use crate::events::{Act, Level, Outcome};

/// The importance of a log line. The numbers are those of syslog.
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

/// What the call was asked to do with an item (a user, a mailbox or an entry of a sync log).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_act {
    /// Replicate the item.
    CYRSYNC_ACT_REPLICATE = 1,
    /// Plan the replication of the item, and change nothing.
    CYRSYNC_ACT_PLAN = 2,
    /// Compare the item on both sides, and change nothing.
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

/// The outcome of an item.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_outcome {
    /// The item is done: replicated, planned or compared.
    CYRSYNC_OUTCOME_DONE = 1,
    /// The item was not replicated, because another process had locked it.
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

/// The outcome of one item: a user, a mailbox or an entry of a sync log. If outcome is not
/// CYRSYNC_OUTCOME_DONE, the members from code to error describe the reason. All strings and
/// pointers in it are borrowed: they are valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_item {
    /// The size of the structure in the library, which may differ from sizeof(cyrsync_item) in the
    /// program. Do not read members beyond it.
    pub size: usize,
    /// What the call was asked to do with the item.
    pub act: cyrsync_act,
    /// The outcome.
    pub outcome: cyrsync_outcome,
    /// The kind of item: CYRSYNC_SUBJECT_USER, CYRSYNC_SUBJECT_MAILBOX or CYRSYNC_SUBJECT_ITEM.
    pub kind: cyrsync_subject_kind,
    /// The item as text: "user fred", "user.fred.Sent".
    pub subject: cyrsync_str,
    /// The userid, as bytes; empty if the item is not a user.
    pub user: cyrsync_str,
    /// The internal name of the mailbox, as bytes; empty if the item is not a mailbox.
    pub mailbox: cyrsync_str,
    /// The entry of a sync log that names the item: "MAILBOX user.fred.Sent". To replicate the item
    /// again, pass this entry to cyrsync_log_append().
    pub entry: cyrsync_str,
    /// The reason why the item is not done. CYRSYNC_RESULT_OK if the item is done.
    pub code: cyrsync_result,
    /// Whether another attempt may succeed without any change by a person.
    pub retryable: bool,
    /// The error number of the operating system (errno) that caused the failure; 0 if the cause was
    /// not an error of the operating system.
    pub os_error: c_int,
    /// The whole error in one line, like cyrsync_error_message(); empty if the item is done.
    pub message: cyrsync_str,
    /// What a person can do about the error; empty if there is no advice.
    pub hint: cyrsync_str,
    /// The error, with its parts; NULL if the item is done. The library frees it.
    pub error: *const cyrsync_error,
}

/// An event: a report of something that the client did or found. docs/events.md lists all events.
/// All strings and pointers in it are borrowed: they are valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_event {
    /// The size of the structure in the library, which may differ from sizeof(cyrsync_event) in the
    /// program. Do not read members beyond it.
    pub size: usize,
    /// The family of the event: "step", "differs", "unreachable", "connection", "store", "sync",
    /// "repair", "run", "ended" or "verify". docs/events.md describes the families. Later versions
    /// may add families.
    pub family: cyrsync_str,
    /// The name of the event within its family, such as "encrypted" or "left_for_later". For a
    /// step, the name of the command, such as "MAILBOX". Empty if the family has only one event.
    pub what: cyrsync_str,
    /// The level of the event's log line: a cyrsync_log_level (3 to 7), or 0 if the event has no
    /// log line. The type is int because cyrsync_log_level has no value 0.
    pub level: c_int,
    /// The line that Cyrus's programs would write for this event; empty if they would write none.
    pub line: cyrsync_str,
    /// The whole event as a JSON object, in UTF-8.
    pub json: cyrsync_str,
    /// The error that the event reports; NULL if it reports none.
    pub error: *const cyrsync_error,
}

/// A failed attempt to connect to the replica, after which the library will try again. All strings
/// and pointers in it are borrowed: they are valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_unreachable {
    /// The size of the structure in the library, which may differ from sizeof(cyrsync_unreachable)
    /// in the program. Do not read members beyond it.
    pub size: usize,
    /// The error of the failed attempt. The library frees it.
    pub error: *const cyrsync_error,
    /// The name of the replica in the configuration.
    pub server: cyrsync_str,
    /// The pause before the next attempt, in seconds.
    pub pause_s: u64,
}

/// A planned step: one command of the replication protocol that replication would execute. All
/// strings in it are borrowed: they are valid only during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_step {
    /// The size of the structure in the library, which may differ from sizeof(cyrsync_step) in the
    /// program. Do not read members beyond it.
    pub size: usize,
    /// The name of the command, such as "MAILBOX".
    pub command: cyrsync_str,
    /// The user, mailbox or other object of the command as text, such as "user.fred".
    pub subject: cyrsync_str,
    /// The line that sync_client -v prints for the step, such as "MAILBOX user.fred".
    pub line: cyrsync_str,
    /// The reason why the step is needed, such as "HIGHESTMODSEQ is 12 here and 9 on the replica";
    /// empty if the reason is not known.
    pub why: cyrsync_str,
    /// The number of messages that the step would send, as far as the plan can count them.
    pub messages: u64,
    /// The size of these messages together, in bytes.
    pub bytes: u64,
}

lent!(cyrsync_item, cyrsync_event, cyrsync_unreachable, cyrsync_step);
