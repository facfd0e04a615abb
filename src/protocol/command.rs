//! Commands as values.

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

/// A file in `APPLY MESSAGE`.
pub struct OutgoingFile<'f> {
    /// The partition on which it is staged.
    pub partition: &'f Text,
    /// Its SHA-1.
    pub guid: Guid,
    /// Its size in bytes.
    pub size: u64,
    /// Its content, from the beginning.
    pub content: Box<dyn Read + 'f>,
}

/// Gives the files of an `APPLY MESSAGE` one by one, each when its turn to be written has come.
pub trait MessageFiles {
    /// The partition of the first file, for errors.
    fn partition(&self) -> &Text;

    /// The next file; `None` at the end.
    ///
    /// Fails if the command cannot go on. It has begun by then, so the connection is lost.
    fn next_file(&mut self) -> Result<Option<OutgoingFile<'_>>>;
}

/// `APPLY RESERVE`: which of these messages are in the receiver's mailboxes already?
#[derive(Debug, Clone, Copy)]
pub struct Reserve<'c> {
    /// The partition on which they are wanted.
    pub partition: &'c Text,
    /// The mailboxes to look in.
    pub among: &'c [MboxName],
    /// The messages.
    pub guids: &'c [Guid],
}

/// `APPLY RENAME`.
#[derive(Debug, Clone, Copy)]
pub struct Rename<'c> {
    /// The name that the mailbox has.
    pub from: &'c MboxName,
    /// The name that it gets.
    pub to: &'c MboxName,
    /// The partition that it gets.
    pub partition: &'c Text,
    /// The UIDVALIDITY that it gets.
    pub uidvalidity: u32,
}

/// `GET FETCH`: the file of one message (`sync_get_message`).
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'c> {
    /// The mailbox.
    pub mailbox: &'c MboxName,
    /// Its partition there.
    pub partition: &'c Text,
    /// Its uniqueid.
    pub uniqueid: &'c UniqueId,
    /// The message's UID there.
    pub uid: Uid,
    /// The message's SHA-1.
    pub guid: Guid,
    /// If it may be long: its size there, and where it may wait meanwhile.
    pub place: Option<FetchPlace<'c>>,
}

impl RemoteFolder {
    /// Asks for a message of this mailbox.
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

/// Where a long message goes while it arrives.
#[derive(Debug, Clone, Copy)]
pub struct FetchPlace<'c> {
    /// Its size as the peer's record has it, in bytes: one of another size is not stored.
    pub size: u64,
    /// A directory for temporary files (`temp_path`).
    pub temp_path: &'c Path,
}

/// `GET FULLMAILBOX`: the state of a mailbox with all its records.
#[derive(Debug, Clone, Copy)]
pub struct FullMailbox<'c> {
    /// Its name.
    pub mailbox: &'c MboxName,
    /// A directory for temporary files (`temp_path`): a long answer waits there. Without one it
    /// waits in memory.
    pub temp_path: Option<&'c Path>,
}

impl<'c> From<&'c MboxName> for FullMailbox<'c> {
    fn from(mailbox: &'c MboxName) -> Self {
        FullMailbox { mailbox, temp_path: None }
    }
}

/// A command to a replication server.
pub enum Command<'c> {
    /// `GET USER`: all that belongs to a user.
    GetUser(&'c UserId),
    /// `GET META`: subscriptions, seen state and scripts of a user.
    GetMeta(&'c UserId),
    /// `GET MAILBOXES`: the state of mailboxes by name; those that are not there are left out.
    GetMailboxes(&'c [MboxName]),
    /// `GET UNIQUEIDS`: the same by uniqueid.
    GetUniqueIds(&'c [UniqueId]),
    /// `GET FULLMAILBOX`: the state of a mailbox with all its records.
    GetFullMailbox(FullMailbox<'c>),
    /// `GET QUOTA`: the limits of a quota root.
    GetQuota(&'c Text),
    /// `GET ANNOTATION`: the annotations of a mailbox, or with an empty name of the server.
    GetAnnotations(&'c MboxName),
    /// `GET FETCH`: a message file.
    Fetch(Fetch<'c>),
    /// `APPLY CAPABILITIES`: agree on these.
    Capabilities(&'c [&'c str]),
    /// `APPLY FORCE`: take what comes, whatever is there.
    Force,
    /// `APPLY RESERVE`.
    Reserve(Reserve<'c>),
    /// `APPLY MESSAGE`: stage message files.
    Messages(&'c mut dyn MessageFiles),
    /// `APPLY MAILBOX`: bring a mailbox to a state.
    Mailbox(MailboxUpdate<'c>),
    /// `APPLY MAILBOX` of an intermediate: a name without a mailbox.
    Intermediate(&'c MailboxEntry),
    /// `APPLY UNMAILBOX`: delete a mailbox.
    UnMailbox {
        /// Its name.
        mailbox: &'c MboxName,
        /// Without mupdate (`-L`).
        local_only: bool,
    },
    /// `APPLY RENAME`.
    Rename {
        /// From and to.
        rename: Rename<'c>,
        /// Without mupdate (`-L`).
        local_only: bool,
    },
    /// `APPLY ANNOTATION`: set one of a mailbox, or of the server.
    Annotation(&'c MboxName, &'c Annotation),
    /// `APPLY UNANNOTATION`: delete one.
    UnAnnotation(&'c MboxName, &'c Annotation),
    /// `APPLY SUB`.
    Sub(&'c UserId, &'c MboxName),
    /// `APPLY UNSUB`.
    UnSub(&'c UserId, &'c MboxName),
    /// `APPLY SEEN`.
    Seen(&'c UserId, &'c Seen),
    /// `APPLY SIEVE`: a script and its content.
    Sieve(&'c UserId, &'c SieveScript, &'c [u8]),
    /// `APPLY UNSIEVE`: delete the script of this name.
    UnSieve(&'c UserId, &'c Text),
    /// `APPLY ACTIVATE_SIEVE`.
    ActivateSieve(&'c UserId, &'c Text),
    /// `APPLY UNACTIVATE_SIEVE`: none is active.
    UnActivateSieve(&'c UserId),
    /// `APPLY QUOTA`: set the limits of a quota root.
    Quota(&'c Quota),
    /// `APPLY UNQUOTA`: it is no quota root any more.
    UnQuota(&'c Text),
    /// `APPLY UNUSER`: delete a user.
    UnUser(&'c UserId),
    /// `RESTART`: release the staged message files.
    Restart,
}

impl Command<'_> {
    /// Its line in the table.
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

    /// Its first word.
    pub fn verb(&self) -> Verb {
        self.spec().verb
    }

    /// What errors call it: its words, and what it is about.
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
