//! The log lines of events about the replication of users and mailboxes.

use super::output::Line;
use super::phrase::Phrased;
use crate::error::BriefError;
use crate::events::sync::SyncEvent;
use crate::types::{Level, ReplicaName};

/// Returns the log line of an event.
pub(super) fn line(event: &SyncEvent) -> Line {
    Line::log(level(event), text(event))
}

fn level(event: &SyncEvent) -> Level {
    match event {
        SyncEvent::PartFailed { error, .. } if error.kind().is_locked() => Level::Info,
        SyncEvent::Unsettled { .. }
        | SyncEvent::UserFailed { .. }
        | SyncEvent::PartFailed { .. }
        | SyncEvent::DeleteFailed { .. }
        | SyncEvent::RenameFailed { .. }
        | SyncEvent::ChecksumDiffersAgain { .. }
        | SyncEvent::MasterFailed { .. }
        | SyncEvent::Damaged { .. } => Level::Error,
        SyncEvent::UserNotGone { .. }
        | SyncEvent::NoTombstone { .. }
        | SyncEvent::Stray { .. }
        | SyncEvent::Double { .. }
        | SyncEvent::FillIn { .. }
        | SyncEvent::SendingAllMessages { .. }
        | SyncEvent::InboxWithoutMessages { .. }
        | SyncEvent::Forgotten { .. }
        | SyncEvent::ChecksumDiffers { .. }
        | SyncEvent::UncheckedDiffers { .. }
        | SyncEvent::ComparingAgain { .. }
        | SyncEvent::CrcsMended { .. }
        | SyncEvent::CrcsStay { .. }
        | SyncEvent::ScriptsStay { .. } => Level::Notice,
        SyncEvent::Sending { .. }
        | SyncEvent::Partial { .. }
        | SyncEvent::Confirmed { .. }
        | SyncEvent::AlreadyThere { .. }
        | SyncEvent::Renamed
        | SyncEvent::UnknownUser { .. }
        | SyncEvent::UnknownMailbox { .. }
        | SyncEvent::MessageDamaged { .. }
        | SyncEvent::NotChecked { .. }
        | SyncEvent::NotSearched { .. } => Level::Debug,
    }
}

