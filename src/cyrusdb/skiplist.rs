//! The skiplist backend (`lib/cyrusdb_skiplist.c`): a header, then records. All numbers have 4
//! bytes and are big-endian.
//!
//! The header contains: a magic of 20 bytes, version (major, minor), highest level, current level,
//! number of records, start of the log, time of the last recovery.
//!
//! A record contains: a type (1 in order, 2 added, 257 start), key length, key, value length,
//! value, pointers, and a word with all bits set, which ends the list of pointers. Key and value
//! are padded with zeros to multiples of 4. The log holds the records of later transactions. It
//! also contains deletions (a 4, then the offset of the deleted record), to which no pointer leads.
//! Each transaction in the log ends with a commit (255).
//!
//! A writer overwrites pointers during a transaction, and nothing has a CRC. If the log does not
//! end with a commit (`SAFE_TO_APPEND`), a writer was killed, and some pointers belong to an
//! unfinished transaction. Cyrus replays the log before its next write; until then its own readers
//! follow these pointers. This reader replays the log in memory instead ([`replay`]), and computes
//! new pointers for the records that remain.

use std::sync::Arc;

use parking_lot::Mutex;

use super::input::Input;
use super::list::{Format, MAX_LINKS, Node, check_magic};
use super::order::{self, Compare};
use super::paged::{State, View};
use super::replay;
use super::skiplist_records::{
    COMMIT, DELETE, DUMMY, HEADER_BYTES, MAGIC, PADDING, START, Skiplist, parse_header,
};
use crate::error::{Malformed, Result};

/// The records found by replaying the log, and the state of the file at that time.
pub(super) type Replayed = Mutex<Option<(State, Arc<[u32]>)>>;

impl Format for Skiplist {
    const OP: &'static str = "read skiplist database";
    const HINT: &'static str = "check it with `cyr_dbtool FILE skiplist consistent`; Cyrus \
                                recovers it at the next write or with `ctl_cyrusdb -r`; if that \
                                fails, restore it from a backup";
    const MAGIC: &'static [u8] = MAGIC;
    const FOREIGN: &'static str = "if it is a flat database, convert it with `cvt_cyrusdb FILE \
                                   flat NEW skiplist`, or set its type to flat in imapd.conf where \
                                   that is allowed; otherwise restore it from a backup";
    const RAW: Compare = order::c_chars;
    type Memo = Replayed;

    fn header(view: &mut View<'_>, compare: Compare, memo: &Replayed) -> Result<Option<Self>> {
        if view.size() == 0 {
            return Ok(None);
        }
        check_magic::<Self>(view)?;
        let mut bytes = [0; HEADER_BYTES];
        view.read(0, &mut bytes)?;
        let mut header = parse_header(&bytes).map_err(|e| view.wrap(e))?;
        if !header.log_is_finished(view)? {
            header.living = Some(header.replayed(view, compare, memo)?);
        }
        Ok(Some(header))
    }

    fn start(&self, view: &mut View<'_>) -> Result<Node> {
        let (kind, mut node) = self.record(view, START)?;
        if kind != DUMMY || !node.key.is_empty() || node.levels != self.max_level {
            return Err(view.malformed(START, "no start record"));
        }
        node.levels = self.current_level.max(1);
        if let Some(living) = &self.living {
            made_up_links(&mut node, 0, living.len());
        }
        Ok(node)
    }

    fn link(&self, view: &View<'_>, node: &Node, level: usize) -> Result<u64> {
        let link = node.links.get(level).copied();
        link.ok_or_else(|| view.malformed(node.offset, "record has too few levels"))
    }

    fn node(&self, view: &mut View<'_>, offset: u64) -> Result<Option<Node>> {
        let Some(before) = offset.checked_sub(1) else { return Ok(None) };
        let Some(living) = &self.living else { return self.real(view, offset).map(Some) };
        let place =
            usize::try_from(before).ok().and_then(|place| living.get(place).zip(Some(place)));
        let Some((&offset, place)) = place else { return Ok(None) };
        let mut node = self.real(view, offset.into())?;
        made_up_links(&mut node, place.saturating_add(1), living.len());
        Ok(Some(node))
    }

    fn value(&self, view: &mut View<'_>, node: &Node) -> Result<Vec<u8>> {
        view.bytes(node.value_offset, node.value_len)
    }

    fn verify(&self, _: &mut View<'_>, _: &Node) -> Result<()> {
        Ok(()) // a skiplist has no checksums
    }
}

impl Skiplist {
    /// Returns whether the log ends with a committed transaction and nothing follows it
    /// (`SAFE_TO_APPEND`).
    fn log_is_finished(&self, view: &mut View<'_>) -> Result<bool> {
        let size = view.size();
        if size < self.log_start {
            return Err(view.malformed(size, "the file is shorter than its header says"));
        }
        if !size.is_multiple_of(4) {
            return Ok(false);
        }
        let mut end = [0; 12];
        view.read(size.saturating_sub(12), &mut end)?;
        let mut input = Input::new(&end);
        let words = (|| Ok((input.u32()?, input.u32()?, input.u32()?)))();
        let (third, second, last) = words.map_err(|e: Malformed| view.wrap(e))?;
        Ok(if size == self.log_start {
            last == PADDING
        } else {
            last == COMMIT && (second == PADDING || third == DELETE)
        })
    }

    /// Returns the offsets of the records of a file that a killed writer left. The result is cached
    /// until the file changes.
    fn replayed(
        &self,
        view: &mut View<'_>,
        compare: Compare,
        memo: &Replayed,
    ) -> Result<Arc<[u32]>> {
        let mut memo = memo.lock();
        let state = view.state();
        if let Some((of, living)) = &*memo
            && Some(*of) == state
        {
            return Ok(living.clone());
        }
        let living: Arc<[u32]> = replay::living(self, view, compare)?.into();
        *memo = state.map(|state| (state, living.clone()));
        Ok(living)
    }

    /// Reads a record. Fails if `offset` is that of the start record.
    fn real(&self, view: &mut View<'_>, offset: u64) -> Result<Node> {
        let (kind, node) = self.record(view, offset)?;
        if kind == DUMMY || node.key.is_empty() {
            Err(view.malformed(offset, "a pointer does not lead to a record"))
        } else {
            Ok(node)
        }
    }
}

/// Computes the pointers of the record at index `place`, counted from 1 (0 is the start record).
/// Every second record is also on the second level, every fourth also on the third, and so on.
fn made_up_links(node: &mut Node, place: usize, records: usize) {
    node.links = [0; MAX_LINKS];
    node.levels = match place {
        0 => records.checked_ilog2().unwrap_or(0) as usize + 1,
        _ => place.trailing_zeros() as usize + 1,
    };
    for (level, link) in node.links.iter_mut().enumerate().take(node.levels) {
        let next = place.saturating_add(1 << level);
        if next <= records {
            *link = next as u64;
        }
    }
}
