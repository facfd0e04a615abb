//! The code that twoskip, skiplist and twom share. All three are skip lists: a record has one
//! pointer to a later record on each of its levels. Level 0, the lowest, links all records in order
//! of keys; higher levels skip more and more records.
//!
//! Each step along a pointer checks that the key ascends. So a walk through a damaged file ends,
//! because no record can be reached twice.

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

/// Maximum number of pointers in a record: 31 levels. twoskip and twom have a second pointer on
/// level 0.
pub(super) const MAX_LINKS: usize = 32;

/// The part that differs between the three formats: how header, records and pointers are stored.
pub(super) trait Format: Sized + fmt::Debug + Send + Sync + 'static {
    /// Name of the operation in errors about the content.
    const OP: &'static str;
    /// Advice for errors about the content.
    const HINT: &'static str;
    /// The magic: the first bytes of every file in this format.
    const MAGIC: &'static [u8];
    /// Advice for errors about a file that begins with other bytes.
    const FOREIGN: &'static str;
    /// The comparison of keys if the database was opened with [`KeyOrder::Raw`].
    const RAW: Compare;
    /// The comparison of keys if the database was opened with [`KeyOrder::Mailbox`].
    const MAILBOX: Compare = order::mailbox;
    /// The kind of lock under which the file is read.
    const LOCKING: Locking = Locking::Whole;
    /// Whether pointers above level 0 can still lead to a deleted record.
    const KEEPS_DELETED: bool = false;

    /// Data that is kept from one read of the header to the next.
    type Memo: Default + fmt::Debug + Send + Sync;

    /// Reads and checks the header. `memo` holds data from earlier calls. Returns `None` if the
    /// file is empty.
    fn header(view: &mut View<'_>, compare: Compare, memo: &Self::Memo) -> Result<Option<Self>>;

    /// Returns the start node, which comes before all records and points to the first record of
    /// each level.
    fn start(&self, view: &mut View<'_>) -> Result<Node>;

    /// Returns the pointer of `node` on a level, which is the offset of a record. Returns 0 if no
    /// record follows on this level.
    fn link(&self, view: &View<'_>, node: &Node, level: usize) -> Result<u64>;

    /// Reads the record at `offset`. If it is deleted, reads the next record that is not. Returns
    /// `None` at the end of the list.
    fn node(&self, view: &mut View<'_>, offset: u64) -> Result<Option<Node>>;

    /// Reads the value of a record. Checks the value if the format has a checksum.
    fn value(&self, view: &mut View<'_>, node: &Node) -> Result<Vec<u8>>;

    /// Checks the key of a record if the format has a checksum. A search does not check the records
    /// that it passes. If it does not find its key, it calls this for the records before and after
    /// the key, because only undamaged neighbours prove that the key does not exist.
    fn verify(&self, view: &mut View<'_>, node: &Node) -> Result<()>;
}

/// A record (or the start node) without its value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) offset: u64,
    pub(super) links: [u64; MAX_LINKS],
    /// The number of levels of the record.
    pub(super) levels: usize,
    pub(super) key: Vec<u8>,
    pub(super) value_offset: u64,
    pub(super) value_len: u64,
    /// CRC of key and value; unused if the format has none.
    pub(super) crc: u32,
}

/// The state of the last commit, for formats with two pointers on level 0. Their writers set these
/// pointers in turn, so that one is always committed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed {
    /// The size of the file at the last commit. Data at or after this offset is not valid.
    pub(super) end: u64,
    /// Whether a writer was killed during a transaction.
    pub(super) dirty: bool,
}

impl Committed {
    /// Returns the pointer of a record on a level, as of the last commit. `links` are all pointers
    /// of the record at `offset`.
    pub(super) fn link(
        self,
        view: &View<'_>,
        offset: u64,
        links: &[u64; MAX_LINKS],
        level: usize,
    ) -> Result<u64> {
        let [first, second, higher @ ..] = links;
        if level == 0 {
            // Cyrus's recovery removes such pointers, after a crash and after an aborted
            // transaction.
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

/// Checks the lengths of a record against the limits. Returns an error text if one is too long.
pub(super) fn too_long(key: u64, value: u64) -> Option<&'static str> {
    if key > DB_KEY_BYTES {
        Some("key is too long")
    } else if value > DB_VALUE_BYTES {
        Some("value is too long")
    } else {
        None
    }
}

/// Checks that the file begins with the magic bytes of the format. Of a shorter file, checks all
/// bytes.
pub(super) fn check_magic<F: Format>(view: &mut View<'_>) -> Result<()> {
    let len = F::MAGIC.len().min(usize::try_from(view.size()).unwrap_or(usize::MAX));
    let start = view.bytes(0, len as u64)?;
    if F::MAGIC.starts_with(&start) {
        Ok(())
    } else {
        Err(view.foreign("the file begins like no database of this type", F::FOREIGN))
    }
}

/// An open database in one of these formats.
#[derive(Debug)]
pub(super) struct List<F: Format> {
    file: Paged,
    compare: Compare,
    memo: F::Memo,
    /// Whether an empty file is an error.
    required: bool,
}

/// Records of a scan. Each has the index of the search that found it, its key and its value.
type Records = Vec<(usize, Vec<u8>, Vec<u8>)>;

/// The position at which a scan resumes.
#[derive(Debug, Default)]
struct Place {
    /// Index of the first search that is not finished.
    nth: usize,
    /// The last visited key of that search; `None` before its first record.
    after: Option<Vec<u8>>,
}

/// How to handle an unreadable record.
enum Damage {
    /// Stop, and return the error.
    Refused,
    /// Skip the record, and keep the first error.
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

    /// Reads the header of a locked database. Returns `None` if the file is empty and may be empty.
    fn header(&self, view: &mut View<'_>) -> Result<Option<F>> {
        match F::header(view, self.compare, &self.memo)? {
            None if self.required => Err(view.malformed(0, "the file is empty")),
            header => Ok(header),
        }
    }

    /// Reads the record at `offset`, to which `node` points on `level`. Checks that it has this
    /// level and that its key is above that of `node`.
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
            return Err(view.malformed(
                next.offset,
                "a pointer leads to a record that does not have this level",
            ));
        }
        // This holds for the start node too: its key is empty, and no record has an empty key.
        if (self.compare)(&next.key, &node.key) != Ordering::Greater {
            return Err(view.malformed(next.offset, "keys are out of order"));
        }
        Ok(Some(next))
    }

    /// Returns the first readable record whose key is equal to `key` or above.
    fn seek(
        &self,
        format: &F,
        view: &mut View<'_>,
        key: &[u8],
        damage: &mut Damage,
    ) -> Result<Option<Node>> {
        let mut node = format.start(view)?;
        // The nearest record found so far whose key is not below `key`, and the pointer that led to
        // it.
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
                    // Go down to the next level, whose pointers may lead around the damage. On the
                    // lowest level, the result is `beyond`.
                    Err(error) => {
                        damage.pass_over(error)?;
                        match beyond.take_if(|_| level == 0 && F::KEEPS_DELETED) {
                            // Only the damaged level 0 shows whether this record was deleted. So
                            // search after it.
                            Some((_, next)) => node = next,
                            None => break,
                        }
                    }
                }
            }
        }
        // If the key was found, do not check the record before it: damage there must not make this
        // search fail.
        let found = beyond.as_ref().is_some_and(|(_, next)| next.key == key);
        if !found && let Err(error) = format.verify(view, &node) {
            damage.pass_over(error)?;
        }
        Ok(beyond.map(|(_, node)| node))
    }

    fn is_below(&self, node: &Node, key: &[u8]) -> bool {
        (self.compare)(&node.key, key) == Ordering::Less
    }

    /// Runs `work` on one state of the file. Takes the lock of the file only if the cache does not
    /// suffice.
    ///
    /// An aborted transaction changes blocks of the file but no records, and may leave the recorded
    /// [`State`](super::paged::State) of the file unchanged. A record that lies partly in a cached
    /// block and partly in a newly read block can then look damaged. So, if cached blocks were used
    /// and damage is found, `work` runs once more without the cache.
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

    /// Like [`List::chunk`], on one state of the file. Passes over damage only if it is there without
    /// the cache too.
    fn read_chunk(
        &self,
        sought: &[Sought<'_>],
        from: &Place,
        damage: &mut Damage,
    ) -> Result<(Records, Option<Place>)> {
        let read = self.read(|view| self.chunk(view, sought, from, &mut Damage::Refused));
        match (read, &damage) {
            (Err(error), Damage::PassedOver(_)) if error.kind() == Kind::Corrupt => {
                self.chunk(&mut self.file.lock_uncached()?, sought, from, damage)
            }
            (read, _) => read,
        }
    }

    /// Runs the searches from position `from` on, up to a limit of results. All results come from
    /// one state of the file. If there may be more results, also returns the position to resume
    /// from.
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
                            // Only undamaged neighbours prove that there are no more records.
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

    /// Returns the first record whose key begins with `prefix` or, if `after` is given, the first
    /// record after that key.
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

    /// Returns the next readable record after `node`.
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
                // The lowest key above that of `node`.
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
            let (records, next) = self.read_chunk(sought, &from, damage)?;
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
