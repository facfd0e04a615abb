//! A mailbox that was looked up, ready to be opened.

use super::files::Files;
use crate::error::Result;
use crate::types::{Annotation, MailboxEntry, Uid};

/// A callback that receives the UID of a message and one of its annotations.
pub type VisitAnnotation<'v> = dyn FnMut(Uid, Annotation) -> Result<()> + 'v;

/// Reads the annotations of one mailbox from Cyrus's databases.
///
/// Leaves out tombstones and empty values, and replaces the owner's token by the owner's userid.
pub trait Annotations {
    /// Reads the annotations of the mailbox itself, in the order of [`Annotation`]'s `Ord`.
    fn of_mailbox(&self) -> Result<Vec<Annotation>>;

    /// Visits the annotations of messages in any order. `uids` must be in ascending order.
    fn of_messages(&self, uids: &[Uid], visit: &mut VisitAnnotation<'_>) -> Result<()>;
}

/// A mailbox that was looked up in mailboxes.db.
pub struct Found<'a> {
    /// The mailbox's entry in mailboxes.db.
    pub entry: MailboxEntry,
    /// The paths of the mailbox's files.
    pub files: Files,
    /// Access to the mailbox's annotations.
    pub annotations: Box<dyn Annotations + 'a>,
}
