//! A mailbox that was looked up and is about to be opened.

use super::files::Files;
use crate::error::Result;
use crate::types::{Annotation, MailboxEntry, Uid};

/// Called with an annotation of a message.
pub type VisitAnnotation<'v> = dyn FnMut(Uid, Annotation) -> Result<()> + 'v;

/// Reads the annotations of one mailbox from Cyrus's databases.
///
/// Tombstones and empty values are left out, and the owner's token stands replaced by the
/// owner's userid.
pub trait Annotations {
    /// Those of the mailbox, ordered as [`Annotation`] is.
    fn of_mailbox(&self) -> Result<Vec<Annotation>>;

    /// Visits those of some messages, whose UIDs ascend, in any order.
    fn of_messages(&self, uids: &[Uid], visit: &mut VisitAnnotation<'_>) -> Result<()>;
}

/// A mailbox that was looked up.
pub struct Found<'a> {
    /// Its entry in mailboxes.db.
    pub entry: MailboxEntry,
    /// Its files.
    pub files: Files,
    /// Its annotations.
    pub annotations: Box<dyn Annotations + 'a>,
}
