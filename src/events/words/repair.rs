//! The lines for mailboxes that were changed on both sides (`log_mismatch`, `log_record` and
//! `mailbox_full_update` in Cyrus's `imap/sync_support.c`).

use super::line::Line;
use crate::events::repair::{Fate, Raised, RecordSeen, RepairEvent, Side};
use crate::types::Level;

/// Returns the line of an event.
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
        RepairEvent::Message { mailbox, uid, guid, fate: becomes } => {
            let (level, what) = fate(*becomes);
            (level, format!("{what}: mailbox=<{mailbox}> uid=<{uid}> guid=<{guid}>"))
        }
        RepairEvent::Annotations { mailbox, stay } => {
            let stay = side(*stay);
            (Level::Info, format!("annotations differ, the {stay}'s stay: mailbox=<{mailbox}>"))
        }
        RepairEvent::Raised { mailbox, value, old, new } => {
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

fn raised(value: Raised) -> &'static str {
    match value {
        Raised::UidValidity => "uidvalidity",
        Raised::HighestModseq => "highestmodseq",
        Raised::LastUid => "last_uid",
        Raised::FolderModseq => "foldermodseq",
    }
}

fn fate(fate: Fate) -> (Level, String) {
    let (level, what) = match fate {
        Fate::OnlyOnMaster => (Level::Error, "SYNCNOTICE: record only exists on master"),
        Fate::OnlyOnReplica => (Level::Error, "SYNCNOTICE: record only exists on replica"),
        Fate::OnlyOnReplicaStale => (Level::Notice, "SYNCNOTICE: record only exists on replica"),
        Fate::ExpungedOnMaster => (Level::Info, "expunged on the master, expunging on the replica"),
        Fate::ExpungedOnReplica => {
            (Level::Info, "expunged on the replica, expunging on the master")
        }
        Fate::ExpungedLongAgo => {
            (Level::Info, "expunged on the master long ago, expunging on the replica")
        }
        Fate::CameBack => (Level::Info, "copied back by an earlier run, expunging on the replica"),
        Fate::MasterStays => (Level::Info, "record mismatch with replica, the master's stays"),
        Fate::CopiedBack { to: None } => (Level::Info, "copying back from the replica"),
        Fate::CopiedBack { to: Some(to) } => {
            return (Level::Info, format!("copying back from the replica as {to}"));
        }
        Fate::Renumbered { to } => return (Level::Info, format!("renumbering to {to}")),
    };
    (level, what.to_owned())
}
