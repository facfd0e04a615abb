//! The code that twoskip, skiplist and twom share: a sorted list with pointers that skip ahead.
//!
//! Each step along a pointer checks that the key ascends. This also ends the walk through a damaged
//! file, because no key can come twice.

use std::cmp::Ordering;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use super::database::{Db, Options, Sought, Visit, VisitEach};
use super::locking::Locking;
use super::order::{self, Compare, KeyOrder};
use super::paged::{Opened, Paged, View};
use crate::error::{Error, Kind, Result};
use crate::limits::{DB_CHUNK_BYTES, DB_CHUNK_RECORDS, DB_KEY_BYTES, DB_VALUE_BYTES};

/// Highest number of pointers of a record: 31 levels plus a second lowest one in twoskip and twom.
pub(super) const MAX_LINKS: usize = 32;

/// A format of records and pointers.
pub(super) trait Format: Sized + fmt::Debug + Send + Sync + 'static {
    /// Operation in error messages about contents.
    const OP: &'static str;
    /// Advice for such errors.
    const HINT: &'static str;
    /// The first bytes of a file.
    const MAGIC: &'static [u8];
    /// Advice for a file that begins with other bytes.
    const FOREIGN: &'static str;
    /// The order of keys if the database was not opened with mailbox order.
    const RAW: Compare;
    /// The order of keys if the database was opened with mailbox order.
    const MAILBOX: Compare = order::mailbox;
    /// How the file is locked while it is read.
    const LOCKING: Locking = Locking::Whole;
    /// Whether a deleted record can still be reached on the levels above the lowest one.
    const KEEPS_DELETED: bool = false;

    /// Data that is kept between two reads of the header.
    type Memo: Default + fmt::Debug + Send + Sync;

    /// Reads and checks the header. Returns `None` if the file is empty.
    fn header(view: &mut View<'_>, compare: Compare, memo: &Self::Memo) -> Result<Option<Self>>;

    /// Returns the node before the first record; it points to the first record of each level.
    fn start(&self, view: &mut View<'_>) -> Result<Node>;

    /// Returns the offset that `node` points to on one of its levels (0 is the lowest); 0 at the
    /// end.
    fn link(&self, view: &View<'_>, node: &Node, level: usize) -> Result<u64>;

    /// Reads the record at `offset`, or the next live one if it is deleted. Returns `None` at the
    /// end.
    fn node(&self, view: &mut View<'_>, offset: u64) -> Result<Option<Node>>;

    /// Reads the value of a record, and checks it if the format allows that.
    fn value(&self, view: &mut View<'_>, node: &Node) -> Result<Vec<u8>>;

    /// Checks the key of a record, as far as the format allows that. A search trusts the keys on
    /// its way. If it does not find its key, it verifies the neighbours, which prove that the key
    /// is absent.
    fn verify(&self, view: &mut View<'_>, node: &Node) -> Result<()>;
}

/// A record without its value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) offset: u64,
    pub(super) links: [u64; MAX_LINKS],
    /// The number of levels on which the record is linked.
    pub(super) levels: usize,
    pub(super) key: Vec<u8>,
    pub(super) value_offset: u64,
    pub(super) value_len: u64,
    /// CRC of key and value, if the format has one.
    pub(super) crc: u32,
}

/// The state of the last commit, for formats that write two lowest pointers in turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed {
    /// The committed size. Data at or beyond it is not valid.
    pub(super) end: u64,
    /// Whether a writer died during a transaction.
    pub(super) dirty: bool,
}

impl Committed {
    /// Returns the offset that the record at `offset` points to on a level, as of the last commit.
    pub(super) fn link(
        self,
        view: &View<'_>,
        offset: u64,
        links: &[u64; MAX_LINKS],
        level: usize,
    ) -> Result<u64> {
        let [first, second, higher @ ..] = links;
        if level == 0 {
            // Cyrus's recovery removes such pointers, after a crash and after an abort.
            if !self.dirty && (*first).max(*second) >= self.end {
                return Err(view.malformed(offset, "pointer goes beyond the committed size"));
            }
            let valid = [*first, *second].into_iter().filter(|&link| link < self.end).max();
            return valid
                .ok_or_else(|| view.malformed(offset, "no pointer is below committed size"));
        }
        match higher.get(level - 1) {
            Some(&link) if link < self.end => Ok(link),
            Some(_) if self.dirty => Ok(0),
            _ => Err(view.malformed(offset, "pointer goes beyond the committed size")),
        }
    }
}

/// Checks the lengths of a record against the limits. Returns what is too long.
pub(super) fn too_long(key: u64, value: u64) -> Option<&'static str> {
    if key > DB_KEY_BYTES {
        Some("key is too long")
    } else if value > DB_VALUE_BYTES {
        Some("value is too long")
    } else {
        None
    }
}

/// Checks the first bytes of the file. The file may be shorter than the magic.
pub(super) fn check_magic<F: Format>(view: &mut View<'_>) -> Result<()> {
    let len = F::MAGIC.len().min(usize::try_from(view.size()).unwrap_or(usize::MAX));
    let start = view.bytes(0, len as u64)?;
    if F::MAGIC.starts_with(&start) {
        Ok(())
    } else {
        Err(view.foreign("the file begins like no database of this type", F::FOREIGN))
    }
}

/// A database in one of these formats.
#[derive(Debug)]
pub(super) struct List<F: Format> {
    file: Paged,
    compare: Compare,
    memo: F::Memo,
    /// Whether an empty file is damage.
    required: bool,
}

/// Records of a scan: the number of the search that found each, its key and its value.
type Records = Vec<(usize, Vec<u8>, Vec<u8>)>;

/// The position at which a scan resumes.
#[derive(Debug, Default)]
struct Place {
    /// The first search that is not finished.
    nth: usize,
    /// The last key of that search that was visited.
    after: Option<Vec<u8>>,
}

/// How to handle an unreadable record.
enum Damage {
    /// Return the error.
    Refused,
    /// Continue after the record, and keep the first error.
    PassedOver(Option<Error>),
}

impl Damage {
    fn pass_over(&mut self, error: Error) -> Result<()> {
        match self {
            Damage::PassedOver(first) if error.kind() == Kind::Corrupt => {
                first.get_or_insert(error);
                Ok(())
            }
            _ => Err(error),
        }
    }
}

impl<F: Format> List<F> {
    pub(super) fn new(opened: Opened, path: &Path, options: &Options) -> Self {
        let compare = match options.order {
            KeyOrder::Raw => F::RAW,
            KeyOrder::Mailbox => F::MAILBOX,
        };
        let file = Paged::new(opened, path, F::LOCKING, F::OP, F::HINT);
        List { file, compare, memo: F::Memo::default(), required: options.required }
    }

    /// Reads the header of a locked database. Returns `None` if it is empty and that is allowed.
    fn header(&self, view: &mut View<'_>) -> Result<Option<F>> {
        match F::header(view, self.compare, &self.memo)? {
            None if self.required => Err(view.malformed(0, "the file is empty")),
            header => Ok(header),
        }
    }

    /// Returns the record that `node` points to on `level`.
    fn next(
        &self,
        format: &F,
        view: &mut View<'_>,
        node: &Node,
        level: usize,
        offset: u64,
    ) -> Result<Option<Node>> {
        let Some(next) = format.node(view, offset)? else { return Ok(None) };
        if next.levels <= level {
            return Err(view.malformed(next.offset, "record is reached on a level it has not"));
        }
        // The start node has an empty key; no record has one.
        if (self.compare)(&next.key, &node.key) != Ordering::Greater {
            return Err(view.malformed(next.offset, "keys are out of order"));
        }
        Ok(Some(next))
    }

    /// Returns the first readable record whose key is not below `key`.
    fn seek(
        &self,
        format: &F,
        view: &mut View<'_>,
        key: &[u8],
        damage: &mut Damage,
    ) -> Result<Option<Node>> {
        let mut node = format.start(view)?;
        // The nearest record at or beyond the key so far, and the offset by which it was reached.
        let mut beyond: Option<(u64, Node)> = None;
        for level in (0..node.levels).rev() {
            loop {
                let step = format.link(view, &node, level).and_then(|offset| {
                    if beyond.as_ref().is_some_and(|(seen, _)| *seen == offset) {
                        return Ok(None);
                    }
                    Ok(Some((offset, self.next(format, view, &node, level, offset)?)))
                });
                match step {
                    Ok(Some((_, Some(next)))) if self.is_below(&next, key) => node = next,
                    Ok(Some((offset, Some(next)))) => {
                        beyond = Some((offset, next));
                        break;
                    }
                    Ok(Some((_, None))) if level == 0 => {
                        beyond = None;
                        break;
                    }
                    Ok(_) => break,
                    // Pointers on lower levels may lead around the damage. If not, continue with
                    // `beyond`.
                    Err(error) => {
                        damage.pass_over(error)?;
                        match beyond.take_if(|_| level == 0 && F::KEEPS_DELETED) {
                            // It is no longer possible to know whether that record was deleted.
                            Some((_, next)) => node = next,
                            None => break,
                        }
                    }
                }
            }
        }
        // Only check if the key was not found, so that damage is reported only to searches it
        // affects.
        let found = beyond.as_ref().is_some_and(|(_, next)| next.key == key);
        if !found && let Err(error) = format.verify(view, &node) {
            damage.pass_over(error)?;
        }
        Ok(beyond.map(|(_, node)| node))
    }

    fn is_below(&self, node: &Node, key: &[u8]) -> bool {
        (self.compare)(&node.key, key) == Ordering::Less
    }

    /// Runs `work` on one state of the file, with its lock if that is needed.
    ///
    /// An aborted transaction changes blocks but no records, and may leave the recorded state of
    /// the file unchanged. A record that spans a cached block and a newly read one can then look
    /// damaged. If damage is found with cached blocks, run `work` again without the cache.
    fn read<T>(&self, mut work: impl FnMut(&mut View<'_>) -> Result<T>) -> Result<T> {
        let mut view = self.file.view()?;
        let result = work(&mut view);
        let damaged = matches!(&result, Err(error) if error.kind() == Kind::Corrupt);
        if view.is_stale() || (damaged && view.used_cache()) {
            drop(view);
            return work(&mut self.file.lock_uncached()?);
        }
        result
    }

    /// Reads results of the searches from a position on, all from one state of the file. Also
    /// returns the position to resume from, if there may be more.
    fn chunk(
        &self,
        view: &mut View<'_>,
        sought: &[Sought<'_>],
        from: &Place,
        damage: &mut Damage,
    ) -> Result<(Records, Option<Place>)> {
        let mut records = Records::new();
        let Some(format) = self.header(view)? else { return Ok((records, None)) };
        let mut bytes = 0usize;
        let mut after = from.after.as_deref();
        for (nth, sought) in sought.iter().enumerate().skip(from.nth) {
            match sought {
                Sought::Key(key) => {
                    if let Some(value) = self.value_of(&format, view, key)? {
                        bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
                        records.push((nth, key.to_vec(), value));
                    }
                }
                Sought::Prefix(prefix) => {
                    let mut next = self.first(&format, view, prefix, after, damage)?;
                    while let Some(node) = next {
                        if !self.has_prefix(&node, prefix) {
                            // Only the neighbours prove that there are no more records.
                            if let Err(error) = format.verify(view, &node) {
                                damage.pass_over(error)?;
                            }
                            break;
                        }
                        if records.len() >= DB_CHUNK_RECORDS || bytes >= DB_CHUNK_BYTES {
                            let last = records.last().filter(|(of, ..)| *of == nth);
                            let after = last.map(|(_, key, _)| key.clone());
                            return Ok((records, Some(Place { nth, after })));
                        }
                        let value = format.value(view, &node);
                        next = self.follow(&format, view, &node, damage)?;
                        match value {
                            Ok(value) => {
                                bytes = bytes
                                    .saturating_add(node.key.len())
                                    .saturating_add(value.len());
                                records.push((nth, node.key, value));
                            }
                            Err(error) => damage.pass_over(error)?,
                        }
                    }
                }
            }
            after = None;
        }
        Ok((records, None))
    }

    /// Returns the first record with a prefix, or the first record after the key `after`.
    fn first(
        &self,
        format: &F,
        view: &mut View<'_>,
        prefix: &[u8],
        after: Option<&[u8]>,
        damage: &mut Damage,
    ) -> Result<Option<Node>> {
        let next = self.seek(format, view, after.unwrap_or(prefix), damage)?;
        match (next, after) {
            (Some(node), Some(after)) if (self.compare)(&node.key, after) == Ordering::Equal => {
                self.follow(format, view, &node, damage)
            }
            (next, _) => Ok(next),
        }
    }

    fn has_prefix(&self, node: &Node, prefix: &[u8]) -> bool {
        let begin = node.key.get(..prefix.len());
        begin.is_some_and(|begin| (self.compare)(begin, prefix) == Ordering::Equal)
    }

    /// Returns the value of a key, if it exists.
    fn value_of(&self, format: &F, view: &mut View<'_>, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.seek(format, view, key, &mut Damage::Refused)? {
            Some(node) if (self.compare)(&node.key, key) == Ordering::Equal => {
                format.value(view, &node).map(Some)
            }
            Some(node) => format.verify(view, &node).map(|()| None),
            None => Ok(None),
        }
    }

    /// Returns the next readable record.
    fn follow(
        &self,
        format: &F,
        view: &mut View<'_>,
        node: &Node,
        damage: &mut Damage,
    ) -> Result<Option<Node>> {
        let next =
            format.link(view, node, 0).and_then(|offset| self.next(format, view, node, 0, offset));
        match next {
            Err(error) => {
                damage.pass_over(error)?;
                // The lowest key above this one.
                let above = [&node.key[..], b"\0"].concat();
                self.seek(format, view, &above, damage)
            }
            next => next,
        }
    }

    fn visit_all(
        &self,
        sought: &[Sought<'_>],
        visit: &mut VisitEach<'_>,
        damage: &mut Damage,
    ) -> Result<()> {
        let mut from = Place::default();
        loop {
            let (records, next) = self.read(|view| self.chunk(view, sought, &from, damage))?;
            for (nth, key, value) in &records {
                if let ControlFlow::Break(()) = visit(*nth, key, value)? {
                    return Ok(());
                }
            }
            match next {
                Some(place) => from = place,
                None => return Ok(()),
            }
        }
    }
}

impl<F: Format> Db for List<F> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read(|view| match self.header(view)? {
            Some(format) => self.value_of(&format, view, key),
            None => Ok(None),
        })
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut visit = |_: usize, key: &[u8], value: &[u8]| visit(key, value);
        self.visit_all(&[Sought::Prefix(prefix)], &mut visit, &mut Damage::Refused)
    }

    fn scan_each(&self, sought: &[Sought<'_>], visit: &mut VisitEach<'_>) -> Result<()> {
        self.visit_all(sought, visit, &mut Damage::Refused)
    }

    fn salvage(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut damage = Damage::PassedOver(None);
        let mut visit = |_: usize, key: &[u8], value: &[u8]| visit(key, value);
        self.visit_all(&[Sought::Prefix(prefix)], &mut visit, &mut damage)?;
        match damage {
            Damage::PassedOver(Some(error)) => Err(error),
            _ => Ok(()),
        }
    }
}
