//! Events about the replication of users and mailboxes.

use serde::Serialize;

use super::difference::Difference;
use crate::error::{Error, Subject};
use crate::types::{MboxName, Modseq, ReplicaName, SyncCrcs, Text, Uid, UserId};

/// An event about the replication of a user or mailbox.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SyncEvent {
    /// The client reads a mailbox in order to send it.
    #[non_exhaustive]
    Sending {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The difference because of which the mailbox is sent.
        why: Difference,
    },
    /// The client sends only a part of a mailbox with this update.
    #[non_exhaustive]
    Partial {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// Three last UIDs: the replica's present one, the one after this update, and the master's.
        uids: [Uid; 3],
        /// Three highest modseqs: the replica's present one, the one after this update, and the
        /// master's.
        modseqs: [Modseq; 3],
    },
    /// The replica has confirmed an update of a mailbox.
    #[non_exhaustive]
    Confirmed {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// Number of messages that were sent for the update.
        messages: u64,
        /// Total size of these messages in bytes.
        bytes: u64,
        /// Whether the replica now has all data of the mailbox.
        whole: bool,
    },
    /// The replica already had some of the data: it has mailboxes that are equal, or that lack only
    /// newer messages.
    #[non_exhaustive]
    AlreadyThere {
        /// Number of mailboxes that are equal on both sides.
        mailboxes: u64,
        /// Number of messages that the replica has, in these and other mailboxes, as far as a quick
        /// comparison shows.
        messages: u64,
    },
    /// The replica has renamed mailboxes. The client compares all mailboxes of the task again.
    Renamed,
    /// Mailboxes have been renamed on the replica, but some names still differ from the master's.
    #[non_exhaustive]
    Unsettled {
        /// The userid; `None` if the task is about mailboxes.
        user: Option<UserId>,
        /// Number of attempts to rename.
        tries: u32,
    },
    /// The replication of a user failed completely.
    #[non_exhaustive]
    UserFailed {
        /// The userid of the user.
        user: UserId,
        /// The reason for the failure.
        error: Error,
        /// The name and channel of the replica.
        #[serde(flatten)]
        replica: ReplicaName,
    },
    /// The replication of a part of a user, or of one mailbox, failed.
    #[non_exhaustive]
    PartFailed {
        /// The mailbox or other part that failed.
        subject: Subject,
        /// The reason for the failure.
        error: Error,
    },
    /// The user whose subscriptions, seen state and scripts are to be replicated does not exist on
    /// the master.
    #[non_exhaustive]
    UnknownUser {
        /// The userid of the user.
        user: UserId,
    },
    /// A requested mailbox does not exist on the master, and there is no tombstone (record of its
    /// deletion).
    #[non_exhaustive]
    UnknownMailbox {
        /// The internal name of the mailbox.
        mailbox: MboxName,
        /// The name of the mailbox as an administrator sees it.
        external: Text,
    },
    /// The sync log says that a mailbox was deleted, but the master has no tombstone (record of the
    /// deletion). The replica's mailbox is kept.
    #[non_exhaustive]
    NoTombstone {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// A user who is to be deleted on the replica still exists on the master.
    #[non_exhaustive]
    UserNotGone {
        /// The userid of the user.
        user: UserId,
    },
    /// The replica has a mailbox that the master does not have. The master has no tombstone (record
    /// of a deletion) either, so the mailbox is kept.
    #[non_exhaustive]
    Stray {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// The replica has two mailboxes with the same uniqueid. The one that the master does not have
    /// is kept.
    #[non_exhaustive]
    Double {
        /// The name of the second mailbox.
        mailbox: MboxName,
    },
    /// The replica created this mailbox by itself, as a parent of another mailbox. The client
    /// deletes it.
    #[non_exhaustive]
    FillIn {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// The replica refused to delete a mailbox.
    #[non_exhaustive]
    DeleteFailed {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The replica's answer NO.
        error: Error,
    },
    /// The replica refused to rename a mailbox.
    #[non_exhaustive]
    RenameFailed {
        /// The current name of the mailbox on the replica.
        from: MboxName,
        /// The name that the mailbox should get.
        to: MboxName,
    },
    /// The replica could not report which messages it already has. The client sends all messages.
    #[non_exhaustive]
    SendingAllMessages {
        /// The replica's answer NO.
        error: Error,
    },
    /// The client creates a new INBOX without its messages, because they cannot be sent.
    #[non_exhaustive]
    InboxWithoutMessages {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// The master has removed expunged records that the replica may still have.
    #[non_exhaustive]
    Forgotten {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The master has removed expunged records below this modseq.
        deletedmodseq: Modseq,
        /// The highest modseq of the mailbox on the replica.
        highestmodseq: Modseq,
    },
    /// After an update the replica has other contents. The client recomputes the CRCs and sends the
    /// mailbox again.
    #[non_exhaustive]
    ChecksumDiffers {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// After a second update the replica still has other contents. The client compares all records.
    #[non_exhaustive]
    ChecksumDiffersAgain {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// The replica accepted an update that it could not check, and now has other records than the
    /// master. The client sends the mailbox again.
    #[non_exhaustive]
    UncheckedDiffers {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// A mailbox changed while the client compared both sides. The client compares it again.
    #[non_exhaustive]
    ComparingAgain {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The error that shows that the mailbox changed.
        error: Error,
    },
    /// The CRCs that the master's cyrus.index stored did not match its records. The master's own
    /// Cyrus has corrected them.
    #[non_exhaustive]
    CrcsMended {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The CRCs that were stored in cyrus.index.
        stored: SyncCrcs,
        /// The CRCs computed from the records.
        computed: SyncCrcs,
    },
    /// Wrong CRCs in the master's cyrus.index could not be corrected. The replica has the right
    /// data nevertheless.
    #[non_exhaustive]
    CrcsStay {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The reason why the CRCs could not be corrected.
        error: Error,
    },
    /// A repair could not write to the master.
    #[non_exhaustive]
    MasterFailed {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The reason for the failure.
        error: Error,
    },
    /// The master's own Cyrus did not move a user's Sieve scripts to a mailbox. The client sends
    /// the scripts from the directory.
    #[non_exhaustive]
    ScriptsStay {
        /// The userid of the user.
        user: UserId,
        /// The reason why the scripts were not moved.
        error: Error,
    },
    /// Some messages of a mailbox are damaged on the master.
    #[non_exhaustive]
    Damaged {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The damaged messages, with the damage of each.
        error: Error,
    },
    /// One message is damaged on the master.
    #[non_exhaustive]
    MessageDamaged {
        /// The message and its damage.
        error: Error,
    },
    /// The client could not check all messages of a mailbox for damage.
    #[non_exhaustive]
    NotChecked {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The reason why messages could not be checked.
        error: Error,
    },
    /// After damage was found, the search for more damage in the same mailbox failed.
    #[non_exhaustive]
    NotSearched {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The reason why the search failed.
        error: Error,
    },
}

impl SyncEvent {
    /// Returns the error that the event reports, if it has one.
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            SyncEvent::UserFailed { error, .. }
            | SyncEvent::PartFailed { error, .. }
            | SyncEvent::DeleteFailed { error, .. }
            | SyncEvent::SendingAllMessages { error, .. }
            | SyncEvent::ComparingAgain { error, .. }
            | SyncEvent::MasterFailed { error, .. }
            | SyncEvent::ScriptsStay { error, .. }
            | SyncEvent::CrcsStay { error, .. }
            | SyncEvent::Damaged { error, .. }
            | SyncEvent::MessageDamaged { error, .. }
            | SyncEvent::NotChecked { error, .. }
            | SyncEvent::NotSearched { error, .. } => Some(error),
            SyncEvent::Sending { .. }
            | SyncEvent::Partial { .. }
            | SyncEvent::Confirmed { .. }
            | SyncEvent::AlreadyThere { .. }
            | SyncEvent::Renamed
            | SyncEvent::Unsettled { .. }
            | SyncEvent::UnknownUser { .. }
            | SyncEvent::UnknownMailbox { .. }
            | SyncEvent::NoTombstone { .. }
            | SyncEvent::UserNotGone { .. }
            | SyncEvent::Stray { .. }
            | SyncEvent::Double { .. }
            | SyncEvent::FillIn { .. }
            | SyncEvent::RenameFailed { .. }
            | SyncEvent::InboxWithoutMessages { .. }
            | SyncEvent::Forgotten { .. }
            | SyncEvent::ChecksumDiffers { .. }
            | SyncEvent::CrcsMended { .. }
            | SyncEvent::ChecksumDiffersAgain { .. }
            | SyncEvent::UncheckedDiffers { .. } => None,
        }
    }
}
