//! The commands that a client sends to a replication server, as Rust values.

use std::io::Read;
use std::path::Path;

use super::label::Label;
use super::remote::RemoteFolder;
use super::table::{self, Spec, Verb};
use super::update::MailboxUpdate;
use crate::error::Result;
use crate::types::{
    Annotation, Guid, MailboxEntry, MboxName, Quota, Seen, SieveScript, Text, Uid, UniqueId, UserId,
};

/// A message file that `APPLY MESSAGE` sends.
pub struct OutgoingFile<'f> {
    /// The partition on which the receiver stages the file: stores it until a mailbox uses it.
    pub partition: &'f Text,
    /// The SHA-1 of the file.
    pub guid: Guid,
    /// The size of the file in bytes.
    pub size: u64,
    /// The bytes of the file, from the first on.
    pub content: Box<dyn Read + 'f>,
}

/// Supplies the files of an `APPLY MESSAGE` one by one, while the command is being written.
pub trait MessageFiles {
    /// Returns the partition of the first file, for error messages.
    fn partition(&self) -> &Text;

    /// Returns the next file, or `None` after the last one.
    ///
    /// Fails if a file cannot be read. The start of the command is already sent, so the connection
    /// is lost.
    fn next_file(&mut self) -> Result<Option<OutgoingFile<'_>>>;
}

/// `APPLY RESERVE`: requests which of these messages the receiver does not have in its mailboxes.
/// The receiver stages those that it has.
#[derive(Debug, Clone, Copy)]
pub struct Reserve<'c> {
    /// The partition on which the receiver stages the messages that it has.
    pub partition: &'c Text,
    /// The receiver's mailboxes that may contain the messages.
    pub among: &'c [MboxName],
    /// The GUIDs of the messages.
    pub guids: &'c [Guid],
}

/// `APPLY RENAME`: renames a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Rename<'c> {
    /// The current name of the mailbox.
    pub from: &'c MboxName,
    /// The new name.
    pub to: &'c MboxName,
    /// The new partition.
    pub partition: &'c Text,
    /// The new UIDVALIDITY.
    pub uidvalidity: u32,
}

/// `GET FETCH`: the file of one message (`sync_get_message`).
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'c> {
    /// The mailbox.
    pub mailbox: &'c MboxName,
    /// The partition of the mailbox on the receiver.
    pub partition: &'c Text,
    /// The uniqueid of the mailbox.
    pub uniqueid: &'c UniqueId,
    /// The UID of the message on the receiver.
    pub uid: Uid,
    /// The message's SHA-1.
    pub guid: Guid,
    /// The expected size and a directory, if the message may be long.
    pub place: Option<FetchPlace<'c>>,
}

impl RemoteFolder {
    /// Makes the command that fetches a message of this mailbox.
    pub fn fetch<'c>(&'c self, uid: Uid, guid: Guid, place: Option<FetchPlace<'c>>) -> Fetch<'c> {
        Fetch {
            mailbox: &self.name,
            partition: &self.partition,
            uniqueid: &self.uniqueid,
            uid,
            guid,
            place,
        }
    }
}

/// Where to store a long message while it arrives.
#[derive(Debug, Clone, Copy)]
pub struct FetchPlace<'c> {
    /// The size in bytes from the peer's record. A message of another size is not stored.
    pub size: u64,
    /// A directory for temporary files (`temp_path`).
    pub temp_path: &'c Path,
}

/// `GET FULLMAILBOX`: the state of a mailbox with all its records.
#[derive(Debug, Clone, Copy)]
pub struct FullMailbox<'c> {
    /// The name of the mailbox.
    pub mailbox: &'c MboxName,
    /// A directory for temporary files (`temp_path`), in which a long reply is stored while it
    /// arrives. `None` keeps the reply in memory.
    pub temp_path: Option<&'c Path>,
}

impl<'c> From<&'c MboxName> for FullMailbox<'c> {
    fn from(mailbox: &'c MboxName) -> Self {
        FullMailbox { mailbox, temp_path: None }
    }
}

