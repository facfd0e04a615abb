//! The folders of both sides while their names are matched.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::protocol::RemoteFolder;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, MboxName, UniqueId};

/// The folders of both sides.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    /// Mailboxes of the master. Those that cannot get their names are removed.
    pub entries: Vec<MailboxEntry>,
    /// Folders of the replica.
    pub remotes: Vec<RemoteFolder>,
}

/// Renames and deletes that the replica refused. They are not tried again when the replica's lists
/// are requested again because of other folders.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// The uniqueids of mailboxes that are not changed on the replica.
    pub ids: HashSet<UniqueId>,
    /// The failures, to be added to those of the last attempt.
    pub failures: Failures,
}

impl Refused {
    /// Stores a refusal that the replica would repeat.
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
