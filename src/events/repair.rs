//! What is found in mailboxes that both sides were written to.

use serde::Serialize;

use crate::types::{Guid, MboxName, Modseq, Text, Time, Uid};

/// One of both servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This one.
    Master,
    /// The other one.
    Replica,
}

/// A value of a mailbox that a repair may raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Raised {
    /// UIDVALIDITY.
    UidValidity,
    /// The highest modseq of its records.
    HighestModseq,
    /// The last UID that was given.
    LastUid,
    /// The modseq of its entry.
    FolderModseq,
}

/// What becomes of a message that only one side has, or that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// Only the master has it, with a UID that the replica is past: it gets another UID.
    OnlyOnMaster,
    /// Only the replica has it: it is copied back.
    OnlyOnReplica,
    /// Only the replica has it, because it was expunged on the master long ago.
    OnlyOnReplicaStale,
    /// It was expunged on the master: it is expunged on the replica.
    ExpungedOnMaster,
    /// It was expunged on the replica: it is expunged on the master.
    ExpungedOnReplica,
    /// It was expunged on the master long ago: it is expunged on the replica.
    ExpungedLongAgo,
    /// An earlier run has copied it back: it is expunged on the replica.
    CameBack,
    /// It differs, and the master's stays.
    MasterStays,
    /// It is copied from the replica to the master.
    CopiedBack {
        /// The UID it gets, if that is another one.
        to: Option<Uid>,
    },
    /// It gets another UID on both sides.
    Renumbered {
        /// The UID it gets.
        to: Uid,
    },
}

/// What one side has of a message that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordSeen {
    /// Whose it is.
    pub side: Side,
    /// Its UID.
    pub uid: Uid,
    /// Its modseq.
    pub modseq: Modseq,
    /// When it was last changed.
    pub last_updated: Time,
    /// When it was delivered.
    pub internaldate: Time,
    /// Its flags, in Cyrus's order.
    pub flags: Vec<Text>,
    /// Its conversation, in hexadecimal digits.
    pub cid: String,
}

/// Something that a full comparison of a mailbox found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RepairEvent {
    /// Both sides have another message with the same UID.
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
    /// A message was changed on the replica later than here; what both have follows.
    NewerOnReplica {
        /// The mailbox.
        mailbox: MboxName,
    },
    /// What one side has of that message.
    Record {
        /// The mailbox.
        mailbox: MboxName,
        /// What it has.
        record: RecordSeen,
    },
    /// A message gets a higher modseq, so that an update carries it.
    BumpingModseq {
        /// The mailbox.
        mailbox: MboxName,
        /// The message's UID.
        uid: Uid,
    },
    /// What becomes of a message.
    Message {
        /// The mailbox.
        mailbox: MboxName,
        /// Its UID.
        uid: Uid,
        /// Its GUID.
        guid: Guid,
        /// What becomes of it.
        #[serde(flatten)]
        fate: Fate,
    },
    /// The annotations of the mailbox differ, and those of one side stay.
    Annotations {
        /// The mailbox.
        mailbox: MboxName,
        /// Whose stay.
        stay: Side,
    },
    /// A value of the mailbox is higher on the replica, and is raised here.
    Raised {
        /// The mailbox.
        mailbox: MboxName,
        /// Which value.
        value: Raised,
        /// What it was on the master.
        old: u64,
        /// What it becomes.
        new: u64,
    },
}

impl RepairEvent {
    /// The mailbox that it is about.
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
