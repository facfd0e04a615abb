//! Events about mailboxes that were changed on both sides.

use serde::Serialize;

use crate::types::{Guid, MboxName, Modseq, Text, Time, Uid};

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The server that runs this client.
    Master,
    /// The server that it replicates to.
    Replica,
}

/// A value of a mailbox that a repair may raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Raised {
    /// UIDVALIDITY.
    UidValidity,
    /// The highest modseq of the mailbox's records.
    HighestModseq,
    /// The last UID that was assigned.
    LastUid,
    /// The modseq of the mailbox's entry.
    FolderModseq,
}

/// The action for a message that exists on one side only, or differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// Only the master has the message, and the replica has already used higher UIDs. It gets
    /// another UID.
    OnlyOnMaster,
    /// Only the replica has it. It is copied back.
    OnlyOnReplica,
    /// Only the replica has it, because it was expunged on the master long ago.
    OnlyOnReplicaStale,
    /// It was expunged on the master. It will be expunged on the replica.
    ExpungedOnMaster,
    /// It was expunged on the replica. It will be expunged on the master.
    ExpungedOnReplica,
    /// It was expunged on the master long ago. It will be expunged on the replica.
    ExpungedLongAgo,
    /// An earlier run has already copied it back. It will be expunged on the replica.
    CameBack,
    /// It differs, and the master's version is kept.
    MasterStays,
    /// It is copied from the replica to the master.
    #[non_exhaustive]
    CopiedBack {
        /// Its new UID, if that differs from the old one.
        to: Option<Uid>,
    },
    /// It gets another UID on both sides.
    #[non_exhaustive]
    Renumbered {
        /// Its new UID.
        to: Uid,
    },
}

/// One side's version of a message that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordSeen {
    /// The side.
    pub side: Side,
    /// The UID.
    pub uid: Uid,
    /// The modseq.
    pub modseq: Modseq,
    /// Time of the last change.
    pub last_updated: Time,
    /// Time of delivery.
    pub internaldate: Time,
    /// The flags, in Cyrus's order.
    pub flags: Vec<Text>,
    /// The conversation id, in hexadecimal digits.
    pub cid: String,
}

/// A finding of a full comparison of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RepairEvent {
    /// The two sides have different messages with the same UID.
    #[non_exhaustive]
    GuidMismatch {
        /// The mailbox.
        mailbox: MboxName,
        /// The UID.
        uid: Uid,
        /// The replica's message.
        replica: Guid,
        /// The master's message.
        master: Guid,
    },
    /// A message was changed later on the replica than here. Events with both versions follow.
    #[non_exhaustive]
    NewerOnReplica {
        /// The mailbox.
        mailbox: MboxName,
    },
    /// One side's version of that message.
    #[non_exhaustive]
    Record {
        /// The mailbox.
        mailbox: MboxName,
        /// The version.
        record: RecordSeen,
    },
    /// The modseq of a message is raised so that the next update includes it.
    #[non_exhaustive]
    BumpingModseq {
        /// The mailbox.
        mailbox: MboxName,
        /// The message's UID.
        uid: Uid,
    },
    /// The action for a message.
    #[non_exhaustive]
    Message {
        /// The mailbox.
        mailbox: MboxName,
        /// The UID of the message.
        uid: Uid,
        /// The GUID of the message.
        guid: Guid,
        /// The action.
        #[serde(flatten)]
        fate: Fate,
    },
    /// The annotations of the mailbox differ. Those of one side are kept.
    #[non_exhaustive]
    Annotations {
        /// The mailbox.
        mailbox: MboxName,
        /// The side whose annotations are kept.
        stay: Side,
    },
    /// A value of the mailbox is higher on the replica and is raised on the master.
    #[non_exhaustive]
    Raised {
        /// The mailbox.
        mailbox: MboxName,
        /// The kind of value.
        value: Raised,
        /// The old value on the master.
        old: u64,
        /// The new value.
        new: u64,
    },
}

impl RepairEvent {
    /// Returns the mailbox of the event.
    pub fn mailbox(&self) -> &MboxName {
        match self {
            RepairEvent::GuidMismatch { mailbox, .. }
            | RepairEvent::NewerOnReplica { mailbox }
            | RepairEvent::Record { mailbox, .. }
            | RepairEvent::BumpingModseq { mailbox, .. }
            | RepairEvent::Message { mailbox, .. }
            | RepairEvent::Annotations { mailbox, .. }
            | RepairEvent::Raised { mailbox, .. } => mailbox,
        }
    }
}
