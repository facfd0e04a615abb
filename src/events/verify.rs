//! Findings of a verification, which compares both sides completely and changes nothing.

use serde::Serialize;

use crate::error::{Error, Subject};
use crate::types::MboxName;

/// One field in which replica and master differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The object that has the field: a mailbox, a message, a user, a quota root.
    pub subject: Subject,
    /// The name of the field on the wire. `MAILBOX` and `RECORD` mean the mailbox or the message
    /// itself, `FILE` a message file.
    pub field: String,
    /// The master's value; `None` if it has none.
    pub master: Option<String>,
    /// The replica's value; `None` if it has none.
    pub replica: Option<String>,
    /// Whether the difference is a change of the master that has not been replicated yet.
    pub pending: bool,
}

/// The amount of compared data, and the number of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct VerifyTotals {
    /// Users whose data besides mailboxes was compared.
    pub users: u64,
    /// Mailboxes that were compared.
    pub mailboxes: u64,
    /// Records that were compared.
    pub records: u64,
    /// Message files that were read on both sides and compared.
    pub messages: u64,
    /// Fields that differ.
    pub differences: u64,
    /// Fields that differ because they have not been replicated yet.
    pub pending: u64,
    /// Users, mailboxes and other things that could not be compared.
    pub unknown: u64,
}

/// The overall result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Both sides are equal.
    Equal,
    /// Something differs.
    Different,
    /// No difference was found, but something could not be compared or has not been replicated yet.
    Unknown,
}

impl VerifyTotals {
    /// Adds the totals of another part.
    pub fn add(&mut self, other: &VerifyTotals) {
        self.users += other.users;
        self.mailboxes += other.mailboxes;
        self.records += other.records;
        self.messages += other.messages;
        self.differences += other.differences;
        self.pending += other.pending;
        self.unknown += other.unknown;
    }

    /// Returns the overall result.
    pub fn verdict(&self) -> Verdict {
        if self.differences > 0 {
            Verdict::Different
        } else if self.pending > 0 || self.unknown > 0 {
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
    /// A field differs.
    Difference(Finding),
    /// More fields of the same mailbox or user differ, and are not reported one by one.
    #[non_exhaustive]
    More {
        /// The mailbox or user.
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
        /// Number of its records.
        records: u64,
    },
    /// Something could not be compared.
    #[non_exhaustive]
    Unknown {
        /// The object.
        subject: Subject,
        /// The reason.
        error: Error,
    },
    /// The verification has ended.
    #[non_exhaustive]
    Summary {
        /// The amount of compared data, and the number of differences.
        #[serde(flatten)]
        totals: VerifyTotals,
        /// The overall result.
        verdict: Verdict,
    },
}
