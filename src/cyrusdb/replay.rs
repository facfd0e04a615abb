//! Computes the records that a skiplist would hold after Cyrus's recovery (`recovery` in
//! `lib/cyrusdb_skiplist.c`), without writing to the file.
//!
//! Recovery discards all pointers. It starts with the ordered records that the last checkpoint
//! wrote. Then it replays the log, which follows them, up to the last committed transaction. This
//! module returns the result as a list of offsets sorted by key, with four bytes for each record.
//! During the computation, the keys in the log are in memory too.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::order::Compare;
use super::paged::View;
use super::skiplist_records::{ADD, COMMIT, DELETE, IN_ORDER, Skiplist, node_end, number};
use crate::error::Result;
use crate::limits::{DB_REPLAY_BYTES, DB_REPLAY_RECORDS};

/// Approximate memory in bytes for an entry of [`Touched`], without its key.
const ENTRY_BYTES: usize = 64;

/// For each key in the log, the offset of its newest record. `None` if the key was deleted.
type Touched = HashMap<Vec<u8>, Option<u32>>;

/// Returns the offsets of all records that exist after recovery, sorted by key.
///
/// # Errors
/// [`Kind::Corrupt`](crate::Kind::Corrupt) if Cyrus's recovery fails too, if its result is not
/// predictable, or if the records need too much memory.
pub(super) fn living(format: &Skiplist, view: &mut View<'_>, compare: Compare) -> Result<Vec<u32>> {
    let mut in_order = Vec::new();
    let log = in_order_records(format, view, compare, &mut in_order)?;
    let touched = replay(format, view, compare, log, &in_order)?;
    merge(format, view, compare, &in_order, touched)
}

/// Collects the offsets of the records of the last checkpoint. Returns the offset of the log.
fn in_order_records(
    format: &Skiplist,
    view: &mut View<'_>,
    compare: Compare,
    in_order: &mut Vec<u32>,
) -> Result<u64> {
    let mut before: Option<Vec<u8>> = None;
    let mut offset = format.records_start();
    while offset.saturating_add(4) <= view.size() && number(view, offset)? == IN_ORDER {
        let (_, node) = format.record(view, offset)?;
        let ascends = |before: &Vec<u8>| compare(before, &node.key) == Ordering::Less;
        if node.key.is_empty() || !before.as_ref().is_none_or(ascends) {
            return Err(view.malformed(offset, "keys are out of order"));
        }
        if in_order.len() >= DB_REPLAY_RECORDS {
            return Err(too_many(view));
        }
        in_order.push(short(view, offset)?);
        offset = node_end(&node);
        before = Some(node.key);
    }
    // Cyrus would start the log at this offset even if the checkpoint was truncated.
    if offset == format.log_start() {
        Ok(offset)
    } else {
        Err(view.malformed(offset, "the log does not start where the header says"))
    }
}

/// Replays the committed transactions of the log, which begins at offset `log`.
fn replay(
    format: &Skiplist,
    view: &mut View<'_>,
    compare: Compare,
    log: u64,
    in_order: &[u32],
) -> Result<Touched> {
    let mut touched = Touched::new();
    let mut bytes = 0usize;
    let mut offset = log;
    while let Some(commit) = next_commit(format, view, offset)? {
        while offset < commit {
            let (key, now) = match number(view, offset)? {
                DELETE => {
                    let deleted = u64::from(number(view, offset.saturating_add(4))?);
                    let (kind, node) = format.record(view, deleted)?;
                    if deleted >= offset || !matches!(kind, IN_ORDER | ADD) {
                        return Err(view
                            .malformed(offset, "a deletion does not point to an earlier record"));
                    }
                    let holder = match touched.get(&node.key) {
                        Some(holder) => *holder,
                        None => {
                            let place = find(format, view, compare, in_order, &node.key)?;
                            place.ok().and_then(|place| in_order.get(place).copied())
                        }
                    };
                    offset = offset.saturating_add(8);
                    // Cyrus ignores a deletion unless it names the current record of the key.
                    if holder.map(u64::from) != Some(deleted) {
                        continue;
                    }
                    (node.key, None)
                }
                _ => {
                    let (_, node) = format.record(view, offset)?;
                    if node.key.is_empty() {
                        return Err(view.malformed(offset, "record has no key"));
                    }
                    let added = short(view, offset)?;
                    offset = node_end(&node);
                    (node.key, Some(added))
                }
            };
            let more = key.len().saturating_add(ENTRY_BYTES);
            if touched.insert(key, now).is_none() {
                bytes = bytes.saturating_add(more);
            }
            if bytes > DB_REPLAY_BYTES {
                return Err(view.malformed(offset, "the log is too long to read it in memory"));
            }
        }
        offset = commit.saturating_add(4);
    }
    Ok(touched)
}

