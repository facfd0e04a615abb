//! Compares one mailbox of the master with the replica's, and reads the data that must be sent. The
//! mailbox is opened once, and its index is read once.

use super::difference::{check_identity, difference, has_forgotten, is_outdone};
use super::read::read_differing;
use super::snapshot::{Attempt, Extent, Snapshot};
use crate::error::{Kind, Result};
use crate::events::Event;
use crate::protocol::RemoteFolder;
use crate::store::MailboxFiles;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, Text};

/// The result of a comparison.
pub(crate) enum Found {
    /// The mailbox is equal on both sides.
    Same,
    /// The mailbox differs, and an update is not enough: both sides must be compared in full.
    Behind,
    /// The mailbox must be sent. The value contains the data.
    Read(Box<Reading>),
    /// The mailbox must be sent, but its data could not be read completely.
    Unread,
}

/// The data of a mailbox that must be sent.
pub(crate) struct Reading {
    /// The update to send.
    pub snapshot: Snapshot,
    /// Opens the message files without the mailbox. `None` if the mailbox must be opened for that.
    pub files: Option<Box<dyn MailboxFiles>>,
}

/// The result for a mailbox that was compared.
pub(crate) struct Look {
    /// The quota root in the mailbox's cyrus.header.
    pub quotaroot: Option<Text>,
    /// The result of the comparison.
    pub found: Found,
}

/// Compares a mailbox. Returns `None` if the mailbox was removed meanwhile.
pub(crate) fn look(
    pass: &Pass<'_>,
    entry: &MailboxEntry,
    remote: Option<&RemoteFolder>,
) -> Result<Option<Look>> {
    let mut mailbox = match pass.store.open(&entry.name) {
        Ok(mailbox) => mailbox,
        Err(error) if error.kind() == Kind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let quotaroot = mailbox.state().quotaroot.clone();
    let annotations = mailbox.annotations()?;
    let Some(why) = difference(pass, mailbox.as_mut(), &annotations, remote)? else {
        return Ok(Some(Look { quotaroot, found: Found::Same }));
    };
    pass.observer.event(&Event::Differs { mailbox: entry.name.clone(), why });
    check_identity(mailbox.as_ref(), entry)?;
    let state = mailbox.state();
    if has_forgotten(pass, state, remote) || is_outdone(pass, state, remote) {
        return Ok(Some(Look { quotaroot, found: Found::Behind }));
    }
    let (attempt, extent) = (Attempt::First, Extent::Batch);
    let snapshot = read_differing(pass, mailbox.as_mut(), annotations, remote, attempt, extent)?;
    if snapshot.stuck.is_some() {
        return Ok(Some(Look { quotaroot, found: Found::Unread }));
    }
    let files = mailbox.files();
    Ok(Some(Look { quotaroot, found: Found::Read(Box::new(Reading { snapshot, files })) }))
}
