//! Defines the error objects of the C ABI.

use std::ffi::{CString, c_int};

use super::c_string::c_string;
pub use super::result::cyrsync_result;
use crate::error::{Error, Kind, Subject, os_error};

/// The details of a failed call. Free it with cyrsync_error_free().
#[derive(Debug)]
pub struct cyrsync_error {
    pub(super) code: cyrsync_result,
    pub(super) message: CString,
    pub(super) op: CString,
    pub(super) subject: CString,
    pub(super) detail: CString,
    pub(super) hint: CString,
    pub(super) about: Subject,
    pub(super) retryable: bool,
    pub(super) os_error: c_int,
    pub(super) parts: Vec<cyrsync_error>,
}

/// The kind of object that an error is about.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_subject_kind {
    /// The error is not about a certain object.
    CYRSYNC_SUBJECT_NONE = 0,
    /// A user: see cyrsync_error_user().
    CYRSYNC_SUBJECT_USER = 1,
    /// A mailbox: see cyrsync_error_mailbox().
    CYRSYNC_SUBJECT_MAILBOX = 2,
    /// Several mailboxes that are replicated together.
    CYRSYNC_SUBJECT_MAILBOXES = 3,
    /// A message: see cyrsync_error_mailbox() and cyrsync_error_uid().
    CYRSYNC_SUBJECT_MESSAGE = 4,
    /// Another object of replication: an entry of a sync log, or a quota root.
    CYRSYNC_SUBJECT_ITEM = 5,
    /// A file or directory of this server.
    CYRSYNC_SUBJECT_PATH = 6,
    /// A server, by its name in the configuration.
    CYRSYNC_SUBJECT_SERVER = 7,
    /// Another object, which only has a description: see cyrsync_error_subject().
    CYRSYNC_SUBJECT_TEXT = 8,
}

use cyrsync_subject_kind::*;

impl From<&Subject> for cyrsync_subject_kind {
    fn from(subject: &Subject) -> Self {
        match subject {
            subject if subject.is_empty() => CYRSYNC_SUBJECT_NONE,
            Subject::User { .. } => CYRSYNC_SUBJECT_USER,
            Subject::Mailbox { .. } => CYRSYNC_SUBJECT_MAILBOX,
            Subject::Mailboxes { .. } => CYRSYNC_SUBJECT_MAILBOXES,
            Subject::Message { .. } => CYRSYNC_SUBJECT_MESSAGE,
            Subject::Item { .. } => CYRSYNC_SUBJECT_ITEM,
            Subject::Path { .. } => CYRSYNC_SUBJECT_PATH,
            Subject::Host { .. } => CYRSYNC_SUBJECT_SERVER,
            Subject::Text { .. } => CYRSYNC_SUBJECT_TEXT,
        }
    }
}

/// The error type of the functions behind the C ABI, boxed because it is large.
pub(super) type Failure = Box<cyrsync_error>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::from(&error)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Box::new(error.into())
    }
}

impl From<&Error> for cyrsync_error {
    fn from(error: &Error) -> Self {
        let code = cyrsync_result::from(error.kind());
        cyrsync_error {
            code,
            message: c_string(&error.to_string()),
            op: c_string(error.op()),
            subject: c_string(&error.subject().to_string()),
            detail: c_string(error.detail()),
            hint: c_string(error.hint()),
            about: error.subject().clone(),
            retryable: error.is_retryable(),
            os_error: os_error(error).unwrap_or(0),
            parts: error.parts().iter().map(cyrsync_error::from).collect(),
        }
    }
}

/// Returns the error for an argument `name` whose value is wrong. `detail` describes the problem.
pub(super) fn misuse(code: cyrsync_result, name: &str, detail: impl Into<String>) -> Failure {
    let error = Error::new(Kind::InvalidArgument, "check argument", name, detail);
    let mut failure = Failure::from(error);
    (failure.code, failure.retryable) = (code, code.is_retryable());
    failure
}

/// Returns the error for an argument `name` that is NULL.
pub(super) fn null_pointer(name: &str) -> Failure {
    misuse(cyrsync_result::CYRSYNC_RESULT_NULL_POINTER, name, "is NULL")
}

/// Returns the error for a panic that was caught.
pub(super) fn panicked(message: &str) -> Failure {
    let detail = format!("the library panicked: {message}");
    let error = Error::new(Kind::Internal, "run", "", detail);
    let mut failure = Failure::from(error.with_hint("this is a bug in cyrsync, please report it"));
    failure.code = cyrsync_result::CYRSYNC_RESULT_PANIC;
    failure
}
