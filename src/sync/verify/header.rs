//! Compares the headers of a mailbox: all fields in the table of [`crate::types::header`].
//!
//! Differences that replication accepts are not reported: fields that the replica's version does
//! not report, and modseqs of conversations and reverse ACLs that are higher on the replica.

use super::part::{Part, text, value};
use crate::protocol::RemoteFolder;
use crate::sync::pass::Pass;
use crate::sync::survey::compare::{self as survey, Known, differ};
use crate::types::header::{Compared, FIELDS, Field, Shape, Value};
use crate::types::{MailboxEntry, MailboxHeader, MailboxState};

/// Compares all header fields except the CRCs, which are compared after the records.
pub(super) fn compare(pass: &Pass<'_>, here: &MailboxState, there: &RemoteFolder, part: &mut Part) {
    let mut here = here.header.clone();
    here.partition = pass.partition(&here.partition);
    for field in FIELDS.iter().filter(|field| field.shape != Shape::Crcs) {
        if differs(field, &here, there, Known::of(pass)) {
            let newer = is_newer(field, &here, there);
            part.differs(field.key, shown(field.get(&here)), shown(field.get(there)), newer);
        }
    }
}

fn differs(field: &Field, here: &MailboxHeader, there: &MailboxHeader, known: Known) -> bool {
    let (ours, theirs) = (field.get(here), field.get(there));
    match field.compared {
        // The replica reports no value if its version does not have the field, or for an
        // intermediate.
        Compared::Never if !theirs.is_set() => ours.is_set() && field.key == "QUOTAROOT",
        Compared::Never => ours != theirs,
        Compared::InFull => {
            let knows = there.minor_version != 0 && there.xconvmodseq.is_some();
            knows && ours != theirs
        }
        _ => differ(field, here, there, known),
    }
}

/// Returns whether the master may have changed a field after its last replication.
fn is_newer(field: &Field, here: &MailboxHeader, there: &MailboxHeader) -> bool {
    match field.shape {
        Shape::Number32 | Shape::Number64 | Shape::Time => {
            field.get(here).number() > field.get(there).number()
        }
        // Nothing shows when these fields were changed, so the change may be recent.
        Shape::Options => true,
        _ if ["QUOTAROOT", "USERGROUPS"].contains(&field.key) => true,
        _ => here.foldermodseq > there.foldermodseq,
    }
}

/// Compares a name that is an intermediate on one or both sides.
pub(super) fn intermediate(here: &MailboxEntry, there: &RemoteFolder, part: &mut Part) {
    let newer = here.foldermodseq > there.foldermodseq.unwrap_or(0);
    for (key, ours, theirs) in survey::intermediate(here, there) {
        part.differs(key, Some(ours), Some(theirs), newer);
    }
}

fn shown(found: Value<'_>) -> Option<String> {
    match found {
        Value::Absent => None,
        Value::Text(bytes) => text(bytes),
        other => match other.to_string() {
            empty if empty.is_empty() => value("none"),
            shown => Some(shown),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{MboxType, Options, SyncCrcs};

    const KNOWN: Known = Known { reverse_acls: true, usergroups: false };

    fn full(more: u32) -> MailboxHeader {
        let mut header = MailboxHeader::default();
        for (number, field) in (1_u32..).zip(FIELDS) {
            let number = number + more;
            let text = number.to_string();
            let value = match field.shape {
                Shape::Text => Value::Text(text.as_bytes()),
                Shape::Type if more == 0 => Value::Type(MboxType(MboxType::CALENDAR)),
                Shape::Type => Value::Type(MboxType(MboxType::EMAIL)),
                Shape::Options if more == 0 => Value::Options(Options(Options::IMAP_SHAREDSEEN)),
                Shape::Options => Value::Options(Options(Options::POP3_NEW_UIDL)),
                Shape::Number32 | Shape::Number64 => Value::Number(number.into()),
                Shape::Time => Value::Time(number.into()),
                Shape::Crcs => Value::Crcs(SyncCrcs::computed(number, number)),
            };
            field.set(&mut header, value);
        }
        header
    }

    #[test]
    fn every_field_of_the_table_is_compared() {
        let (here, there) = (full(100), full(0));
        for field in FIELDS.iter().filter(|field| field.shape != Shape::Crcs) {
            let mut one = there.clone();
            field.set(&mut one, field.get(&here));
            let at_creation = field.compared == Compared::AtCreation;
            assert_eq!(differs(field, &one, &there, KNOWN), !at_creation, "{}", field.key);
            let others = FIELDS.iter().filter(|other| other.key != field.key);
            for other in others.filter(|other| other.shape != Shape::Crcs) {
                assert!(!differs(other, &one, &there, KNOWN), "{} by {}", other.key, field.key);
            }
        }
    }

    #[test]
    fn fields_that_replication_ignores_are_no_difference() {
        let (here, there) = (full(0), full(100));
        let higher_there = ["XCONVMODSEQ", "RACLMODSEQ"];
        let unreported = [
            "FOLDERMODSEQ",
            "CREATEDMODSEQ",
            "RACLMODSEQ",
            "JMAPID",
            "COMPACT_EMAILIDS",
            "USERGROUPS",
        ];
        for field in FIELDS {
            if higher_there.contains(&field.key) {
                assert!(!differs(field, &here, &there, KNOWN), "{}", field.key);
            }
            if unreported.contains(&field.key) {
                assert!(!differs(field, &here, &MailboxHeader::default(), KNOWN), "{}", field.key);
            }
        }
    }

    #[test]
    fn a_field_is_newer_here_only_if_the_master_went_on() {
        let (low, high) = (full(0), full(100));
        for field in FIELDS.iter().filter(|field| field.shape != Shape::Crcs) {
            let always = ["OPTIONS", "QUOTAROOT", "USERGROUPS"].contains(&field.key);
            assert!(is_newer(field, &high, &low), "{}", field.key);
            assert_eq!(is_newer(field, &low, &high), always, "{}", field.key);
            assert_eq!(is_newer(field, &low, &low), always, "{}", field.key);
        }
    }
}
