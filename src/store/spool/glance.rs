//! Reads the state of mailboxes without their locks, to see whether they have changed.
//!
//! Both files can be read without a lock: Cyrus writes the header of cyrus.index last, in one write
//! and with a CRC, and it replaces cyrus.header by renaming. So each read sees a state that the
//! file really had. The CRC of cyrus.header in cyrus.index shows whether the two belong together.
//! Cyrus appends to the sync log after the change, so a task that starts later sees the change.

use super::annot;
use super::groups::Groups;
use super::mailbox;
use super::modseqs::Modseqs;
use super::places::Places;
use super::table::Table;
use crate::error::Result;
use crate::store::traits::Glance;
use crate::types::{MailboxEntry, MailboxState, UserId};

/// Implements [`Store::glance`](crate::store::Store::glance). Reads each database once for all
/// mailboxes, after cyrus.index, because Cyrus writes cyrus.index before them.
///
/// # Errors
/// Those of the databases.
pub(super) fn glance(
    places: &Places,
    annotations: &Table,
    modseqs: &Modseqs,
    groups: &Groups,
    entries: &[&MailboxEntry],
) -> Result<Vec<Option<Glance>>> {
    let mut found = Vec::with_capacity(entries.len());
    let mut annotated: Vec<(Vec<u8>, Option<UserId>)> = Vec::new();
    for entry in entries {
        let state = state(places, entry);
        if state.is_some() {
            annotated.push((places.annotated_as(entry)?, places.names.owner(&entry.name)));
        }
        found.push(state.map(|state| Glance { state, annotations: Vec::new() }));
    }
    let mut glances: Vec<&mut Glance> = found.iter_mut().flatten().collect();
    let annotations = annot::of_mailboxes(annotations, &annotated)?;
    for (glance, annotations) in glances.iter_mut().zip(annotations) {
        glance.annotations = annotations;
    }
    let mut states: Vec<_> = glances.into_iter().map(|glance| &mut glance.state).collect();
    modseqs.complete(places, &mut states)?;
    groups.complete(places, &mut states)?;
    Ok(found)
}

fn state(places: &Places, entry: &MailboxEntry) -> Option<MailboxState> {
    mailbox::openable(entry).ok()?;
    let paths = places.paths.mailbox(entry).ok()?;
    mailbox::glance(entry, &paths.index, &paths.header)
}
