//! What a verification finds, as C gets it.

use std::ptr;

use super::sized::lent;
use super::strings::cyrsync_str;
use crate::events::{Event, Finding, VerifyEvent, json, words};

/// What a verification found.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_found {
    /// A field differs.
    CYRSYNC_FOUND_DIFFERENT = 1,
    /// A field differs because replication has not come to it yet.
    CYRSYNC_FOUND_PENDING = 2,
    /// More fields differ than are listed one by one: line says how many.
    CYRSYNC_FOUND_MORE = 3,
    /// A mailbox is equal on both sides.
    CYRSYNC_FOUND_EQUAL = 4,
    /// Something could not be compared: line says why.
    CYRSYNC_FOUND_UNKNOWN = 5,
}

use cyrsync_found::*;

/// One thing that a verification found. Everything in it is borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_finding {
    /// sizeof(cyrsync_finding) of the library: it may be larger than the program's.
    pub size: usize,
    /// What was found.
    pub found: cyrsync_found,
    /// Where it was found: "UID 7 of user.fred".
    pub subject: cyrsync_str,
    /// The field that differs, as it is called on the wire: "FLAGS". "MAILBOX" and "RECORD" stand
    /// for a mailbox or message that only one side has, "FILE" for a message file.
    pub field: cyrsync_str,
    /// The master's value; data is NULL if it has none.
    pub master: cyrsync_str,
    /// The replica's value; data is NULL if it has none.
    pub replica: cyrsync_str,
    /// The line that sync_client --verify prints for it.
    pub line: cyrsync_str,
    /// All of it as a JSON object.
    pub json: cyrsync_str,
}

lent!(cyrsync_finding);

const NOTHING: cyrsync_str = cyrsync_str { data: ptr::null(), len: 0 };

/// Hands what a verification found to `tell`. The end is no finding.
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
