//! What twoskip and skiplist have in common: a sorted list with pointers that skip ahead.
//!
//! Keys must ascend along every pointer that is followed; that is checked at each step, and is
//! also what ends the walk through a damaged file: no key comes twice.

use std::cmp::Ordering;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use super::order::{self, Compare, KeyOrder};
use super::paged::{Paged, View};
use super::{Db, Visit};
use crate::error::Result;
use crate::limits::{DB_CHUNK_BYTES, DB_CHUNK_RECORDS, DB_KEY_BYTES, DB_VALUE_BYTES};

/// Most pointers of one record: twoskip's 31 levels and its doubled lowest one.
pub(super) const MAX_LINKS: usize = 32;

/// A format of records and pointers.
pub(super) trait Format: Sized + fmt::Debug + Send + Sync + 'static {
    /// For errors about contents.
    const OP: &'static str;
    /// What to do about them.
    const HINT: &'static str;
    /// What a file begins with.
    const MAGIC: &'static [u8; 20];
    /// What to do about a file that begins otherwise.
    const FOREIGN: &'static str;
    /// The order of keys if the database was not opened with mailbox order.
    const RAW: Compare;

    /// What is kept from one reading of the header to the next.
    type Memo: Default + fmt::Debug + Send + Sync;

    /// Reads and checks the header; `None` if the file is empty.
    fn header(view: &mut View<'_>, compare: Compare, memo: &Self::Memo) -> Result<Option<Self>>;

    /// The record before the first one, which points to the first one on each level.
    fn start(&self, view: &mut View<'_>) -> Result<Node>;

    /// Where `node` points to on a level it has, 0 being the lowest; 0 at the end.
    fn link(&self, view: &View<'_>, node: &Node, level: usize) -> Result<u64>;

    /// Reads the record at `offset`, or the first living one after it; `None` at the end.
    fn node(&self, view: &mut View<'_>, offset: u64) -> Result<Option<Node>>;

    /// Reads a record's value, checking it if the format can.
    fn value(&self, view: &mut View<'_>, node: &Node) -> Result<Vec<u8>>;
}

/// A record without its value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) offset: u64,
    pub(super) links: [u64; MAX_LINKS],
    /// On how many levels it can be reached.
    pub(super) levels: usize,
    pub(super) key: Vec<u8>,
    pub(super) value_offset: u64,
    pub(super) value_len: u64,
    /// CRC of key and value, if the format has one.
    pub(super) crc: u32,
}

/// Checks lengths of a record against the limits; what is too long.
pub(super) fn too_long(key: u64, value: u64) -> Option<&'static str> {
    if key > DB_KEY_BYTES {
        Some("key is too long")
    } else if value > DB_VALUE_BYTES {
        Some("value is too long")
    } else {
        None
    }
}

/// Checks what the file begins with; there may be less of it than that.
pub(super) fn check_magic<F: Format>(view: &mut View<'_>) -> Result<()> {
    let len = F::MAGIC.len().min(usize::try_from(view.size()).unwrap_or(usize::MAX));
    let start = view.bytes(0, len as u64)?;
    match F::MAGIC.starts_with(&start) {
        true => Ok(()),
        false => Err(view.foreign("the file begins like no database of this type", F::FOREIGN)),
    }
}

/// A database of one of these formats.
#[derive(Debug)]
pub(super) struct List<F: Format> {
    file: Paged,
    compare: Compare,
    memo: F::Memo,
}

type Records = Vec<(Vec<u8>, Vec<u8>)>;

impl<F: Format> List<F> {
    pub(super) fn open(path: &Path, order: KeyOrder) -> Result<Self> {
        let compare = match order {
            KeyOrder::Raw => F::RAW,
            KeyOrder::Mailbox => order::mailbox,
        };
        Ok(List { file: Paged::open(path, F::OP, F::HINT)?, compare, memo: F::Memo::default() })
    }

    /// The record `node` points to on `level`.
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
        // The start has an empty key, as no record has.
        if (self.compare)(&next.key, &node.key) != Ordering::Greater {
            return Err(view.malformed(next.offset, "keys are out of order"));
        }
        Ok(Some(next))
    }

    /// The first record whose key is not below `key`.
    fn seek(&self, format: &F, view: &mut View<'_>, key: &[u8]) -> Result<Option<Node>> {
        let mut node = format.start(view)?;
        // The nearest record known to be at or beyond the key, and the pointer that led to it.
        let mut beyond: Option<(u64, Node)> = None;
        for level in (0..node.levels).rev() {
            loop {
                let offset = format.link(view, &node, level)?;
                if beyond.as_ref().is_some_and(|(seen, _)| *seen == offset) {
                    break;
                }
                match self.next(format, view, &node, level, offset)? {
                    Some(next) if (self.compare)(&next.key, key) == Ordering::Less => node = next,
                    Some(next) => {
                        beyond = Some((offset, next));
                        break;
                    }
                    None if level == 0 => return Ok(None),
                    None => break,
                }
            }
        }
        Ok(beyond.map(|(_, node)| node))
    }

    /// Reads records with `prefix` under one lock: those from the prefix on, or those after
    /// the key `after`. Also says whether there may be more.
    fn chunk(&self, prefix: &[u8], after: Option<&[u8]>) -> Result<(Records, bool)> {
        let mut view = self.file.lock()?;
        let mut records = Records::new();
        let Some(format) = F::header(&mut view, self.compare, &self.memo)? else {
            return Ok((records, false));
        };
        let mut next = self.seek(&format, &mut view, after.unwrap_or(prefix))?;
        if let (Some(node), Some(after)) = (&next, after)
            && (self.compare)(&node.key, after) == Ordering::Equal
        {
            next = self.follow(&format, &mut view, node)?;
        }
        let mut bytes = 0usize;
        while let Some(node) = next {
            let begin = node.key.get(..prefix.len());
            if begin.is_none_or(|begin| (self.compare)(begin, prefix) != Ordering::Equal) {
                return Ok((records, false));
            }
            if records.len() >= DB_CHUNK_RECORDS || bytes >= DB_CHUNK_BYTES {
                return Ok((records, true));
            }
            let value = format.value(&mut view, &node)?;
            next = self.follow(&format, &mut view, &node)?;
            bytes = bytes.saturating_add(node.key.len()).saturating_add(value.len());
            records.push((node.key, value));
        }
        Ok((records, false))
    }

    fn follow(&self, format: &F, view: &mut View<'_>, node: &Node) -> Result<Option<Node>> {
        let offset = format.link(view, node, 0)?;
        self.next(format, view, node, 0, offset)
    }
}

impl<F: Format> Db for List<F> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut view = self.file.lock()?;
        let Some(format) = F::header(&mut view, self.compare, &self.memo)? else { return Ok(None) };
        match self.seek(&format, &mut view, key)? {
            Some(node) if (self.compare)(&node.key, key) == Ordering::Equal => {
                format.value(&mut view, &node).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let (records, more) = self.chunk(prefix, after.as_deref())?;
            for (key, value) in &records {
                if let ControlFlow::Break(()) = visit(key, value)? {
                    return Ok(());
                }
            }
            match records.into_iter().next_back() {
                Some((key, _)) if more => after = Some(key),
                _ => return Ok(()),
            }
        }
    }
}
