//! The steps of a run, which `sync_client -v` prints.

use serde::Serialize;

use super::repair::RepairEvent;
use crate::error::Subject;
use crate::types::{MboxName, Text, UniqueId, UserId};

/// A step that is about to be done, or in a plan, that would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "command", rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Step {
    /// A user is compared with the replica.
    #[non_exhaustive]
    User {
        /// The userid.
        user: UserId,
    },
    /// A user's subscriptions, seen state and Sieve scripts are compared.
    #[non_exhaustive]
    Meta {
        /// The userid.
        user: UserId,
    },
    /// Mailboxes are compared.
    #[non_exhaustive]
    Mailboxes {
        /// Their names.
        mailboxes: Vec<MboxName>,
    },
    /// One mailbox is compared again, because the replica ended with other contents.
    #[serde(rename = "MAILBOXES_AGAIN")]
    #[non_exhaustive]
    MailboxAgain {
        /// Its name.
        mailbox: MboxName,
    },
    /// A user has no INBOX here, so there is nothing to replicate.
    #[non_exhaustive]
    Absent {
        /// The userid.
        user: UserId,
    },
    /// A mailbox is sent.
    #[non_exhaustive]
    Mailbox {
        /// Its name.
        mailbox: MboxName,
        /// Whether mupdate operations are left out.
        local: bool,
        /// Number of messages sent with it.
        messages: u64,
        /// Bytes of these messages.
        bytes: u64,
    },
    /// A repair writes to a mailbox on the master.
    #[serde(rename = "MASTER_MAILBOX")]
    #[non_exhaustive]
    MasterMailbox {
        /// Its name.
        mailbox: MboxName,
    },
    /// The master's own Cyrus moves a user's Sieve scripts from a directory to the `#sieve`
    /// mailbox.
    #[serde(rename = "MASTER_SIEVE")]
    #[non_exhaustive]
    MasterScripts {
        /// The userid.
        user: UserId,
    },
    /// A mailbox is deleted on the replica.
    #[serde(rename = "UNMAILBOX")]
    #[non_exhaustive]
    DeleteMailbox {
        /// Its name.
        mailbox: MboxName,
        /// Whether mupdate operations are left out.
        local: bool,
    },
    /// A mailbox is renamed on the replica.
    #[non_exhaustive]
    Rename {
        /// The old name on the replica.
        from: MboxName,
        /// The new name.
        to: MboxName,
        /// The new partition.
        partition: Text,
        /// Whether mupdate operations are left out.
        local: bool,
    },
    /// All records of a mailbox are compared.
    #[non_exhaustive]
    FullMailbox {
        /// Its name.
        mailbox: MboxName,
    },
    /// A full comparison found something.
    #[non_exhaustive]
    Repair {
        /// The finding.
        found: RepairEvent,
    },
    /// A user is deleted on the replica.
    #[serde(rename = "UNUSER")]
    #[non_exhaustive]
    DeleteUser {
        /// The userid.
        user: UserId,
    },
    /// A subscription is added.
    #[serde(rename = "SUB")]
    #[non_exhaustive]
    Subscribe {
        /// The userid.
        user: UserId,
        /// The mailbox that the user subscribes to.
        mailbox: MboxName,
    },
    /// A subscription is removed.
    #[serde(rename = "UNSUB")]
    #[non_exhaustive]
    Unsubscribe {
        /// The userid.
        user: UserId,
        /// The mailbox whose subscription is removed.
        mailbox: MboxName,
    },
    /// A user's seen state for a mailbox is sent.
    #[non_exhaustive]
    Seen {
        /// The userid.
        user: UserId,
        /// The mailbox's uniqueid.
        uniqueid: UniqueId,
    },
    /// A Sieve script is sent.
    #[serde(rename = "SIEVE")]
    #[non_exhaustive]
    UploadSieve {
        /// The userid.
        user: UserId,
        /// The script's name.
        script: Text,
    },
    /// A Sieve script is deleted.
    #[serde(rename = "UNSIEVE")]
    #[non_exhaustive]
    DeleteSieve {
        /// The userid.
        user: UserId,
        /// The script's name.
        script: Text,
    },
    /// A Sieve script is activated.
    #[serde(rename = "ACTIVATE_SIEVE")]
    #[non_exhaustive]
    ActivateSieve {
        /// The userid.
        user: UserId,
        /// The script's name.
        script: Text,
    },
    /// The active Sieve script is deactivated.
    #[serde(rename = "UNACTIVATE_SIEVE")]
    #[non_exhaustive]
    DeactivateSieve {
        /// The userid.
        user: UserId,
    },
    /// The limits of a quota root are set.
    #[serde(rename = "QUOTA")]
    #[non_exhaustive]
    SetQuota {
        /// The quota root.
        root: Text,
    },
    /// A quota root is deleted.
    #[serde(rename = "UNQUOTA")]
    #[non_exhaustive]
    DeleteQuota {
        /// The quota root.
        root: Text,
    },
    /// An annotation is set.
    #[serde(rename = "ANNOTATION")]
    #[non_exhaustive]
    SetAnnotation {
        /// The mailbox; empty for the server.
        mailbox: MboxName,
        /// The annotation's name.
        entry: Text,
        /// The user who owns it; empty if it is shared.
        userid: Text,
    },
    /// An annotation is removed.
    #[serde(rename = "UNANNOTATION")]
    #[non_exhaustive]
    DeleteAnnotation {
        /// The mailbox; empty for the server.
        mailbox: MboxName,
        /// The annotation's name.
        entry: Text,
        /// The user who owns it; empty if it is shared.
        userid: Text,
    },
    /// The replica is asked to enable capabilities.
    #[non_exhaustive]
    Enable {
        /// Cyrus's bits for the capabilities.
        capabilities: u32,
    },
}

