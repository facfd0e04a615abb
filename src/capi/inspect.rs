//! Functions that read results and errors.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use super::error::cyrsync_subject_kind::{self, *};
use super::error::{cyrsync_error, cyrsync_result};
use super::panic::boundary;
use super::strings::cyrsync_str;
use crate::error::Subject;

/// Returns the name of a result without the prefix CYRSYNC_RESULT_, such as "LOCKED". The string is
/// static: it must not be freed.
///
/// @param result  The result. Any number is allowed; for an unknown number, "UNKNOWN" is returned.
#[unsafe(no_mangle)]
pub extern "C" fn cyrsync_result_name(result: c_int) -> *const c_char {
    boundary(c"UNKNOWN".as_ptr(), || {
        cyrsync_result::from_number(result).map_or(c"UNKNOWN", cyrsync_result::name).as_ptr()
    })
}

/// Returns whether the same call may succeed later without any change by a person.
///
/// @param result  The result. Any number is allowed; for an unknown number, false is returned.
#[unsafe(no_mangle)]
pub extern "C" fn cyrsync_result_is_retryable(result: c_int) -> bool {
    boundary(false, || {
        cyrsync_result::from_number(result).is_some_and(cyrsync_result::is_retryable)
    })
}

/// Returns one of the texts of an error. Returns an empty text if `error` is NULL.
///
/// # Safety
/// `error` must be NULL or an error.
unsafe fn text(
    error: *const cyrsync_error,
    field: impl FnOnce(&cyrsync_error) -> &CString,
) -> *const c_char {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    let error = unsafe { error.as_ref() };
    error.map_or(c"".as_ptr(), |error| field(error).as_ptr())
}

/// Returns the result code of the error, which is also what the failed call returned. A part has
/// its own code.
///
/// @param error  The error. NULL gives CYRSYNC_RESULT_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_code(error: *const cyrsync_error) -> cyrsync_result {
    boundary(cyrsync_result::CYRSYNC_RESULT_PANIC, || {
        // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
        unsafe { error.as_ref() }.map_or(cyrsync_result::CYRSYNC_RESULT_OK, |error| error.code)
    })
}

/// Returns the whole error in one line: the operation, its subject, the problem and the advice. The
/// text belongs to the error and is valid until the error is freed. This also applies to
/// cyrsync_error_op(), _subject(), _detail() and _hint().
///
/// @param error  The error. NULL gives an empty text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_message(error: *const cyrsync_error) -> *const c_char {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(c"".as_ptr(), || unsafe { text(error, |error| &error.message) })
}

/// Returns the operation that failed, such as "read cyrus.index".
///
/// @param error  The error. NULL gives an empty text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_op(error: *const cyrsync_error) -> *const c_char {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(c"".as_ptr(), || unsafe { text(error, |error| &error.op) })
}

/// Returns the subject of the operation as text: a path, user, mailbox, server or argument.
///
/// @param error  The error. NULL gives an empty text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_subject(error: *const cyrsync_error) -> *const c_char {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(c"".as_ptr(), || unsafe { text(error, |error| &error.subject) })
}

/// Returns a description of the problem, such as "Permission denied".
///
/// @param error  The error. NULL gives an empty text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_detail(error: *const cyrsync_error) -> *const c_char {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(c"".as_ptr(), || unsafe { text(error, |error| &error.detail) })
}

/// Returns what a person can do about the error. The text is empty if there is no advice.
///
/// @param error  The error. NULL gives an empty text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_hint(error: *const cyrsync_error) -> *const c_char {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(c"".as_ptr(), || unsafe { text(error, |error| &error.hint) })
}

/// Returns the kind of object that the error is about.
///
/// @param error  The error. NULL gives CYRSYNC_SUBJECT_NONE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_subject_kind(
    error: *const cyrsync_error,
) -> cyrsync_subject_kind {
    boundary(CYRSYNC_SUBJECT_NONE, || {
        // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
        let error = unsafe { error.as_ref() };
        error.map_or(CYRSYNC_SUBJECT_NONE, |error| (&error.about).into())
    })
}

fn user_of(subject: &Subject) -> Option<&[u8]> {
    subject.user().map(|user| user.as_bytes())
}

fn mailbox_of(subject: &Subject) -> Option<&[u8]> {
    subject.mailbox().map(|mailbox| mailbox.as_bytes())
}

/// Returns the user or mailbox that an error is about. Returns an empty string if there is none.
///
/// # Safety
/// `error` must be NULL or an error.
unsafe fn name(
    error: *const cyrsync_error,
    name: impl FnOnce(&Subject) -> Option<&[u8]>,
) -> cyrsync_str {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    let error = unsafe { error.as_ref() };
    let bytes = error.and_then(|error| name(&error.about));
    cyrsync_str::lend(bytes.unwrap_or_default())
}

/// Returns the userid that the error is about, as bytes. The string is empty if the error is not
/// about a user. The bytes belong to the error and are valid until the error is freed.
///
/// @param error  The error. NULL gives an empty string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_user(error: *const cyrsync_error) -> cyrsync_str {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(cyrsync_str::lend(b""), || unsafe { name(error, user_of) })
}

/// Returns the internal name of the mailbox that the error is about, as bytes. If the error is
/// about a message, returns the message's mailbox. The string is empty if the error is about
/// something else. The bytes belong to the error and are valid until the error is freed.
///
/// @param error  The error. NULL gives an empty string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_mailbox(error: *const cyrsync_error) -> cyrsync_str {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(cyrsync_str::lend(b""), || unsafe { name(error, mailbox_of) })
}

