//! Passes the findings of a verification to C.

use std::ptr;

use super::sized::lent;
use super::strings::cyrsync_str;
use crate::events::{Event, Finding, VerifyEvent, json, words};

/// The kind of a finding.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_found {
    /// A field differs.
    CYRSYNC_FOUND_DIFFERENT = 1,
    /// A field differs because its last change is not replicated yet.
    CYRSYNC_FOUND_PENDING = 2,
    /// More fields differ than are reported one by one: line gives their number.
    CYRSYNC_FOUND_MORE = 3,
    /// A mailbox is equal on both sides.
    CYRSYNC_FOUND_EQUAL = 4,
    /// Something could not be compared: line gives the reason.
    CYRSYNC_FOUND_UNKNOWN = 5,
}

use cyrsync_found::*;

/// One finding of a verification. Its strings are borrowed: they are valid only during the
/// callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_finding {
    /// sizeof(cyrsync_finding) in the library, which may differ from the program's.
    pub size: usize,
    /// The kind of the finding.
    pub found: cyrsync_found,
    /// The subject of the finding: "UID 7 of user.fred".
    pub subject: cyrsync_str,
    /// The field that differs, by its name in the protocol: "FLAGS". "MAILBOX" stands for a mailbox
    /// that only one side has, "RECORD" for a message that only one side has, and "FILE" for a
    /// message file.
    pub field: cyrsync_str,
    /// The master's value; data is NULL if it has none.
    pub master: cyrsync_str,
    /// The replica's value; data is NULL if it has none.
    pub replica: cyrsync_str,
    /// The line that sync_client --verify prints for the finding.
    pub line: cyrsync_str,
    /// The whole finding as a JSON object.
    pub json: cyrsync_str,
}

lent!(cyrsync_finding);

const NOTHING: cyrsync_str = cyrsync_str { data: ptr::null(), len: 0 };

/// Calls `tell` with the finding of an event. A summary is not a finding and is ignored.
pub(super) fn with_finding(event: &VerifyEvent, tell: &mut dyn FnMut(&cyrsync_finding)) {
    let (found, subject, finding) = match event {
        VerifyEvent::Difference(finding) if finding.pending => {
            (CYRSYNC_FOUND_PENDING, finding.subject.to_string(), Some(finding))
        }
        VerifyEvent::Difference(finding) => {
            (CYRSYNC_FOUND_DIFFERENT, finding.subject.to_string(), Some(finding))
        }
        VerifyEvent::More { subject, .. } => (CYRSYNC_FOUND_MORE, subject.to_string(), None),
        VerifyEvent::Equal { mailbox, .. } => (CYRSYNC_FOUND_EQUAL, mailbox.to_string(), None),
        VerifyEvent::Unknown { subject, .. } => (CYRSYNC_FOUND_UNKNOWN, subject.to_string(), None),
        VerifyEvent::Summary { .. } => return,
    };
    let lend = |text: &Option<String>| {
        text.as_ref().map_or(NOTHING, |text| cyrsync_str::lend(text.as_bytes()))
    };
    let part = |get: fn(&Finding) -> &Option<String>| {
        finding.map_or(NOTHING, |finding| lend(get(finding)))
    };
    let whole = Event::Verify(event.clone());
    let (line, object) = (words(&whole).map(|line| line.text), json(&whole));
    tell(&cyrsync_finding {
        size: size_of::<cyrsync_finding>(),
        found,
        subject: cyrsync_str::lend(subject.as_bytes()),
        field: finding.map_or(NOTHING, |finding| cyrsync_str::lend(finding.field.as_bytes())),
        master: part(|finding| &finding.master),
        replica: part(|finding| &finding.replica),
        line: lend(&line),
        json: cyrsync_str::lend(object.as_bytes()),
    });
}
