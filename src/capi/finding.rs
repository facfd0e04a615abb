//! Passes the findings of a verification to C.

use std::ptr;

use super::sized::lent;
use super::strings::cyrsync_str;
use crate::events::{Event, Finding, VerifyEvent, json, line};

/// The kind of a finding of a verification.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_finding_kind {
    /// A field has different values on master and replica.
    CYRSYNC_FINDING_DIFFERENT = 1,
    /// A field differs, because the master's last change of it is not replicated yet.
    CYRSYNC_FINDING_PENDING = 2,
    /// More fields of this mailbox or user differ than are reported one by one. The member line has
    /// their number.
    CYRSYNC_FINDING_MORE = 3,
    /// A mailbox is equal on both sides.
    CYRSYNC_FINDING_EQUAL = 4,
    /// An object could not be compared. The member line has the reason.
    CYRSYNC_FINDING_UNKNOWN = 5,
}

use cyrsync_finding_kind::*;

/// One finding of a verification. All strings in it are borrowed: they are valid only during the
/// callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_finding {
    /// The size of the structure in the library, which may differ from sizeof(cyrsync_finding) in
    /// the program. Do not read members beyond it.
    pub size: usize,
    /// The kind of the finding.
    pub kind: cyrsync_finding_kind,
    /// The object that was compared, as text: "UID 7 of user.fred".
    pub subject: cyrsync_str,
    /// The name in the protocol of the field that differs, such as "FLAGS". "MAILBOX" means that
    /// only one side has the mailbox. "RECORD" means that only one side has the message. "FILE"
    /// means that the message files differ. Empty if the finding is not about one field.
    pub field: cyrsync_str,
    /// The value on the master; its data is NULL if the master has no value.
    pub master: cyrsync_str,
    /// The value on the replica; its data is NULL if the replica has no value.
    pub replica: cyrsync_str,
    /// The line that sync_client --verify prints for the finding.
    pub line: cyrsync_str,
    /// The whole finding as a JSON object, in UTF-8.
    pub json: cyrsync_str,
}

lent!(cyrsync_finding);

const NOTHING: cyrsync_str = cyrsync_str { data: ptr::null(), len: 0 };

/// Calls `tell` with the finding of a verification event. Does nothing for a summary, which is not
/// a finding.
pub(super) fn with_finding(event: &VerifyEvent, tell: &mut dyn FnMut(&cyrsync_finding)) {
    let (kind, subject, finding) = match event {
        VerifyEvent::Difference(finding) if finding.pending => {
            (CYRSYNC_FINDING_PENDING, finding.subject.to_string(), Some(finding))
        }
        VerifyEvent::Difference(finding) => {
            (CYRSYNC_FINDING_DIFFERENT, finding.subject.to_string(), Some(finding))
        }
        VerifyEvent::More { subject, .. } => (CYRSYNC_FINDING_MORE, subject.to_string(), None),
        VerifyEvent::Equal { mailbox, .. } => (CYRSYNC_FINDING_EQUAL, mailbox.to_string(), None),
        VerifyEvent::Unknown { subject, .. } => {
            (CYRSYNC_FINDING_UNKNOWN, subject.to_string(), None)
        }
        VerifyEvent::Summary { .. } => return,
    };
    let lend = |text: &Option<String>| {
        text.as_ref().map_or(NOTHING, |text| cyrsync_str::lend(text.as_bytes()))
    };
    let part = |get: fn(&Finding) -> &Option<String>| {
        finding.map_or(NOTHING, |finding| lend(get(finding)))
    };
    let whole = Event::Verify(event.clone());
    let (line, object) = (line(&whole).map(|line| line.text), json(&whole));
    tell(&cyrsync_finding {
        size: size_of::<cyrsync_finding>(),
        kind,
        subject: cyrsync_str::lend(subject.as_bytes()),
        field: finding.map_or(NOTHING, |finding| cyrsync_str::lend(finding.field.as_bytes())),
        master: part(|finding| &finding.master),
        replica: part(|finding| &finding.replica),
        line: lend(&line),
        json: cyrsync_str::lend(object.as_bytes()),
    });
}