impl Step {
    /// Returns the word of the command; Cyrus's own word if it has one.
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

    /// Returns the reason if it contains no values; otherwise an empty text.
    pub fn because(&self) -> &'static str {
        match self {
            Step::User { .. } | Step::Meta { .. } | Step::Mailboxes { .. } => "",
            Step::Mailbox { .. } | Step::Rename { .. } | Step::Enable { .. } => "",
            Step::MailboxAgain { .. } => "the replica ended with other contents",
            Step::Absent { .. } => "no INBOX here",
            Step::MasterMailbox { .. } => "the replica has what is missing here",
            Step::MasterScripts { .. } => "the scripts are in a directory here",
            Step::DeleteMailbox { .. } | Step::DeleteUser { .. } => "deleted here",
            Step::FullMailbox { .. } => "both sides were written to",
            Step::Repair { .. } => "found by a full comparison",
            Step::Subscribe { .. } => "subscribed to here only",
            Step::Unsubscribe { .. } => "subscribed to on the replica only",
            Step::Seen { .. } => "another seen state there, or none",
            Step::UploadSieve { .. } => "another script there, or none",
            Step::DeleteSieve { .. } => "no such script here",
            Step::ActivateSieve { .. } => "active here",
            Step::DeactivateSieve { .. } => "no script is active here",
            Step::SetQuota { .. } => "other limits there, or none",
            Step::DeleteQuota { .. } => "no quota root here",
            Step::SetAnnotation { .. } => "another value there, or none",
            Step::DeleteAnnotation { .. } => "not set here",
        }
    }

    /// Returns the mailbox that the step changes or compares, if it is only one.
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

    /// Returns the object of the step.
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

    /// Returns the number of messages sent with the step, and their bytes.
    pub fn size(&self) -> (u64, u64) {
        match self {
            Step::Mailbox { messages, bytes, .. } => (*messages, *bytes),
            _ => (0, 0),
        }
    }
}
