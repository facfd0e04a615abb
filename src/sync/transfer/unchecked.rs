//! Finds updates whose result the replica does not check. The replica treats a sync CRC of 0, on
//! either side, as unknown (`mailbox_crceq` in `imap/mailbox.c`). But 0 is also the real CRC of a
//! mailbox without messages, and by chance of other mailboxes. After such an update the replica's
//! state is requested. If it differs, the next steps are the same as after a CRC mismatch.

use crate::protocol::RemoteFolder;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MailboxEntry, MailboxHeader, Modseq, SyncCrcs, Uid};

/// An update that the replica accepted without a check.
#[derive(Debug)]
pub struct Unchecked {
    /// The mailbox.
    pub entry: MailboxEntry,
    sent: State,
}

/// The state that the replica must have after the update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    crcs: SyncCrcs,
    highestmodseq: Modseq,
    last_uid: Uid,
}

impl Unchecked {
    /// Returns the state to verify after an update, or `None` if the replica checks this update.
    pub fn of(entry: &MailboxEntry, snapshot: &Snapshot) -> Option<Unchecked> {
        let sent = unchecked_state(snapshot)?;
        Some(Unchecked { entry: entry.clone(), sent })
    }

    /// Returns whether the replica has other records than those that were sent. Returns `false` if
    /// another client has changed the mailbox meanwhile; the next run finds that change.
    pub fn differs(&self, remote: &RemoteFolder) -> bool {
        (remote.highestmodseq, remote.last_uid) == (self.sent.highestmodseq, self.sent.last_uid)
            && !self.sent.crcs.agrees(remote.crcs)
    }
}

/// Returns the state after an update that the replica does not check, or `None` if it checks the
/// update.
fn unchecked_state(snapshot: &Snapshot) -> Option<State> {
    let Snapshot { header, whole, records, known_up_to, replaces, .. } = snapshot;
    if !whole {
        return None; // the last batch is checked
    }
    // A mailbox that never had a record and gets none cannot differ.
    let stays_empty = *known_up_to == 0 && records.is_empty();
    // If a replica has lost all records and gets no new ones, its CRC is 0, and the replica checks
    // nothing.
    let was_empty = *known_up_to > 0 && replaces.is_some_and(SyncCrcs::is_zero);
    let unchecked = (header.crcs.is_zero() && !stays_empty) || was_empty;
    let MailboxHeader { crcs, highestmodseq, last_uid, .. } = *header;
    let sent = State { crcs, highestmodseq, last_uid };
    unchecked.then_some(sent)
}
