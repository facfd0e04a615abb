//! Reads the state of mailboxes without their locks, to see whether they have changed.
//!
//! cyrus.index and cyrus.header can be read without a lock. Cyrus writes the header of cyrus.index
//! last, in one write and with a CRC, and it replaces cyrus.header by renaming. So each read sees a
//! state that the file really had. cyrus.index also stores the CRC of cyrus.header, which shows
//! whether the two files belong together. Cyrus writes to the sync log after it has changed a
//! mailbox. So a read that starts because of a log entry sees the change.

use super::annot;
use super::groups::Groups;
use super::mailbox;
use super::modseqs::Modseqs;
use super::places::Places;
use super::table::Table;
use crate::error::Result;
use crate::store::traits::UnlockedState;
use crate::types::{MailboxEntry, MailboxState, UserId};

/// Implements [`Store::read_unlocked`](crate::store::Store::read_unlocked). Reads each database once for all
/// mailboxes. Reads cyrus.index before the databases, because Cyrus writes them in this order.
///
/// # Errors
/// Those of the databases.
pub(super) fn read_unlocked(
    places: &Places,
    annotations: &Table,
    modseqs: &Modseqs,
    groups: &Groups,
    entries: &[&MailboxEntry],
) -> Result<Vec<Option<UnlockedState>>> {
    let mut found = Vec::with_capacity(entries.len());
    let mut annotated: Vec<(Vec<u8>, Option<UserId>)> = Vec::new();
    for entry in entries {
        let state = state(places, entry);
        if state.is_some() {
            annotated.push((places.annotated_as(entry)?, places.names.owner(&entry.name)));
        }
        found.push(state.map(|state| UnlockedState { state, annotations: Vec::new() }));
    }
    let mut unlocked_states: Vec<&mut UnlockedState> = found.iter_mut().flatten().collect();
    let annotations = annot::of_mailboxes(annotations, &annotated)?;
    for (unlocked, annotations) in unlocked_states.iter_mut().zip(annotations) {
        unlocked.annotations = annotations;
    }
    let mut states: Vec<_> =
        unlocked_states.into_iter().map(|unlocked| &mut unlocked.state).collect();
    modseqs.complete(places, &mut states)?;
    groups.complete(places, &mut states)?;
    Ok(found)
}

fn state(places: &Places, entry: &MailboxEntry) -> Option<MailboxState> {
    mailbox::openable(entry).ok()?;
    let paths = places.paths.mailbox(entry).ok()?;
    mailbox::read_unlocked(entry, &paths.index, &paths.header)
}
