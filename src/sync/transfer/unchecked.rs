//! Updates whose outcome the replica does not check: it takes a sync CRC of 0, its own or the
//! master's, for one that is not known (`mailbox_crceq` in `imap/mailbox.c`). Yet 0 is a CRC: that
//! of a mailbox without messages, and by chance of any other. After such an update the replica is
//! asked what it has; if that is something else the ladder goes on as though it had refused.

use crate::protocol::RemoteFolder;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MailboxEntry, MailboxHeader, Modseq, SyncCrcs, Uid};

/// An update that the replica took without a check.
#[derive(Debug)]
pub struct Unchecked {
    /// The mailbox.
    pub entry: MailboxEntry,
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
    pub fn of(entry: &MailboxEntry, snapshot: &Snapshot) -> Option<Unchecked> {
        let sent = unchecked_state(snapshot)?;
        Some(Unchecked { entry: entry.clone(), sent })
    }

    /// Whether the replica has other records than it was sent. Where it was written to meanwhile
    /// that is another matter, for the next run.
    pub fn differs(&self, remote: &RemoteFolder) -> bool {
        (remote.highestmodseq, remote.last_uid) == (self.sent.highestmodseq, self.sent.last_uid)
            && !self.sent.crcs.agrees(remote.crcs)
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
