//! The steps of a run. `sync_client -v` prints a line for each.

use serde::Serialize;

use super::repair::RepairEvent;
use crate::error::Subject;
use crate::types::{MboxName, Text, UniqueId, UserId};

/// A step that the client is about to do or, in a plan, would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "command", rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Step {
    /// The client compares a user's data with the replica.
    #[non_exhaustive]
    User {
        /// The userid of the user.
        user: UserId,
    },
    /// The client compares a user's subscriptions, seen state and Sieve scripts with the replica.
    #[non_exhaustive]
    Meta {
        /// The userid of the user.
        user: UserId,
    },
    /// The client compares mailboxes with the replica.
    #[non_exhaustive]
    Mailboxes {
        /// The names of the mailboxes.
        mailboxes: Vec<MboxName>,
    },
    /// The client compares one mailbox again, because an update did not make the replica equal.
    #[serde(rename = "MAILBOXES_AGAIN")]
    #[non_exhaustive]
    MailboxAgain {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// A user has no INBOX on the master, so there is nothing to replicate.
    #[non_exhaustive]
    Absent {
        /// The userid of the user.
        user: UserId,
    },
    /// The client sends a mailbox to the replica.
    #[non_exhaustive]
    Mailbox {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// Whether the replica must not contact the mupdate server (option `-L` of `sync_client`).
        local: bool,
        /// Number of messages that are sent with the mailbox.
        messages: u64,
        /// Total size of these messages in bytes.
        bytes: u64,
    },
    /// A repair writes to a mailbox on the master.
    #[serde(rename = "MASTER_MAILBOX")]
    #[non_exhaustive]
    MasterMailbox {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// The master's own Cyrus moves a user's Sieve scripts from the user's directory to the
    /// `#sieve` mailbox.
    #[serde(rename = "MASTER_SIEVE")]
    #[non_exhaustive]
    MasterScripts {
        /// The userid of the user.
        user: UserId,
    },
    /// The replica deletes a mailbox.
    #[serde(rename = "UNMAILBOX")]
    #[non_exhaustive]
    DeleteMailbox {
        /// The name of the mailbox.
        mailbox: MboxName,
        /// Whether the replica must not contact the mupdate server (option `-L` of `sync_client`).
        local: bool,
    },
    /// The replica renames a mailbox.
    #[non_exhaustive]
    Rename {
        /// The old name of the mailbox on the replica.
        from: MboxName,
        /// The new name of the mailbox.
        to: MboxName,
        /// The new partition of the mailbox.
        partition: Text,
        /// Whether the replica must not contact the mupdate server (option `-L` of `sync_client`).
        local: bool,
    },
    /// The client compares all records of a mailbox with those of the replica.
    #[non_exhaustive]
    FullMailbox {
        /// The name of the mailbox.
        mailbox: MboxName,
    },
    /// A comparison of all records has found a difference.
    #[non_exhaustive]
    Repair {
        /// The difference, and how the repair treats it.
        found: RepairEvent,
    },
    /// The replica deletes a user.
    #[serde(rename = "UNUSER")]
    #[non_exhaustive]
    DeleteUser {
        /// The userid of the user.
        user: UserId,
    },
    /// The replica adds a subscription of a user.
    #[serde(rename = "SUB")]
    #[non_exhaustive]
    Subscribe {
        /// The userid of the user.
        user: UserId,
        /// The mailbox to which the user subscribes.
        mailbox: MboxName,
    },
    /// The replica removes a subscription of a user.
    #[serde(rename = "UNSUB")]
    #[non_exhaustive]
    Unsubscribe {
        /// The userid of the user.
        user: UserId,
        /// The mailbox that is no longer subscribed.
        mailbox: MboxName,
    },
    /// The client sends a user's seen state for one mailbox.
    #[non_exhaustive]
    Seen {
        /// The userid of the user.
        user: UserId,
        /// The uniqueid of the mailbox.
        uniqueid: UniqueId,
    },
    /// The client sends a Sieve script.
    #[serde(rename = "SIEVE")]
    #[non_exhaustive]
    UploadSieve {
        /// The userid of the user.
        user: UserId,
        /// The name of the script.
        script: Text,
    },
    /// The replica deletes a Sieve script.
    #[serde(rename = "UNSIEVE")]
    #[non_exhaustive]
    DeleteSieve {
        /// The userid of the user.
        user: UserId,
        /// The name of the script.
        script: Text,
    },
    /// The replica activates a Sieve script.
    #[serde(rename = "ACTIVATE_SIEVE")]
    #[non_exhaustive]
    ActivateSieve {
        /// The userid of the user.
        user: UserId,
        /// The name of the script.
        script: Text,
    },
    /// The replica deactivates a user's active Sieve script.
    #[serde(rename = "UNACTIVATE_SIEVE")]
    #[non_exhaustive]
    DeactivateSieve {
        /// The userid of the user.
        user: UserId,
    },
    /// The replica sets the limits of a quota root.
    #[serde(rename = "QUOTA")]
    #[non_exhaustive]
    SetQuota {
        /// The name of the quota root.
        root: Text,
    },
    /// The replica deletes a quota root.
    #[serde(rename = "UNQUOTA")]
    #[non_exhaustive]
    DeleteQuota {
        /// The name of the quota root.
        root: Text,
    },
    /// The replica sets an annotation.
    #[serde(rename = "ANNOTATION")]
    #[non_exhaustive]
    SetAnnotation {
        /// The name of the mailbox; empty for an annotation of the server.
        mailbox: MboxName,
        /// The name of the annotation.
        entry: Text,
        /// The user for whom the annotation is private; empty for a shared annotation.
        userid: Text,
    },
    /// The replica removes an annotation.
    #[serde(rename = "UNANNOTATION")]
    #[non_exhaustive]
    DeleteAnnotation {
        /// The name of the mailbox; empty for an annotation of the server.
        mailbox: MboxName,
        /// The name of the annotation.
        entry: Text,
        /// The user for whom the annotation is private; empty for a shared annotation.
        userid: Text,
    },
    /// The client requests the replica to enable capabilities.
    #[non_exhaustive]
    Enable {
        /// The capabilities, as bits that Cyrus defines.
        capabilities: u32,
    },
}

impl Step {
    /// Returns the name of the step. It is the word that Cyrus's client prints, if Cyrus has this
    /// step.
    pub fn command(&self) -> &'static str {
        match self {
            Step::User { .. } => "USER",
            Step::Meta { .. } => "META",
            Step::Mailboxes { .. } | Step::MailboxAgain { .. } => "MAILBOXES",
            Step::Absent { .. } => "ABSENT",
            Step::Mailbox { local: false, .. } | Step::MasterMailbox { .. } => "MAILBOX",
            Step::Mailbox { local: true, .. } => "LOCAL_MAILBOX",
            Step::DeleteMailbox { local: false, .. } => "UNMAILBOX",
            Step::DeleteMailbox { local: true, .. } => "LOCAL_UNMAILBOX",
            Step::Rename { local: false, .. } => "RENAME",
            Step::Rename { local: true, .. } => "LOCAL_RENAME",
            Step::FullMailbox { .. } => "FULLMAILBOX",
            Step::Repair { .. } => "REPAIR",
            Step::DeleteUser { .. } => "UNUSER",
            Step::Subscribe { .. } => "SUB",
            Step::Unsubscribe { .. } => "UNSUB",
            Step::Seen { .. } => "SEEN",
            Step::UploadSieve { .. } | Step::MasterScripts { .. } => "SIEVE",
            Step::DeleteSieve { .. } => "UNSIEVE",
            Step::ActivateSieve { .. } => "ACTIVATE_SIEVE",
            Step::DeactivateSieve { .. } => "UNACTIVATE_SIEVE",
            Step::SetQuota { .. } => "QUOTA",
            Step::DeleteQuota { .. } => "UNQUOTA",
            Step::SetAnnotation { .. } => "ANNOTATION",
            Step::DeleteAnnotation { .. } => "UNANNOTATION",
            Step::Enable { .. } => "ENABLE",
        }
    }

    /// Returns the reason for the step as a fixed text. The text is empty if the reason is a
    /// [`Difference`](super::Difference).
    pub fn because(&self) -> &'static str {
        match self {
            Step::User { .. } | Step::Meta { .. } | Step::Mailboxes { .. } => "",
            Step::Mailbox { .. } | Step::Rename { .. } | Step::Enable { .. } => "",
            Step::MailboxAgain { .. } => "the replica's contents differ after the update",
            Step::Absent { .. } => "no INBOX on this server",
            Step::MasterMailbox { .. } => "the replica has data that is missing on this server",
            Step::MasterScripts { .. } => "this server keeps the scripts in a directory",
            Step::DeleteMailbox { .. } | Step::DeleteUser { .. } => "deleted on this server",
            Step::FullMailbox { .. } => "changed on both sides",
            Step::Repair { .. } => "found by a full comparison",
            Step::Subscribe { .. } => "subscribed only on this server",
            Step::Unsubscribe { .. } => "subscribed only on the replica",
            Step::Seen { .. } => "the replica has another seen state or none",
            Step::UploadSieve { .. } => "the replica has another script or none",
            Step::DeleteSieve { .. } => "no such script on this server",
            Step::ActivateSieve { .. } => "active on this server",
            Step::DeactivateSieve { .. } => "no script is active on this server",
            Step::SetQuota { .. } => "the replica has other limits or none",
            Step::DeleteQuota { .. } => "no such quota root on this server",
            Step::SetAnnotation { .. } => "the replica has another value or none",
            Step::DeleteAnnotation { .. } => "not set on this server",
        }
    }

    /// Returns the mailbox that the step changes or compares. Returns `None` if there is none or
    /// more than one.
    pub fn mailbox(&self) -> Option<&MboxName> {
        match self {
            Step::MailboxAgain { mailbox }
            | Step::Mailbox { mailbox, .. }
            | Step::MasterMailbox { mailbox }
            | Step::DeleteMailbox { mailbox, .. }
            | Step::FullMailbox { mailbox }
            | Step::SetAnnotation { mailbox, .. }
            | Step::DeleteAnnotation { mailbox, .. } => {
                Some(mailbox).filter(|mailbox| !mailbox.is_empty())
            }
            Step::Rename { to, .. } => Some(to),
            Step::Repair { found } => Some(found.mailbox()),
            _ => None,
        }
    }

    /// Returns the user, mailbox or other object of the step.
    pub fn subject(&self) -> Subject {
        if let Some(mailbox) = self.mailbox() {
            return mailbox.into();
        }
        match self {
            Step::User { user }
            | Step::Meta { user }
            | Step::Absent { user }
            | Step::DeleteUser { user }
            | Step::Subscribe { user, .. }
            | Step::Unsubscribe { user, .. }
            | Step::Seen { user, .. }
            | Step::MasterScripts { user }
            | Step::UploadSieve { user, .. }
            | Step::DeleteSieve { user, .. }
            | Step::ActivateSieve { user, .. }
            | Step::DeactivateSieve { user } => user.into(),
            Step::Mailboxes { mailboxes } => mailboxes.as_slice().into(),
            Step::SetQuota { root } | Step::DeleteQuota { root } => Subject::item(root.clone()),
            Step::Enable { .. } => "the connection".into(),
            _ => "the server".into(),
        }
    }

    /// Returns the number of messages that are sent with the step, and their total size in bytes.
    pub fn size(&self) -> (u64, u64) {
        match self {
            Step::Mailbox { messages, bytes, .. } => (*messages, *bytes),
            _ => (0, 0),
        }
    }
}
