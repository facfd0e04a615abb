//! The log lines of repairs. Cyrus writes these lines in `log_mismatch`, `log_record` and
//! `mailbox_full_update` (`imap/sync_support.c`).

use super::output::Line;
use crate::events::repair::{RaisedValue, RecordSeen, RepairAction, RepairEvent, Side};
use crate::types::Level;

/// Returns the log line of an event.
pub(super) fn line(event: &RepairEvent) -> Line {
    let (level, text) = match event {
        RepairEvent::GuidMismatch { mailbox, uid, replica, master } => (
            Level::Error,
            format!(
                "SYNCERROR: guid mismatch: mailbox=<{mailbox}> uid=<{uid}> rguid=<{replica}> \
                 mguid=<{master}>"
            ),
        ),
        RepairEvent::NewerOnReplica { mailbox } => (
            Level::Notice,
            format!("SYNCNOTICE: record mismatch with replica: {mailbox} more recent on replica"),
        ),
        RepairEvent::Record { record, .. } => (Level::Notice, seen(record)),
        RepairEvent::BumpingModseq { mailbox, uid } => (
            Level::Notice,
            format!("SYNCNOTICE: bumping modseq: mailbox=<{mailbox}> record=<{uid}>"),
        ),
        RepairEvent::Message { mailbox, uid, guid, action: becomes } => {
            let (level, what) = action(*becomes);
            (level, format!("{what}: mailbox=<{mailbox}> uid=<{uid}> guid=<{guid}>"))
        }
        RepairEvent::Annotations { mailbox, stay } => {
            let stay = side(*stay);
            (
                Level::Info,
                format!("annotations differ, keeping those of the {stay}: mailbox=<{mailbox}>"),
            )
        }
        RepairEvent::ValueRaised { mailbox, value, old, new } => {
            let what = raised(*value);
            let text = format!(
                "SYNCNOTICE: {what} higher on replica, updating: mailbox=<{mailbox}> \
                 old{what}=<{old}> new{what}=<{new}>"
            );
            (Level::Notice, text)
        }
    };
    Line::log(level, text)
}

fn seen(record: &RecordSeen) -> String {
    let RecordSeen { uid, modseq, last_updated, internaldate, flags, cid, .. } = record;
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    format!(
        "SYNCNOTICE: {} uid:{uid} modseq:{modseq} last_updated:{last_updated} \
         internaldate:{internaldate} flags:({}) cid:{cid}",
        side(record.side),
        flags.join(" ")
    )
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Master => "master",
        Side::Replica => "replica",
    }
}

fn raised(value: RaisedValue) -> &'static str {
    match value {
        RaisedValue::UidValidity => "uidvalidity",
        RaisedValue::HighestModseq => "highestmodseq",
        RaisedValue::LastUid => "last_uid",
        RaisedValue::FolderModseq => "foldermodseq",
    }
}

fn action(action: RepairAction) -> (Level, String) {
    let (level, what) = match action {
        RepairAction::OnlyOnMaster => (Level::Error, "SYNCNOTICE: record only exists on master"),
        RepairAction::OnlyOnReplica => (Level::Error, "SYNCNOTICE: record only exists on replica"),
        RepairAction::OnlyOnReplicaStale => {
            (Level::Notice, "SYNCNOTICE: record only exists on replica")
        }
        RepairAction::ExpungedOnMaster => {
            (Level::Info, "expunged on the master, expunging on the replica")
        }
        RepairAction::ExpungedOnReplica => {
            (Level::Info, "expunged on the replica, expunging on the master")
        }
        RepairAction::ExpungedLongAgo => {
            (Level::Info, "expunged on the master long ago, expunging on the replica")
        }
        RepairAction::CameBack => {
            (Level::Info, "copied back by an earlier run, expunging on the replica")
        }
        RepairAction::MasterStays => {
            (Level::Info, "record mismatch with replica, keeping the master's record")
        }
        RepairAction::CopiedBack { to: None } => (Level::Info, "copying back from the replica"),
        RepairAction::CopiedBack { to: Some(to) } => {
            return (Level::Info, format!("copying back from the replica as UID {to}"));
        }
        RepairAction::Renumbered { to } => {
            return (Level::Info, format!("renumbering to UID {to}"));
        }
    };
    (level, what.to_owned())
}