fn text(event: &SyncEvent) -> String {
    match event {
        SyncEvent::Sending { mailbox, why } => format!("{mailbox}: {why}"),
        SyncEvent::Partial { mailbox, uids, modseqs } => format!(
            "doing partial sync: {mailbox} ({}/{}/{}) ({}/{}/{})",
            uids[0], uids[1], uids[2], modseqs[0], modseqs[1], modseqs[2]
        ),
        SyncEvent::Confirmed { mailbox, messages, bytes, .. } => {
            format!(
                "{mailbox}: update confirmed by the replica, with {messages} messages of {bytes} \
                 bytes"
            )
        }
        SyncEvent::AlreadyThere { mailboxes, messages } => {
            format!("{mailboxes} mailboxes and {messages} messages are on the replica already")
        }
        SyncEvent::Renamed => "did some renames, so retrying".to_owned(),
        SyncEvent::Unsettled { user: Some(user), tries } => {
            format!("failed to sync user {user} after {tries} tries")
        }
        SyncEvent::Unsettled { user: None, tries } => {
            format!("failed to settle renames after {tries} tries!")
        }
        SyncEvent::UserFailed { user, error, replica: ReplicaName { server, channel } } => {
            let channel = channel.as_deref().unwrap_or("(null)");
            format!(
                "IOERROR: user replication failed: error=<{}> userid=<{user}> \
                 channel=<{channel}> servername=<{server}> func=<do_user_main>",
                Phrased(error)
            )
        }
        SyncEvent::PartFailed { subject, error } if subject.mailbox().is_some() => {
            format!("SYNCERROR: do_folders(): update failed: {subject} '{}'", Phrased(error))
        }
        SyncEvent::PartFailed { subject, error } => {
            format!("SYNCERROR: update failed: {subject} '{}'", BriefError(error))
        }
        SyncEvent::NoTombstone { mailbox } => {
            format!("SYNCNOTICE: attempt to UNMAILBOX without a tombstone: mailbox=<{mailbox}>")
        }
        SyncEvent::UnknownUser { user } => {
            format!("{user}: there is no such user on this server")
        }
        SyncEvent::UnknownMailbox { external, .. } => {
            format!("{external}: there is no such mailbox on this server")
        }
        SyncEvent::UserNotGone { user } => {
            format!(
                "SYNCNOTICE: user still exists, not deleting it on the replica: userid=<{user}>"
            )
        }
        SyncEvent::Stray { mailbox } => {
            format!("SYNCNOTICE: no tombstone for deleted mailbox {mailbox}, left on the replica")
        }
        SyncEvent::Double { mailbox } => format!(
            "SYNCNOTICE: another mailbox of the replica has the same uniqueid as {mailbox}, left \
             on the replica"
        ),
        SyncEvent::FillIn { mailbox } => {
            format!("SYNCNOTICE: mailbox {mailbox} was created by the replica itself, deleting it")
        }
        SyncEvent::DeleteFailed { mailbox, error } => {
            format!("SYNCERROR: sync_do_folder_delete(): failed: {mailbox} '{}'", Phrased(error))
        }
        SyncEvent::RenameFailed { from, to } => {
            format!("SYNCERROR: do_folders(): failed to rename: {from} -> {to}")
        }
        SyncEvent::SendingAllMessages { error } => format!(
            "the replica cannot report which messages it has, sending all messages: {error}"
        ),
        SyncEvent::InboxWithoutMessages { mailbox } => {
            format!("{mailbox}: creating it without its messages")
        }
        SyncEvent::Forgotten { mailbox, deletedmodseq, highestmodseq } => {
            format!("inefficient replication ({deletedmodseq} > {highestmodseq}) {mailbox}")
        }
        SyncEvent::ChecksumDiffers { mailbox } => format!(
            "SYNC_NOTICE: CRC failure on sync {mailbox}, recalculating counts and trying again"
        ),
        SyncEvent::ChecksumDiffersAgain { mailbox } => {
            format!("CRC failure on sync for {mailbox}, trying full update")
        }
        SyncEvent::UncheckedDiffers { mailbox } => format!(
            "SYNC_NOTICE: the replica accepted an update of {mailbox} without a check, but its \
             records differ; trying again"
        ),
        SyncEvent::ComparingAgain { mailbox, error } => {
            format!("{mailbox} changed during the comparison, comparing again: {error}")
        }
        SyncEvent::CrcsMended { mailbox, stored, computed } => format!(
            "SYNCNOTICE: wrong CRCs corrected: mailbox=<{mailbox}> stored=<{stored}> \
             computed=<{computed}>"
        ),
        SyncEvent::CrcsStay { mailbox, error } => format!(
            "SYNCNOTICE: cyrus.index has wrong CRCs: mailbox=<{mailbox}> error=<{error}>; run \
             reconstruct on the mailbox"
        ),
        SyncEvent::MasterFailed { mailbox, error } => {
            format!("SYNCNOTICE: failed to prepare update: mailbox=<{mailbox}> error=<{error}>")
        }
        SyncEvent::ScriptsStay { user, error } => format!(
            "{user}: the sieve scripts stay in their directory and are sent from there: {error}"
        ),
        SyncEvent::Damaged { mailbox, error } => {
            format!("SYNCERROR: damaged messages: {mailbox} '{error}'")
        }
        SyncEvent::MessageDamaged { error } => format!("damaged message: {error}"),
        SyncEvent::NotChecked { mailbox, error } => format!("{mailbox} not checked: {error}"),
        SyncEvent::NotSearched { mailbox, error } => format!("{mailbox} not searched: {error}"),
    }
}
