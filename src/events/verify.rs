//! Events of a verification, which compares both sides completely and changes nothing.

use serde::Serialize;

use crate::error::{Error, Subject};
use crate::types::MboxName;

/// One field that differs between replica and master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The object with the field: a mailbox, a message, a user or a quota root.
    pub subject: Subject,
    /// The name of the field on the wire. `MAILBOX` or `RECORD` means that the mailbox or the
    /// message itself is missing on one side. `FILE` means the message file.
    pub field: String,
    /// The value on the master; `None` if there is none.
    pub master: Option<String>,
    /// The value on the replica; `None` if there is none.
    pub replica: Option<String>,
    /// Whether the field may differ only because a change of the master has not been replicated
    /// yet.
    pub pending: bool,
}

/// The amount of compared data, and the number of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct VerifyTotals {
    /// Number of users whose data besides mailboxes was compared.
    pub users: u64,
    /// Number of mailboxes that were compared.
    pub mailboxes: u64,
    /// Number of records (one for each message) that were compared.
    pub records: u64,
    /// Number of message files that were read on both sides and compared.
    pub messages: u64,
    /// Number of fields that differ and should not.
    pub differences: u64,
    /// Number of fields that differ because a change has not been replicated yet.
    pub pending: u64,
    /// Number of users, mailboxes and other objects that could not be compared.
    pub unknown: u64,
}

/// The overall result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Master and replica are equal.
    Equal,
    /// At least one field differs.
    Different,
    /// No difference was found, but some object could not be compared or has not been replicated
    /// yet, or nothing was compared.
    Unknown,
}

impl VerifyTotals {
    /// Adds the totals of another part of the verification.
    pub fn add(&mut self, other: &VerifyTotals) {
        self.users += other.users;
        self.mailboxes += other.mailboxes;
        self.records += other.records;
        self.messages += other.messages;
        self.differences += other.differences;
        self.pending += other.pending;
        self.unknown += other.unknown;
    }

    /// Returns whether no user and no mailbox was compared, for example because no name matched.
    pub fn is_nothing(&self) -> bool {
        self.users == 0 && self.mailboxes == 0
    }

    /// Returns the overall result for these totals.
    pub fn verdict(&self) -> Verdict {
        if self.differences > 0 {
            Verdict::Different
        } else if self.pending > 0 || self.unknown > 0 || self.is_nothing() {
            Verdict::Unknown
        } else {
            Verdict::Equal
        }
    }
}

/// An event of a verification.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerifyEvent {
    /// A field differs between master and replica.
    Difference(Finding),
    /// More fields of the same mailbox or user differ. They are only counted, not reported one by
    /// one.
    #[non_exhaustive]
    More {
        /// The mailbox or user with these fields.
        subject: Subject,
        /// Number of further fields that differ.
        differences: u64,
        /// Number of further fields that have not been replicated yet.
        pending: u64,
    },
    /// A mailbox is equal on both sides.
    #[non_exhaustive]
    Equal {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// Number of records of the mailbox.
        records: u64,
    },
    /// An object could not be compared.
    #[non_exhaustive]
    Unknown {
        /// The object that could not be compared.
        subject: Subject,
        /// The reason why it could not be compared.
        error: Error,
    },
    /// The verification has ended.
    #[non_exhaustive]
    Summary {
        /// The amount of compared data, and the number of differences.
        #[serde(flatten)]
        totals: VerifyTotals,
        /// The overall result of the verification.
        verdict: Verdict,
    },
}