/// Returns the offset of the commit of the transaction that begins at `offset`. Returns `None` if
/// the log ends at `offset`, or if a killed writer left the transaction unfinished.
fn next_commit(format: &Skiplist, view: &mut View<'_>, offset: u64) -> Result<Option<u64>> {
    let size = view.size();
    let mut at = offset;
    while at.saturating_add(4) <= size {
        let length = match number(view, at)? {
            COMMIT => return Ok(Some(at)),
            DELETE => Some(8),
            ADD => format.length(view, at)?,
            // Cyrus would search for more log after the zeros. A killed writer does not leave zeros
            // here, so this is damage.
            0 if at == offset => return Err(view.malformed(at, "the log has a hole")),
            _ if at == offset => {
                return Err(view.malformed(at, "the log has a record of an unknown type"));
            }
            _ => None,
        };
        let Some(length) = length else { return Ok(None) };
        at = at.saturating_add(length);
    }
    // Cyrus cannot recover a log in which a transaction starts with an incomplete word.
    if at == offset && at < size {
        Err(view.malformed(at, "the file ends in the middle of a word"))
    } else {
        Ok(None)
    }
}

/// Applies the changes of the log to the ordered records.
fn merge(
    format: &Skiplist,
    view: &mut View<'_>,
    compare: Compare,
    in_order: &[u32],
    touched: Touched,
) -> Result<Vec<u32>> {
    let mut touched: Vec<_> = touched.into_iter().collect();
    touched.sort_by(|(a, _), (b, _)| compare(a, b));
    let mut living = Vec::new();
    let mut done = 0;
    for (key, now) in touched {
        let (upto, next) = match find(format, view, compare, in_order, &key)? {
            Ok(place) => (place, place + 1),
            Err(place) => (place, place),
        };
        living.extend_from_slice(in_order.get(done..upto).unwrap_or_default());
        living.extend(now);
        done = next;
    }
    living.extend_from_slice(in_order.get(done..).unwrap_or_default());
    if living.len() > DB_REPLAY_RECORDS { Err(too_many(view)) } else { Ok(living) }
}

/// Returns the index of a key among the ordered records. If the key is not there, returns `Err`
/// with the index at which to insert it.
fn find(
    format: &Skiplist,
    view: &mut View<'_>,
    compare: Compare,
    in_order: &[u32],
    key: &[u8],
) -> Result<Result<usize, usize>> {
    let (mut low, mut high) = (0, in_order.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(&offset) = in_order.get(middle) else { break };
        let (_, node) = format.record(view, offset.into())?;
        match compare(&node.key, key) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Ok(Ok(middle)),
            Ordering::Greater => high = middle,
        }
    }
    Ok(Err(low))
}

fn too_many(view: &View<'_>) -> crate::Error {
    view.malformed(0, "the log has too many records to read it in memory")
}

fn short(view: &View<'_>, offset: u64) -> Result<u32> {
    u32::try_from(offset).map_err(|_| view.malformed(offset, "the file is too long for a skiplist"))
}
