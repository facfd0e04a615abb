//! Mailboxes that must be sent, and updates that were sent.

use super::reserve::want_files;
use super::unchecked::Unchecked;
use super::upload::Amount;
use crate::error::Error;
use crate::events::SyncEvent;
use crate::protocol::{RemoteFolder, Ticket};
use crate::sync::pass::Pass;
use crate::sync::survey::look::Found;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{Guid, MailboxEntry, Text, Uid};

/// A mailbox that must be sent.
pub(crate) struct Work {
    /// Entry of the mailbox in the master's mailboxes.db.
    pub entry: MailboxEntry,
    /// State of the mailbox on the replica. `None` if the replica does not have it.
    pub remote: Option<RemoteFolder>,
    /// Result of the comparison. Not used for an intermediate.
    pub found: Found,
}

impl Work {
    /// Returns whether this is an INBOX that the replica does not have.
    pub fn is_new_inbox(&self, pass: &Pass<'_>) -> bool {
        self.remote.is_none() && pass.names.is_inbox(&self.entry.name)
    }

    /// Records the files that the update of this mailbox needs, if its records were read already.
    pub fn want(&self, pass: &mut Pass<'_>) {
        if let Found::Read(reading) = &self.found {
            want_files(pass, &reading.snapshot);
        }
    }

    /// Returns the number of records of this mailbox in memory.
    pub fn records(&self) -> usize {
        match &self.found {
            Found::Read(reading) => reading.snapshot.records.len(),
            _ => 0,
        }
    }
}

/// An update that is being sent.
pub(crate) struct Pending {
    /// The mailbox.
    pub entry: MailboxEntry,
    /// Whether the mailbox is an INBOX that the replica does not have.
    pub new_inbox: bool,
    /// The content of the update.
    pub body: Body,
    /// Tickets of the uploads of the message files.
    pub uploads: Vec<Ticket>,
    /// Number and size of these files.
    pub amount: Amount,
    /// Ticket of the update, once the update is sent.
    pub update: Option<Ticket>,
    /// The error to report for the mailbox even if the update succeeds.
    pub damage: Option<Error>,
    /// Partition and GUID of the damaged message that holds later messages back.
    pub missing: Option<(Text, Guid)>,
}

pub(crate) enum Body {
    /// An update of a mailbox.
    Mailbox(Box<Snapshot>),
    /// An update of an intermediate.
    Intermediate,
    /// There is no update: both sides must be compared in full first.
    Behind,
    /// There is no update: the replica refused the message files.
    Refused(Error),
}

impl Pending {
    /// Makes an update without uploads.
    pub fn new(entry: MailboxEntry, new_inbox: bool, body: Body) -> Pending {
        let (uploads, amount) = (Vec::new(), Amount::default());
        let (update, damage, missing) = (None, None, None);
        Pending { entry, new_inbox, body, uploads, amount, update, damage, missing }
    }

    pub fn snapshot(&self) -> Option<&Snapshot> {
        match &self.body {
            Body::Mailbox(snapshot) => Some(snapshot),
            _ => None,
        }
    }

    pub fn records(&self) -> usize {
        self.snapshot().map_or(0, |snapshot| snapshot.records.len())
    }

    /// Returns the state that the replica has after it accepts this update.
    pub fn outcome(&self) -> Option<RemoteFolder> {
        self.snapshot()?.outcome()
    }

    /// Returns the state to verify later if the replica does not check this update.
    pub fn unchecked(&self) -> Option<Unchecked> {
        Unchecked::of(&self.entry, self.snapshot()?)
    }

    /// Returns the last UID of the sent batch, or `None` if this is the last batch of the mailbox.
    pub fn partial(&self) -> Option<Uid> {
        let part = self.snapshot().filter(|snapshot| !snapshot.whole && self.damage.is_none());
        part.map(|snapshot| snapshot.header.last_uid)
    }

    /// Returns the last UID of the state that is sent.
    pub fn last_uid(&self) -> Uid {
        self.snapshot().map_or(0, |snapshot| snapshot.header.last_uid)
    }

    /// Returns the event to report if the replica accepts the update of a mailbox.
    pub fn confirmed(&self) -> Option<SyncEvent> {
        let snapshot = self.snapshot()?;
        Some(confirmed(snapshot, self.amount, snapshot.whole && self.damage.is_none()))
    }

    /// Returns whether the update needs files on this partition.
    pub fn needs(&self, partition: &Text) -> bool {
        let needs = |snapshot: &Snapshot| {
            snapshot.header.partition == *partition && snapshot.new_messages().next().is_some()
        };
        self.update.is_none() && self.snapshot().is_some_and(needs)
    }
}

/// Makes the event for an update that the replica has confirmed.
pub(super) fn confirmed(snapshot: &Snapshot, amount: Amount, whole: bool) -> SyncEvent {
    let Amount { messages, bytes } = amount;
    SyncEvent::Confirmed { mailbox: snapshot.header.name.clone(), messages, bytes, whole }
}
