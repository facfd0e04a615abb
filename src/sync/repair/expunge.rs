//! Records of the replica that an update expunges there.

use super::sides;
use crate::error::Result;
use crate::protocol::RemoteRecord;
use crate::sync::survey::snapshot::Snapshot;

/// Puts records to expunge into an update, in the place of what the master has at their UIDs.
pub(crate) fn insert(snapshot: &mut Snapshot, expunge: &[RemoteRecord]) -> Result<()> {
    let Snapshot { header, flags, whole, .. } = snapshot;
    let mut added = sides::updates(expunge, &header.name, flags)?;
    if !*whole {
        // What the master tells of a record is enough, and no record is above its state.
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
