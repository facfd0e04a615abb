//! What is reported of the replication of users and mailboxes.

use serde::Serialize;

use super::difference::Difference;
use crate::error::{Error, Subject};
use crate::types::{MboxName, Modseq, ReplicaName, Text, Uid, UserId};

/// Something about the replication of a user or mailbox.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SyncEvent {
    /// A mailbox is read to be sent, and why.
    Sending {
        /// Its name.
        mailbox: MboxName,
        /// Why.
        why: Difference,
    },
    /// Only a part of a mailbox is sent.
    Partial {
        /// Its name.
        mailbox: MboxName,
        /// The replica's last UID, that after this part, and the master's.
        uids: [Uid; 3],
        /// The replica's highest modseq, that after this part, and the master's.
        modseqs: [Modseq; 3],
    },
    /// The replica has confirmed an update of a mailbox.
    Confirmed {
        /// Its name.
        mailbox: MboxName,
        /// Messages that were sent for it.
        messages: u64,
        /// Bytes of these messages.
        bytes: u64,
        /// Whether nothing is left to be sent of it.
        whole: bool,
    },
    /// A part of what is looked at was on the replica before: such mailboxes are equal, or lack
    /// only newer messages.
    AlreadyThere {
        /// Mailboxes that are equal.
        mailboxes: u64,
        /// Messages of these and of others that the replica has, as far as a glance shows.
        messages: u64,
    },
    /// Mailboxes were renamed on the replica: all is looked at again.
    Renamed,
    /// Renames did not settle.
    Unsettled {
        /// The user; `None` for mailboxes that were named.
        user: Option<UserId>,
        /// How often it was tried.
        tries: u32,
    },
    /// A user could not be replicated as a whole.
    UserFailed {
        /// The userid.
        user: UserId,
        /// Why.
        error: Error,
        /// To which replica.
        #[serde(flatten)]
        replica: ReplicaName,
    },
    /// A part of a user, or one mailbox, could not be replicated.
    PartFailed {
        /// What: a mailbox, or what else a user has.
        subject: Subject,
        /// Why.
        error: Error,
    },
    /// There is no such user here, whose metadata is to be replicated.
    UnknownUser {
        /// The userid.
        user: UserId,
    },
    /// There is no such mailbox here, and none of this name is known to have been deleted.
    UnknownMailbox {
        /// The name.
        mailbox: MboxName,
        /// The name as an administrator writes it.
        external: Text,
    },
    /// A mailbox is logged as deleted, and nothing here says that it was: the replica keeps its
    /// own.
    NoTombstone {
        /// The name.
        mailbox: MboxName,
    },
    /// A user who is to be deleted on the replica is here.
    UserNotGone {
        /// The userid.
        user: UserId,
    },
    /// The replica has a mailbox that was deleted here without a tombstone.
    Stray {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica has the uniqueid of a mailbox twice.
    Double {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica made a mailbox by itself, which is deleted.
    FillIn {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica refused to delete a mailbox.
    DeleteFailed {
        /// Its name.
        mailbox: MboxName,
        /// Its answer.
        error: Error,
    },
    /// The replica refused to rename a mailbox.
    RenameFailed {
        /// Its name there.
        from: MboxName,
        /// The name it was to get.
        to: MboxName,
    },
    /// The replica could not say which messages it has: all are sent.
    SendingAllMessages {
        /// Its answer.
        error: Error,
    },
    /// A new INBOX is created without its messages, which cannot be sent.
    InboxWithoutMessages {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica may not know of expunged records that are forgotten here.
    Forgotten {
        /// Its name.
        mailbox: MboxName,
        /// What is forgotten is below this modseq.
        deletedmodseq: Modseq,
        /// The replica's highest modseq.
        highestmodseq: Modseq,
    },
    /// The replica ended with other contents: the mailbox is sent again with CRCs computed anew.
    ChecksumDiffers {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica ended with other contents again: all records are compared.
    ChecksumDiffersAgain {
        /// Its name.
        mailbox: MboxName,
    },
    /// The replica took an update that it could not check, and has other records: it is tried
    /// again.
    UncheckedDiffers {
        /// Its name.
        mailbox: MboxName,
    },
    /// A mailbox changed while both sides were compared: it is compared once more.
    ComparingAgain {
        /// Its name.
        mailbox: MboxName,
        /// How it changed.
        error: Error,
    },
    /// A repair could not change the master.
    MasterFailed {
        /// The mailbox.
        mailbox: MboxName,
        /// Why not.
        error: Error,
    },
    /// The master's own Cyrus did not move a user's sieve scripts into a mailbox: they are sent
    /// from the directory.
    ScriptsStay {
        /// The userid.
        user: UserId,
        /// Why not.
        error: Error,
    },
    /// Messages of a mailbox are damaged.
    Damaged {
        /// Its name.
        mailbox: MboxName,
        /// Which and how.
        error: Error,
    },
    /// One message is damaged.
    MessageDamaged {
        /// Which and how.
        error: Error,
    },
    /// The messages of a mailbox could not all be checked.
    NotChecked {
        /// Its name.
        mailbox: MboxName,
        /// Why not.
        error: Error,
    },
    /// A mailbox could not be searched for more damage.
    NotSearched {
        /// Its name.
        mailbox: MboxName,
        /// Why not.
        error: Error,
    },
}
