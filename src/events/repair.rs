//! Events about the repair of mailboxes that were changed on both sides.

use serde::Serialize;

use crate::types::{Guid, MboxName, Modseq, Text, Time, Uid};

/// One of the two servers of a replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The server that runs this client.
    Master,
    /// The server to which this client replicates.
    Replica,
}

/// A value of a mailbox that a repair may raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RaisedValue {
    /// UIDVALIDITY.
    UidValidity,
    /// The highest modseq of the mailbox.
    HighestModseq,
    /// The highest UID that was assigned.
    LastUid,
    /// The modseq of the mailbox's entry in mailboxes.db (`foldermodseq`).
    FolderModseq,
}

/// What a repair does with a message that differs or exists on one side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RepairAction {
    /// Only the master has the message, and the replica has already assigned higher UIDs. The
    /// message gets another UID.
    OnlyOnMaster,
    /// Only the replica has the message. It is copied back to the master.
    OnlyOnReplica,
    /// Only the replica has the message, because the master expunged it long ago.
    OnlyOnReplicaStale,
    /// The master has expunged the message. It will be expunged on the replica.
    ExpungedOnMaster,
    /// The replica has expunged the message. It will be expunged on the master.
    ExpungedOnReplica,
    /// The master expunged the message long ago. It will be expunged on the replica.
    ExpungedLongAgo,
    /// An earlier run has already copied the message back. The replica's old copy will be expunged.
    CameBack,
    /// The message differs, and the master's version is kept.
    MasterStays,
    /// The message is copied from the replica to the master.
    #[non_exhaustive]
    CopiedBack {
        /// The new UID of the message; `None` if the UID stays the same.
        to: Option<Uid>,
    },
    /// The message gets another UID on both sides.
    #[non_exhaustive]
    Renumbered {
        /// The new UID of the message.
        to: Uid,
    },
}

/// A message that differs, as it is on one of the sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordSeen {
    /// The side that has this version.
    pub side: Side,
    /// The UID of the message.
    pub uid: Uid,
    /// The modseq of the message.
    pub modseq: Modseq,
    /// Time of the last change of the message's record.
    pub last_updated: Time,
    /// Time at which the message arrived (INTERNALDATE).
    pub internaldate: Time,
    /// The flags of the message, in Cyrus's order.
    pub flags: Vec<Text>,
    /// The conversation id, in hexadecimal digits.
    pub cid: String,
}

/// A finding of a comparison of all records of a mailbox, or how a repair treats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RepairEvent {
    /// The two sides have different messages with the same UID.
    #[non_exhaustive]
    GuidMismatch {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The UID of both messages.
        uid: Uid,
        /// The GUID of the replica's message.
        replica: Guid,
        /// The GUID of the master's message.
        master: Guid,
    },
    /// The replica's version of a message is newer than the master's. Two events with the versions
    /// follow.
    #[non_exhaustive]
    NewerOnReplica {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// The version of a message on one side, after [`RepairEvent::NewerOnReplica`].
    #[non_exhaustive]
    Record {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The version of the message.
        record: RecordSeen,
    },
    /// The modseq of a message is raised so that the next update includes it.
    #[non_exhaustive]
    BumpingModseq {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The UID of the message.
        uid: Uid,
    },
    /// A repair treats a message in the given way.
    #[non_exhaustive]
    Message {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The UID of the message.
        uid: Uid,
        /// The GUID of the message.
        guid: Guid,
        /// The way in which the message is treated.
        #[serde(flatten)]
        action: RepairAction,
    },
    /// The annotations of the mailbox differ. Those of one side are kept.
    #[non_exhaustive]
    Annotations {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The side whose annotations are kept.
        stay: Side,
    },
    /// A value of the mailbox is higher on the replica and is raised on the master.
    #[non_exhaustive]
    ValueRaised {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// The kind of the value.
        value: RaisedValue,
        /// The old value on the master.
        old: u64,
        /// The new value on the master.
        new: u64,
    },
}

impl RepairEvent {
    /// Returns the name of the mailbox that the event is about.
    pub fn mailbox(&self) -> &MboxName {
        match self {
            RepairEvent::GuidMismatch { mailbox, .. }
            | RepairEvent::NewerOnReplica { mailbox }
            | RepairEvent::Record { mailbox, .. }
            | RepairEvent::BumpingModseq { mailbox, .. }
            | RepairEvent::Message { mailbox, .. }
            | RepairEvent::Annotations { mailbox, .. }
            | RepairEvent::ValueRaised { mailbox, .. } => mailbox,
        }
    }
}
