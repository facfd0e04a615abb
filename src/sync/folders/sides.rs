//! Folders of both sides while they are brought to the same names.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::protocol::RemoteFolder;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, MboxName, UniqueId};

/// Folders of both sides that are brought to the same names.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    /// Mailboxes of the master. Those that cannot be brought to their names are taken out.
    pub entries: Vec<MailboxEntry>,
    /// What the replica has.
    pub remotes: Vec<RemoteFolder>,
}

/// What the replica refused to rename or delete: it is not asked again when its lists are
/// fetched again for the sake of others.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// The uniqueids of mailboxes that are left as they are on the replica.
    pub ids: HashSet<UniqueId>,
    /// The failures, to be added to those of the last look.
    pub failures: Failures,
}

impl Refused {
    /// Keeps what the replica refused, and will refuse again.
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
