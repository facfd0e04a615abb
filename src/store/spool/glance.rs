//! What tells whether mailboxes have changed, read without their locks.
//!
//! Cyrus writes the header of cyrus.index last, in one piece that has a CRC, and replaces
//! cyrus.header by renaming: so each is as it was at some moment, whoever writes meanwhile. That
//! they belong together tells the CRC of the one in the other. The lines of a sync log come after
//! the change that they are about, so a task that reads later sees it.

use super::annot;
use super::groups::Groups;
use super::mailbox;
use super::modseqs::Modseqs;
use super::places::Places;
use super::table::Table;
use crate::error::Result;
use crate::store::traits::Glance;
use crate::types::{MailboxEntry, MailboxState, UserId};

/// See [`Store::glance`](crate::store::Store::glance). Databases are read once for all mailboxes,
/// and after cyrus.index, which Cyrus writes first.
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