/// Returns the UID of the message that the error is about, or 0 if the error is not about a
/// message.
///
/// @param error  The error. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_uid(error: *const cyrsync_error) -> u32 {
    boundary(0, || {
        // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
        let error = unsafe { error.as_ref() };
        error.and_then(|error| error.about.uid()).unwrap_or(0)
    })
}

/// Returns the error number of the operating system (errno) that caused the error, or 0 if the
/// cause was not an error of the operating system.
///
/// @param error  The error. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_os_error(error: *const cyrsync_error) -> c_int {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(0, || unsafe { error.as_ref() }.map_or(0, |error| error.os_error))
}

/// Returns whether the same call may succeed later without any change by a person. This is more
/// exact than cyrsync_result_is_retryable(): for example, a login that failed because the replica's
/// password server is down may succeed later.
///
/// @param error  The error. NULL gives false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_is_retryable(error: *const cyrsync_error) -> bool {
    // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
    boundary(false, || unsafe { error.as_ref() }.is_some_and(|error| error.retryable))
}

/// Returns the number of parts of the error, or 0 if it has no parts. Each part is an error with
/// its own subject: for example, the error of a user has a part for each mailbox that failed.
///
/// @param error  The error. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_part_count(error: *const cyrsync_error) -> usize {
    boundary(0, || {
        // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
        unsafe { error.as_ref() }.map_or(0, |error| error.parts.len())
    })
}

/// Returns a part of the error. The part belongs to the error and must not be freed.
///
/// @param error  The error. NULL gives NULL.
/// @param index  The index of the part, from 0. If there is no such part, NULL is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_part(
    error: *const cyrsync_error,
    index: usize,
) -> *const cyrsync_error {
    boundary(ptr::null(), || {
        // SAFETY: cyrsync.h requires `error` to be NULL or a valid error.
        let error = unsafe { error.as_ref() };
        error.and_then(|error| error.parts.get(index)).map_or(ptr::null(), ptr::from_ref)
    })
}

/// Frees an error, with its texts and parts.
///
/// @param error  The error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_error_free(error: *mut cyrsync_error) {
    boundary((), || {
        if !error.is_null() {
            // SAFETY: `error` is not NULL. cyrsync.h requires an error of this library that is not
            // freed yet.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::capi::error::Failure;
    use crate::error::{Error, Kind};
    use crate::types::{MboxName, UserId};

    #[test]
    fn every_part_has_its_subject() {
        let names = [MboxName::new(b"user.fr\xe9d"), MboxName::from("user.fred.b")];
        let part = |name: &MboxName| Error::new(Kind::Corrupt, "open", name, "bad");
        let mut parts: Vec<Error> = names.iter().map(part).collect();
        let message = Subject::message("user.fred", 7, None);
        parts.push(Error::new(Kind::Io, "read message", message, "no"));
        let error = Error::new(Kind::Corrupt, "replicate", UserId::from("fred"), "3 parts failed");
        let failure = Failure::from(error.with_parts(parts));
        let pointer: *const cyrsync_error = &*failure;
        // SAFETY: the pointer is to an error that outlives the calls, or NULL, which is allowed.
        unsafe {
            assert_eq!(cyrsync_error_subject_kind(pointer), CYRSYNC_SUBJECT_USER);
            assert_eq!(cyrsync_error_user(pointer).bytes("user").unwrap(), b"fred");
            assert_eq!(cyrsync_error_mailbox(pointer).len, 0);
            assert_eq!(cyrsync_error_part_count(pointer), 3);
            for (at, name) in names.iter().enumerate() {
                let part = cyrsync_error_part(pointer, at);
                assert_eq!(cyrsync_error_code(part), cyrsync_result::CYRSYNC_RESULT_CORRUPT);
                assert_eq!(cyrsync_error_subject_kind(part), CYRSYNC_SUBJECT_MAILBOX);
                assert_eq!(cyrsync_error_mailbox(part).bytes("name").unwrap(), name.as_bytes());
                assert_eq!(cyrsync_error_part_count(part), 0);
            }
            let part = cyrsync_error_part(pointer, 2);
            assert_eq!(cyrsync_error_subject_kind(part), CYRSYNC_SUBJECT_MESSAGE);
            assert_eq!((cyrsync_error_uid(part), cyrsync_error_uid(pointer)), (7, 0));
            assert!(cyrsync_error_part(pointer, 3).is_null());
            assert!(cyrsync_error_part(ptr::null(), 0).is_null());
            assert_eq!(cyrsync_error_subject_kind(ptr::null()), CYRSYNC_SUBJECT_NONE);
        }
    }

    #[test]
    fn an_error_tells_all_it_knows() {
        let error = Error::new(Kind::Locked, "lock", "user\0x", "held").with_hint("wait");
        let failure = Failure::from(error);
        let pointer: *const cyrsync_error = &*failure;
        // SAFETY: the pointer is to an error that outlives the calls.
        unsafe {
            assert_eq!(cyrsync_error_code(pointer), cyrsync_result::CYRSYNC_RESULT_LOCKED);
            for (text, expected) in [
                (cyrsync_error_message(pointer), c"lock user\\0x: held; hint: wait"),
                (cyrsync_error_op(pointer), c"lock"),
                (cyrsync_error_subject(pointer), c"user\\0x"),
                (cyrsync_error_detail(pointer), c"held"),
                (cyrsync_error_hint(pointer), c"wait"),
            ] {
                assert_eq!(CStr::from_ptr(text), expected);
            }
        }
    }
}
