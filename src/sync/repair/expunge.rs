//! Adds the records that the replica must expunge to an update.

use super::sides;
use crate::error::Result;
use crate::protocol::RemoteRecord;
use crate::sync::survey::snapshot::Snapshot;

/// Adds the records in `expunge` to an update. They replace the master's records with the same
/// UIDs.
pub(crate) fn insert(snapshot: &mut Snapshot, expunge: &[RemoteRecord]) -> Result<()> {
    let Snapshot { header, flags, whole, .. } = snapshot;
    let mut added = sides::updates(expunge, &header.name, flags)?;
    if !*whole {
        // In a partial update, the master's record wins if both have the same UID, and no modseq
        // may be above HIGHESTMODSEQ.
        let known = &snapshot.records;
        added.retain(|e| known.binary_search_by_key(&e.record.uid, |k| k.record.uid).is_err());
        added.iter_mut().for_each(|e| e.modseq = e.modseq.min(header.highestmodseq));
        snapshot.records.append(&mut added);
        snapshot.records.sort_by_key(|entry| entry.record.uid);
        return Ok(());
    }
    let has = |uid| expunge.binary_search_by_key(&uid, |message| message.record.uid).is_ok();
    snapshot.records.retain(|entry| !has(entry.record.uid));
    snapshot.records.append(&mut added);
    snapshot.records.sort_by_key(|entry| entry.record.uid);
    Ok(())
}