/// A command to a replication server.
pub enum Command<'c> {
    /// `GET USER`: all data of a user.
    GetUser(&'c UserId),
    /// `GET META`: subscriptions, seen state and scripts of a user.
    GetMeta(&'c UserId),
    /// `GET MAILBOXES`: the state of the mailboxes with these names. Unknown names are left out.
    GetMailboxes(&'c [MboxName]),
    /// `GET UNIQUEIDS`: the state of the mailboxes with these uniqueids.
    GetUniqueIds(&'c [UniqueId]),
    /// `GET FULLMAILBOX`: the state of a mailbox with all its records.
    GetFullMailbox(FullMailbox<'c>),
    /// `GET QUOTA`: the limits of a quota root.
    GetQuota(&'c Text),
    /// `GET ANNOTATION`: the annotations of a mailbox, or of the server if the name is empty.
    GetAnnotations(&'c MboxName),
    /// `GET FETCH`: a message file.
    Fetch(Fetch<'c>),
    /// `APPLY CAPABILITIES`: requests these capabilities.
    Capabilities(&'c [&'c str]),
    /// `APPLY FORCE`: makes the receiver accept updates in any state of its mailboxes.
    Force,
    /// `APPLY RESERVE`: requests which messages the receiver does not have.
    Reserve(Reserve<'c>),
    /// `APPLY MESSAGE`: sends message files, which the receiver stages.
    Messages(&'c mut dyn MessageFiles),
    /// `APPLY MAILBOX`: changes a mailbox to a given state, and creates it if it is missing.
    Mailbox(MailboxUpdate<'c>),
    /// `APPLY MAILBOX` for an intermediate, which is a name without a mailbox.
    Intermediate(&'c MailboxEntry),
    /// `APPLY UNMAILBOX`: deletes a mailbox.
    UnMailbox {
        /// The name of the mailbox.
        mailbox: &'c MboxName,
        /// Whether the receiver does not inform its mupdate server (`-L`).
        local_only: bool,
    },
    /// `APPLY RENAME`: renames a mailbox, or moves it to another partition.
    Rename {
        /// Names, partition and UIDVALIDITY.
        rename: Rename<'c>,
        /// Whether the receiver does not inform its mupdate server (`-L`).
        local_only: bool,
    },
    /// `APPLY ANNOTATION`: sets an annotation of a mailbox or of the server.
    Annotation(&'c MboxName, &'c Annotation),
    /// `APPLY UNANNOTATION`: deletes an annotation.
    UnAnnotation(&'c MboxName, &'c Annotation),
    /// `APPLY SUB`: subscribes a user to a mailbox.
    Sub(&'c UserId, &'c MboxName),
    /// `APPLY UNSUB`: removes the subscription of a user to a mailbox.
    UnSub(&'c UserId, &'c MboxName),
    /// `APPLY SEEN`: stores a user's seen state for a mailbox.
    Seen(&'c UserId, &'c Seen),
    /// `APPLY SIEVE`: stores a Sieve script, given by its name and its content.
    Sieve(&'c UserId, &'c SieveScript, &'c [u8]),
    /// `APPLY UNSIEVE`: deletes the script of this name.
    UnSieve(&'c UserId, &'c Text),
    /// `APPLY ACTIVATE_SIEVE`: makes the script of this name the active one.
    ActivateSieve(&'c UserId, &'c Text),
    /// `APPLY UNACTIVATE_SIEVE`: deactivates the active script.
    UnActivateSieve(&'c UserId),
    /// `APPLY QUOTA`: sets the limits of a quota root.
    Quota(&'c Quota),
    /// `APPLY UNQUOTA`: removes a quota root.
    UnQuota(&'c Text),
    /// `APPLY UNUSER`: deletes a user.
    UnUser(&'c UserId),
    /// `RESTART`: makes the receiver delete its staged message files.
    Restart,
}

impl Command<'_> {
    /// Returns the row of [`table`] that describes this command.
    pub fn spec(&self) -> &'static Spec {
        match self {
            Command::GetUser(_) => &table::GET_USER,
            Command::GetMeta(_) => &table::GET_META,
            Command::GetMailboxes(_) => &table::GET_MAILBOXES,
            Command::GetUniqueIds(_) => &table::GET_UNIQUEIDS,
            Command::GetFullMailbox(_) => &table::GET_FULLMAILBOX,
            Command::GetQuota(_) => &table::GET_QUOTA,
            Command::GetAnnotations(_) => &table::GET_ANNOTATION,
            Command::Fetch(_) => &table::FETCH,
            Command::Capabilities(_) => &table::CAPABILITIES,
            Command::Force => &table::FORCE,
            Command::Reserve(_) => &table::RESERVE,
            Command::Messages(_) => &table::MESSAGE,
            Command::Mailbox(update) if update.local_only => &table::LOCAL_MAILBOX,
            Command::Mailbox(_) | Command::Intermediate(_) => &table::MAILBOX,
            Command::UnMailbox { local_only: true, .. } => &table::LOCAL_UNMAILBOX,
            Command::UnMailbox { .. } => &table::UNMAILBOX,
            Command::Rename { local_only: true, .. } => &table::LOCAL_RENAME,
            Command::Rename { .. } => &table::RENAME,
            Command::Annotation(..) => &table::ANNOTATION,
            Command::UnAnnotation(..) => &table::UNANNOTATION,
            Command::Sub(..) => &table::SUB,
            Command::UnSub(..) => &table::UNSUB,
            Command::Seen(..) => &table::SEEN,
            Command::Sieve(..) => &table::SIEVE,
            Command::UnSieve(..) => &table::UNSIEVE,
            Command::ActivateSieve(..) => &table::ACTIVATE_SIEVE,
            Command::UnActivateSieve(_) => &table::UNACTIVATE_SIEVE,
            Command::Quota(_) => &table::QUOTA,
            Command::UnQuota(_) => &table::UNQUOTA,
            Command::UnUser(_) => &table::UNUSER,
            Command::Restart => &table::RESTART,
        }
    }

    /// Returns the first word of the command.
    pub fn verb(&self) -> Verb {
        self.spec().verb
    }

    /// Returns the name of the command for error messages: its words and the object that it acts
    /// on.
    pub fn label(&self) -> Label {
        let label = Label::of(self.spec());
        match self {
            Command::GetUser(user)
            | Command::GetMeta(user)
            | Command::UnUser(user)
            | Command::UnActivateSieve(user) => label.about(user),
            Command::GetMailboxes(_)
            | Command::GetUniqueIds(_)
            | Command::Capabilities(_)
            | Command::Force
            | Command::Restart => label,
            Command::GetFullMailbox(full) => label.about(full.mailbox),
            Command::GetAnnotations(mailbox) => label.about(mailbox),
            Command::GetQuota(root) | Command::UnQuota(root) => label.about(root),
            Command::Quota(quota) => label.about(&quota.root),
            Command::Fetch(fetch) => {
                label.about(fetch.mailbox).uid(fetch.uid).partition(fetch.partition)
            }
            Command::Reserve(reserve) => {
                let first = reserve.among.first();
                first.into_iter().fold(label, Label::about).partition(reserve.partition)
            }
            Command::Messages(files) => label.partition(files.partition()),
            Command::Mailbox(update) => {
                label.about(&update.header.name).partition(&update.header.partition)
            }
            Command::Intermediate(entry) => label.about(&entry.name),
            Command::UnMailbox { mailbox, .. } => label.about(mailbox),
            Command::Rename { rename, .. } => {
                label.about(rename.from).to(rename.to).partition(rename.partition)
            }
            Command::Annotation(mailbox, annotation)
            | Command::UnAnnotation(mailbox, annotation) => {
                label.about(&annotation.userid).about(mailbox).about(&annotation.entry)
            }
            Command::Sub(user, mailbox) | Command::UnSub(user, mailbox) => {
                label.about(user).about(mailbox)
            }
            Command::Seen(user, _) => label.about(user),
            Command::Sieve(user, script, _) => label.about(user).about(&script.name),
            Command::UnSieve(user, name) | Command::ActivateSieve(user, name) => {
                label.about(user).about(name)
            }
        }
    }
}
