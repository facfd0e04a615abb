//! Mailboxes that must be sent, and updates on their way.

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
    /// Its entry.
    pub entry: MailboxEntry,
    /// What the replica has of it.
    pub remote: Option<RemoteFolder>,
    /// What was found in it; of an intermediate nothing.
    pub found: Found,
}

impl Work {
    /// Whether this is an INBOX that the replica lacks.
    pub fn is_new_inbox(&self, pass: &Pass<'_>) -> bool {
        self.remote.is_none() && pass.names.is_inbox(&self.entry.name)
    }

    /// Notes the files that it needs, as far as it was read.
    pub fn want(&self, pass: &mut Pass<'_>) {
        if let Found::Read(reading) = &self.found {
            want_files(pass, &reading.snapshot);
        }
    }

    /// Records that are in memory for it.
    pub fn records(&self) -> usize {
        match &self.found {
            Found::Read(reading) => reading.snapshot.records.len(),
            _ => 0,
        }
    }
}

/// An update on its way.
pub(crate) struct Pending {
    /// The mailbox.
    pub entry: MailboxEntry,
    /// Whether it is an INBOX that the replica lacks.
    pub new_inbox: bool,
    /// What is sent.
    pub body: Body,
    /// Files on their way.
    pub uploads: Vec<Ticket>,
    /// What these have.
    pub amount: Amount,
    /// The update, once it is written.
    pub update: Option<Ticket>,
    /// What to say of the mailbox whatever becomes of the update.
    pub damage: Option<Error>,
    /// Where, and which message it is that keeps back what lies behind it.
    pub missing: Option<(Text, Guid)>,
}

pub(crate) enum Body {
    /// An update of a mailbox.
    Mailbox(Box<Snapshot>),
    /// That of an intermediate.
    Intermediate,
    /// The replica must be compared in full first.
    Behind,
    /// The replica refused its files: nothing to apply.
    Refused(Error),
}

impl Pending {
    /// Nothing of it is on its way yet.
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

    /// What the replica has if it takes this.
    pub fn outcome(&self) -> Option<RemoteFolder> {
        self.snapshot()?.outcome()
    }

    /// What the replica does not check of this.
    pub fn unchecked(&self) -> Option<Unchecked> {
        Unchecked::of(&self.entry, self.snapshot()?)
    }

    /// The last UID of a batch that is not the last.
    pub fn partial(&self) -> Option<Uid> {
        let part = self.snapshot().filter(|snapshot| !snapshot.whole && self.damage.is_none());
        part.map(|snapshot| snapshot.header.last_uid)
    }

    /// The last UID of the state that is sent.
    pub fn last_uid(&self) -> Uid {
        self.snapshot().map_or(0, |snapshot| snapshot.header.last_uid)
    }

    /// What is confirmed if the replica takes the update of a mailbox.
    pub fn confirmed(&self) -> Option<SyncEvent> {
        let snapshot = self.snapshot()?;
        Some(confirmed(snapshot, self.amount, snapshot.whole && self.damage.is_none()))
    }

    /// Whether the update needs files that are staged on this partition.
    pub fn needs(&self, partition: &Text) -> bool {
        let needs = |snapshot: &Snapshot| {
            snapshot.header.partition == *partition && snapshot.new_messages().next().is_some()
        };
        self.update.is_none() && self.snapshot().is_some_and(needs)
    }
}

/// What the replica has confirmed.
pub(super) fn confirmed(snapshot: &Snapshot, amount: Amount, whole: bool) -> SyncEvent {
    let Amount { messages, bytes } = amount;
    SyncEvent::Confirmed { mailbox: snapshot.header.name.clone(), messages, bytes, whole }
}
