//! What a verification found: both sides compared in full, nothing changed.

use serde::Serialize;

use crate::error::{Error, Subject};
use crate::types::MboxName;

/// One field in which the replica is not like the master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What has the field: a mailbox, a message, a user, a quota root.
    pub subject: Subject,
    /// The field, as it is called on the wire. `MAILBOX` and `RECORD` stand for the mailbox or the
    /// message itself, `FILE` for a message file.
    pub field: String,
    /// The master's value; `None` if it has none.
    pub master: Option<String>,
    /// The replica's value; `None` if it has none.
    pub replica: Option<String>,
    /// Whether the master has changed it and replication has not come to it yet.
    pub pending: bool,
}

/// How much was compared, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct VerifyTotals {
    /// Users whose data beside mailboxes was compared.
    pub users: u64,
    /// Mailboxes that were compared.
    pub mailboxes: u64,
    /// Records that were compared.
    pub records: u64,
    /// Message files that were read on both sides.
    pub messages: u64,
    /// Fields that differ.
    pub differences: u64,
    /// Fields that differ because replication has not come to them yet.
    pub pending: u64,
    /// Users, mailboxes and other things that could not be compared.
    pub unknown: u64,
}

/// What all of it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Both sides are equal.
    Equal,
    /// Something differs.
    Different,
    /// No difference was found, but not everything could be compared, or is replicated yet.
    Unknown,
}

impl VerifyTotals {
    /// Adds what another part came to.
    pub fn add(&mut self, other: &VerifyTotals) {
        self.users += other.users;
        self.mailboxes += other.mailboxes;
        self.records += other.records;
        self.messages += other.messages;
        self.differences += other.differences;
        self.pending += other.pending;
        self.unknown += other.unknown;
    }

    /// What it comes to.
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

/// Something that a verification reports.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerifyEvent {
    /// A field differs.
    Difference(Finding),
    /// More fields of the same mailbox or user differ than are reported one by one.
    More {
        /// The mailbox or user.
        subject: Subject,
        /// How many more differ.
        differences: u64,
        /// How many more are not replicated yet.
        pending: u64,
    },
    /// A mailbox is equal on both sides.
    Equal {
        /// Its name.
        mailbox: MboxName,
        /// How many records it has.
        records: u64,
    },
    /// Something could not be compared.
    Unknown {
        /// What.
        subject: Subject,
        /// Why not.
        error: Error,
    },
    /// The end.
    Summary {
        /// How much was compared, and what was found.
        #[serde(flatten)]
        totals: VerifyTotals,
        /// What it comes to.
        verdict: Verdict,
    },
}
