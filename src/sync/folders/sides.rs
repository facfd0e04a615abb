//! The folders of both sides, and the changes that the replica refused. Used while the names of the
//! replica's folders are made equal to the master's.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::protocol::RemoteFolder;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, MboxName, UniqueId};

/// The folders of both sides.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    /// Mailboxes of the master. A mailbox is removed from the list if it cannot get its name on the
    /// replica.
    pub entries: Vec<MailboxEntry>,
    /// Folders of the replica.
    pub remotes: Vec<RemoteFolder>,
}

/// Renames and deletes that the replica refused. The following tries of the same task do not send
/// them.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// Uniqueids of the mailboxes whose change was refused.
    pub ids: HashSet<UniqueId>,
    /// The failures of these mailboxes. The last try of the task adds them to its own.
    pub failures: Failures,
}

impl Refused {
    /// Stores a refusal that the replica would repeat in the next try.
    pub fn add(
        &mut self,
        pass: &Pass<'_>,
        id: &UniqueId,
        mailbox: &MboxName,
        error: Error,
    ) -> Result<()> {
        self.ids.insert(id.clone());
        self.failures.keep(pass, mailbox, error)
    }
}
