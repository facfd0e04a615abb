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
    /// A mailbox is read in order to send it.
    #[non_exhaustive]
    Sending {
        /// Its name.
        mailbox: MboxName,
        /// The difference that requires this.
        why: Difference,
    },
    /// Only a part of a mailbox is sent.
    #[non_exhaustive]
    Partial {
        /// Its name.
        mailbox: MboxName,
        /// The last UIDs: the replica's, the one after this part, and the master's.
        uids: [Uid; 3],
        /// The highest modseqs: the replica's, the one after this part, and the master's.
        modseqs: [Modseq; 3],
    },
    /// The replica has confirmed an update of a mailbox.
    #[non_exhaustive]
    Confirmed {
        /// Its name.
        mailbox: MboxName,
        /// Number of messages sent for it.
        messages: u64,
        /// Bytes of these messages.
        bytes: u64,
        /// Whether the mailbox is now complete on the replica.
        whole: bool,
    },
    /// The replica already had a part of the data: its mailboxes are equal, or lack only newer
    /// messages.
    #[non_exhaustive]
    AlreadyThere {
        /// Number of mailboxes that are equal.
        mailboxes: u64,
        /// Number of messages that the replica has in these and other mailboxes, as far as a quick
        /// comparison shows.
        messages: u64,
    },
    /// Mailboxes were renamed on the replica. Everything is compared again.
    Renamed,
    /// After renames, the names on both sides still differ.
    #[non_exhaustive]
    Unsettled {
        /// The user; `None` if mailboxes were given by name.
        user: Option<UserId>,
        /// Number of tries.
        tries: u32,
    },
    /// The replication of a user failed as a whole.
    #[non_exhaustive]
    UserFailed {
        /// The userid.
        user: UserId,
        /// The error.
        error: Error,
        /// The replica.
        #[serde(flatten)]
        replica: ReplicaName,
    },
    /// The replication of a part of a user, or of one mailbox, failed.
    #[non_exhaustive]
    PartFailed {
        /// The mailbox or the other part.
        subject: Subject,
        /// The error.
        error: Error,
    },
    /// The user whose metadata is to be replicated does not exist here.
    #[non_exhaustive]
    UnknownUser {
        /// The userid.
        user: UserId,
    },
    /// The mailbox does not exist here, and there is no record that it was deleted.
    #[non_exhaustive]
    UnknownMailbox {
        /// The name.
        mailbox: MboxName,
        /// The name as an administrator sees it.
        external: Text,
    },
    /// The log says that a mailbox was deleted, but there is no record of that here. The replica's
    /// mailbox is kept.
    #[non_exhaustive]
    NoTombstone {
        /// The name.
        mailbox: MboxName,
    },
    /// A user who is to be deleted on the replica still exists here.
    #[non_exhaustive]
    UserNotGone {
        /// The userid.
        user: UserId,
    },
    /// The replica has a mailbox that was deleted here without a tombstone.
    #[non_exhaustive]
    Stray {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica has two mailboxes with the same uniqueid.
    #[non_exhaustive]
    Double {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// The replica had created a mailbox automatically. It is deleted.
    #[non_exhaustive]
    FillIn {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica refused to delete a mailbox.
    #[non_exhaustive]
    DeleteFailed {
        /// Its name.
        mailbox: MboxName,
        /// The replica's reply.
        error: Error,
    },
    /// The replica refused to rename a mailbox.
    #[non_exhaustive]
    RenameFailed {
        /// The current name on the replica.
        from: MboxName,
        /// The intended name.
        to: MboxName,
    },
    /// The replica could not report which messages it has. All messages are sent.
    #[non_exhaustive]
    SendingAllMessages {
        /// The replica's reply.
        error: Error,
    },
    /// A new INBOX is created without its messages, because they cannot be sent.
    #[non_exhaustive]
    InboxWithoutMessages {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica may not know about expunged records that the master has removed.
    #[non_exhaustive]
    Forgotten {
        /// Its name.
        mailbox: MboxName,
        /// Expunged records below this modseq were removed.
        deletedmodseq: Modseq,
        /// The replica's highest modseq.
        highestmodseq: Modseq,
    },
    /// The replica ended with other contents. The mailbox is sent again with newly computed CRCs.
    #[non_exhaustive]
    ChecksumDiffers {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica ended with other contents again. All records are compared.
    #[non_exhaustive]
    ChecksumDiffersAgain {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica accepted an update that it could not check, and has other records. The mailbox
    /// is tried again.
    #[non_exhaustive]
    UncheckedDiffers {
        /// Its name.
        mailbox: MboxName,
    },
    /// A mailbox changed while both sides were compared. It is compared again.
    #[non_exhaustive]
    ComparingAgain {
        /// Its name.
        mailbox: MboxName,
        /// The error that shows the change.
        error: Error,
    },
    /// The master's index stored CRCs that did not match its records. The master's own Cyrus has
    /// corrected them.
    #[non_exhaustive]
    CrcsMended {
        /// The mailbox.
        mailbox: MboxName,
        /// The CRCs that were stored.
        stored: SyncCrcs,
        /// The CRCs computed from the records.
        computed: SyncCrcs,
    },
    /// Wrong CRCs on the master could not be corrected. The replica has the right data
    /// nevertheless.
    #[non_exhaustive]
    CrcsStay {
        /// The mailbox.
        mailbox: MboxName,
        /// Why not.
        error: Error,
    },
    /// A repair could not change the master.
    #[non_exhaustive]
    MasterFailed {
        /// The mailbox.
        mailbox: MboxName,
        /// The reason.
        error: Error,
    },
    /// The master's own Cyrus did not move a user's Sieve scripts to a mailbox. They are sent from
    /// the directory.
    #[non_exhaustive]
    ScriptsStay {
        /// The userid.
        user: UserId,
        /// The reason.
        error: Error,
    },
    /// Messages of a mailbox are damaged.
    #[non_exhaustive]
    Damaged {
        /// Its name.
        mailbox: MboxName,
        /// The damaged messages and their damage.
        error: Error,
    },
    /// One message is damaged.
    #[non_exhaustive]
    MessageDamaged {
        /// The message and its damage.
        error: Error,
    },
    /// Not all messages of a mailbox could be checked.
    #[non_exhaustive]
    NotChecked {
        /// Its name.
        mailbox: MboxName,
        /// The reason.
        error: Error,
    },
    /// The search of a mailbox for more damage failed.
    #[non_exhaustive]
    NotSearched {
        /// Its name.
        mailbox: MboxName,
        /// The reason.
        error: Error,
    },
}

impl SyncEvent {
    /// The error that it is about, if it is about one.
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
