//! Updates whose outcome the replica does not check: it takes a sync CRC of 0, its own or the
//! master's, for one that is not known (`mailbox_crceq` in `imap/mailbox.c`). Yet 0 is a CRC: that
//! of a mailbox without messages, and by chance of any other. After such an update the replica is
//! asked what it has; if that is something else the ladder goes on as though it had refused.

use super::contents::Work;
use super::snapshot::Snapshot;
use super::{Failures, Syncer};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::protocol::RemoteFolder;
use crate::types::{MailboxEntry, MailboxHeader, Modseq, SyncCrcs, Uid};

/// An update that the replica took without a check.
#[derive(Debug)]
pub(super) struct Unchecked {
    entry: MailboxEntry,
    sent: State,
}

/// What the replica must have after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    crcs: SyncCrcs,
    highestmodseq: Modseq,
    last_uid: Uid,
}

impl Unchecked {
    /// `None` if the replica checks this update.
    pub(super) fn of(entry: &MailboxEntry, snapshot: &Snapshot) -> Option<Unchecked> {
        let sent = unchecked_state(snapshot)?;
        Some(Unchecked { entry: entry.clone(), sent })
    }
}

/// The state after an update that the replica does not check; `None` if it does.
fn unchecked_state(snapshot: &Snapshot) -> Option<State> {
    let Snapshot { header, whole, records, known_up_to, replaces, .. } = snapshot;
    if !whole {
        return None; // the last batch is checked
    }
    // What never had a record, and gets none, has nothing to be wrong.
    let stays_empty = *known_up_to == 0 && records.is_empty();
    // A replica that lost all its records ends with 0 if it gets none, and then checks nothing.
    let was_empty = *known_up_to > 0 && replaces.is_some_and(SyncCrcs::is_zero);
    let unchecked = (header.crcs.is_zero() && !stays_empty) || was_empty;
    let MailboxHeader { crcs, highestmodseq, last_uid, .. } = *header;
    let sent = State { crcs, highestmodseq, last_uid };
    unchecked.then_some(sent)
}

impl Syncer<'_> {
    /// Asks the replica what it has after an update that it did not check.
    /// [`Kind::ReplicaChecksum`] if it is something else.
    pub(super) fn verify_now(&mut self, snapshot: &Snapshot) -> Result<()> {
        let Some(sent) = unchecked_state(snapshot) else { return Ok(()) };
        let name = &snapshot.header.name;
        let found = self.get_mailboxes(std::slice::from_ref(name))?;
        let remote = found.iter().find(|r| r.uniqueid == snapshot.header.uniqueid);
        match remote.is_some_and(|remote| differs(sent, remote)) {
            false => Ok(()),
            true => {
                let detail = "the replica has other records than it was sent";
                Err(Error::new(Kind::ReplicaChecksum, "update mailbox", name.to_string(), detail))
            }
        }
    }

    /// Asks the replica, all at once, what it has after the updates that it did not check. Those
    /// that differ are sent again, as after a CRC failure.
    pub(super) fn verify_sent(&mut self, failures: &mut Failures) -> Result<()> {
        let unchecked = std::mem::take(&mut self.unchecked);
        let names: Vec<_> = unchecked.iter().map(|one| one.entry.name.clone()).collect();
        let remotes = if names.is_empty() { Vec::new() } else { self.get_mailboxes(&names)? };
        for Unchecked { entry, sent } in unchecked {
            let remote = remotes.iter().find(|r| r.uniqueid == entry.uniqueid);
            if !remote.is_some_and(|remote| differs(sent, remote)) {
                continue;
            }
            let name = entry.name.clone();
            let line = format!(
                "SYNC_NOTICE: the replica took an update of {name} that it could not check, and \
                 has other records; trying again"
            );
            self.log(Level::Notice, line);
            self.forget(&name);
            if let Err(error) = self.send_recomputed(&Work { entry, remote: None }) {
                self.keep_failed(failures, &name, error)?;
            }
        }
        Ok(())
    }
}

/// Whether the replica has other records than it was sent. Where it was written to meanwhile that
/// is another matter, for the next run.
fn differs(sent: State, remote: &RemoteFolder) -> bool {
    (remote.highestmodseq, remote.last_uid) == (sent.highestmodseq, sent.last_uid)
        && !sent.crcs.agrees(remote.crcs)
}
