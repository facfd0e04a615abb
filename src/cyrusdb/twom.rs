//! The twom backend (`lib/twom.c`, after Cyrus 3.12): a header, then records. All numbers are
//! little-endian.
//!
//! | header | bytes | | record | bytes |
//! |---|---|---|---|---|
//! | magic | 16 | | type | 1 |
//! | UUID | 16 | | level | 1 |
//! | version | 4 | | key length | 2 |
//! | flags: 1 is dirty; for others see the constants | 4 | | value length | 4 |
//! | generation | 8 | | FATADD, FATREPLACE: key and value length | 8 each |
//! | records | 8 | | REPLACE, FATREPLACE, DELETE: ancestor | 8 |
//! | commits | 8 | | pointers, except in DELETE | 8 each, level + 1 of them |
//! | bytes of replaced records | 8 | | checksum of the bytes above | 4 |
//! | size when last repacked | 8 | | checksum of key, value, NULs and padding | 4 |
//! | size at last commit | 8 | | key, NUL, value, NUL, zeroes up to a multiple of 8 | |
//! | highest level | 4 | | | |
//! | checksum of the bytes above | 4 | | | |
//!
//! A transaction appends its records, then a COMMIT record, to which no pointer leads. Then the
//! header is updated with the new size (the committed size). The file may be longer; bytes beyond
//! the committed size are not valid. If a key has several versions, the pointers lead to the newest
//! one. Older versions (ancestors) are for readers of earlier states; this reader does not use
//! them.
//!
//! The lowest level has two pointers, of which writers overwrite one in turn, as in twoskip. Of
//! those below the committed size, the higher one is valid (`advance0`). A pointer of another level
//! is ignored if it points beyond the committed size. Cyrus's recovery after a killed writer leads
//! to the same state (`recovery1`).
//!
//! A key is deleted by a DELETE record, which is linked on the lowest level before the deleted
//! record. The deleted record stays linked on all its levels. So a record that is reached on a
//! higher level may be deleted; only the lowest level shows whether it is.
//!
//! A checksum is the lower half of 64-bit XXH3, or zero in a database without checksums.

use twox_hash::XxHash3_64;

use super::input::Input;
use super::list::{Committed, Format, MAX_LINKS, Node, check_magic, too_long};
use super::locking::Locking;
use super::order::{self, Compare};
use super::paged::View;
use crate::error::{Malformed, Result};

const VERSION: u32 = 1;
const HEADER_BYTES: usize = 96;
/// Offset of the start record, which follows the header (`DUMMY_OFFSET`).
const START: u64 = HEADER_BYTES as u64;
const START_BYTES: u64 = 272;
const MAX_LEVEL: usize = 31;
/// Size of a DELETE, which is the shortest record.
const MIN_RECORD_BYTES: u64 = 24;
/// Type, level and lengths; long lengths; ancestor; pointers; checksums.
const MAX_HEAD_BYTES: usize = 8 + 16 + 8 + 8 * (MAX_LEVEL + 1) + 8;

const DUMMY: u8 = 1;
const ADD: u8 = 2;
const FAT_ADD: u8 = 3;
const REPLACE: u8 = 4;
const FAT_REPLACE: u8 = 5;
const DELETE: u8 = 6;

const DIRTY: u32 = 1;
/// Flag: all checksums are zero (`TWOM_CSUM_NULL`).
const WITHOUT_CHECKSUMS: u32 = 1 << 27;
/// Flags: another program created the file, with its own functions for checksums or for the order
/// of keys (`TWOM_CSUM_EXTERNAL`, `TWOM_COMPAR_EXTERNAL`).
const EXTERNAL: u32 = 1 << 29 | 1 << 30;

/// A twom database, as of its last commit.
#[derive(Debug)]
pub(super) struct Twom {
    committed: Committed,
    checksums: Checksums,
}

/// The algorithm of checksums (`set_csum_engine`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checksums {
    Xxh3,
    Zero,
}

impl Checksums {
    fn of(self, bytes: &[u8]) -> u32 {
        match self {
            // Cyrus stores the lower half of the hash.
            Checksums::Xxh3 => XxHash3_64::oneshot(bytes) as u32,
            Checksums::Zero => 0,
        }
    }
}

/// The part of a record before its key.
#[derive(Debug)]
struct Head {
    kind: u8,
    level: usize,
    key_len: u64,
    value_len: u64,
    ancestor: u64,
    links: [u64; MAX_LINKS],
    /// Offset of the key within the record.
    len: u64,
    checksum: u32,
}

impl Head {
    fn has_key(&self) -> bool {
        matches!(self.kind, ADD | FAT_ADD | REPLACE | FAT_REPLACE)
    }
}

impl Format for Twom {
    const OP: &'static str = "read twom database";
    const HINT: &'static str = "check it with `cyr_dbtool FILE twom consistent`; Cyrus tries to \
                                recover it at the next write; if that fails, restore it from a \
                                backup";
    const MAGIC: &'static [u8] = b"\xa1\x02\x8b\x0dtwomfile\0\0\0\0";
    const FOREIGN: &'static str = "if it is a flat database, convert it with `cvt_cyrusdb FILE \
                                   flat NEW twom`, or set its type to flat in imapd.conf where \
                                   that is allowed; otherwise restore it from a backup";
    const RAW: Compare = order::raw;
    // The mailbox order is not possible: `lib/cyrusdb_twom.c` supports only one order.
    const MAILBOX: Compare = order::raw;
    const LOCKING: Locking = Locking::Twom;
    const KEEPS_DELETED: bool = true;
    type Memo = ();

    fn header(view: &mut View<'_>, _: Compare, (): &()) -> Result<Option<Self>> {
        if view.size() == 0 {
            return Ok(None);
        }
        check_magic::<Self>(view)?;
        if view.size() < START + START_BYTES {
            return Err(view.malformed(view.size(), "the file ends before its start record does"));
        }
        let mut bytes = [0; HEADER_BYTES];
        view.read(0, &mut bytes)?;
        let header = parse_header(&bytes).map_err(|e| view.wrap(e))?;
        if header.committed.end > view.size() {
            return Err(view.malformed(view.size(), "the file is shorter than its header says"));
        }
        Ok(Some(header))
    }

    fn start(&self, view: &mut View<'_>) -> Result<Node> {
        let head = self.head(view, START)?;
        if head.kind != DUMMY {
            return Err(view.malformed(START, "no start record"));
        }
        Ok(Node {
            offset: START,
            links: head.links,
            levels: head.level,
            key: Vec::new(),
            value_offset: START + START_BYTES,
            value_len: 0,
            crc: 0,
        })
    }

    fn link(&self, view: &View<'_>, node: &Node, level: usize) -> Result<u64> {
        self.committed.link(view, node.offset, &node.links, level)
    }

    fn node(&self, view: &mut View<'_>, offset: u64) -> Result<Option<Node>> {
        let mut offset = offset;
        let mut budget = self.committed.end / MIN_RECORD_BYTES;
        loop {
            if offset == 0 {
                return Ok(None);
            }
            let head = self.head(view, offset)?;
            if head.has_key() {
                return self.with_key(view, offset, head).map(Some);
            }
            if head.kind != DELETE {
                return Err(view.malformed(offset, "a pointer does not lead to a record"));
            }
            if head.ancestor >= offset {
                return Err(view.malformed(offset, "a deletion points to a later record"));
            }
            let deleted = self.head(view, head.ancestor)?;
            if !deleted.has_key() {
                return Err(view.malformed(offset, "a deletion does not point to a record"));
            }
            budget = budget
                .checked_sub(1)
                .ok_or_else(|| view.malformed(offset, "deletions point in a circle"))?;
            offset = self.committed.link(view, head.ancestor, &deleted.links, 0)?;
        }
    }

    fn value(&self, view: &mut View<'_>, node: &Node) -> Result<Vec<u8>> {
        let before = (node.key.len() as u64).saturating_add(1);
        let len = tail_len(node.key.len() as u64, node.value_len);
        let bad = |what| view.malformed(node.offset, what);
        let (Some(start), Some(len)) = (node.value_offset.checked_sub(before), len) else {
            return Err(bad("record is too long"));
        };
        let mut tail = view.bytes(start, len)?;
        if self.checksums.of(&tail) != node.crc {
            return Err(view.malformed(node.offset, "checksum of key and value does not match"));
        }
        let mut value = tail.split_off(node.key.len().saturating_add(1).min(tail.len()));
        let end = usize::try_from(node.value_len).unwrap_or(usize::MAX);
        if value.get(end) != Some(&0) {
            return Err(view.malformed(node.offset, "no NUL after the value"));
        }
        value.truncate(end);
        Ok(value)
    }

    fn verify(&self, view: &mut View<'_>, node: &Node) -> Result<()> {
        if node.key.is_empty() {
            return Ok(()); // the start record has neither key nor value
        }
        self.value(view, node).map(drop)
    }
}

impl Twom {
    fn head(&self, view: &mut View<'_>, offset: u64) -> Result<Head> {
        let end = self.committed.end;
        if offset < START || offset >= end {
            return Err(view.malformed(offset, "pointer outside the committed records"));
        }
        if !offset.is_multiple_of(8) {
            return Err(view.malformed(offset, "a pointer does not lead to a record"));
        }
        let mut buffer = [0; MAX_HEAD_BYTES];
        let left = usize::try_from(end - offset).unwrap_or(usize::MAX).min(MAX_HEAD_BYTES);
        let (bytes, _) = buffer.split_at_mut(left);
        view.read(offset, bytes)?;
        let head = parse_head(bytes, self.checksums).map_err(|mut e| {
            e.offset = e.offset.saturating_add(offset);
            view.wrap(e)
        })?;
        if !head.has_key() {
            return Ok(head);
        }
        if let Some(what) = too_long(head.key_len, head.value_len) {
            return Err(view.malformed(offset, what));
        }
        let whole = tail_len(head.key_len, head.value_len)
            .and_then(|n| n.checked_add(head.len))
            .and_then(|n| n.checked_add(offset));
        if whole.is_none_or(|record_end| record_end > end) {
            return Err(view.malformed(offset, "record goes beyond the committed size"));
        }
        if head.key_len == 0 {
            return Err(view.malformed(offset, "record has no key"));
        }
        Ok(head)
    }

    /// Reads the key of a record. The record must have one ([`Twom::head`] checks that).
    fn with_key(&self, view: &mut View<'_>, offset: u64, head: Head) -> Result<Node> {
        let key_offset = offset.saturating_add(head.len);
        let mut key = view.bytes(key_offset, head.key_len.saturating_add(1))?;
        if key.pop() != Some(0) {
            return Err(view.malformed(offset, "no NUL after the key"));
        }
        Ok(Node {
            offset,
            links: head.links,
            levels: head.level,
            key,
            value_offset: key_offset.saturating_add(head.key_len).saturating_add(1),
            value_len: head.value_len,
            crc: head.checksum,
        })
    }
}

/// Returns the length of key and value with the NULs after them and the padding (`TLCALC`).
fn tail_len(key: u64, value: u64) -> Option<u64> {
    key.checked_add(value)?.checked_add(2)?.checked_next_multiple_of(8)
}

fn le32(input: &mut Input<'_>) -> Result<u32, Malformed> {
    input.array().map(u32::from_le_bytes)
}

fn le64(input: &mut Input<'_>) -> Result<u64, Malformed> {
    input.array().map(u64::from_le_bytes)
}

/// Parses the header (`read_header`).
fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Result<Twom, Malformed> {
    let (checked, checksum) = bytes.split_at(HEADER_BYTES - 4);
    let mut input = Input::new(bytes);
    let _magic = input.take(Twom::MAGIC.len())?;
    let _uuid = input.take(16)?;
    let version_at = input.offset();
    let version = le32(&mut input)?;
    if version > VERSION {
        let what = format!("version {version} of the format is not known");
        return Err(Malformed::new(version_at, what));
    }
    let flags_at = input.offset();
    let flags = le32(&mut input)?;
    if flags & EXTERNAL != 0 {
        let what = "the sort order or the type of checksums is not one that Cyrus uses";
        return Err(Malformed::new(flags_at, what));
    }
    let checksums = if flags & WITHOUT_CHECKSUMS == 0 { Checksums::Xxh3 } else { Checksums::Zero };
    if checksums.of(checked).to_le_bytes() != *checksum {
        return Err(Malformed::new(HEADER_BYTES - 4, "checksum of the header does not match"));
    }
    let _generation = le64(&mut input)?;
    let _records = le64(&mut input)?;
    let _commits = le64(&mut input)?;
    let _replaced = le64(&mut input)?;
    let _repacked_size = le64(&mut input)?;
    let end_at = input.offset();
    let end = le64(&mut input)?;
    if end < START + START_BYTES || !end.is_multiple_of(8) {
        return Err(Malformed::new(end_at, "the committed size is not valid"));
    }
    Ok(Twom { committed: Committed { end, dirty: flags & DIRTY != 0 }, checksums })
}

/// Parses a record up to its key (the head). `bytes` has the length of the longest head, or less at
/// the end of the file.
fn parse_head(bytes: &[u8], checksums: Checksums) -> Result<Head, Malformed> {
    let mut input = Input::new(bytes);
    let [kind, level] = input.array()?;
    let level = usize::from(level);
    let levels_known = match kind {
        DUMMY => level == MAX_LEVEL,
        ADD | FAT_ADD | REPLACE | FAT_REPLACE => (1..=MAX_LEVEL).contains(&level),
        DELETE => level == 0,
        _ => return Err(Malformed::new(0usize, "a pointer does not lead to a record")),
    };
    if !levels_known {
        return Err(Malformed::new(1usize, "record has an impossible level"));
    }
    let mut key_len = u64::from(u16::from_le_bytes(input.array()?));
    let mut value_len = u64::from(le32(&mut input)?);
    if matches!(kind, FAT_ADD | FAT_REPLACE) {
        key_len = le64(&mut input)?;
        value_len = le64(&mut input)?;
    }
    let ancestor = match kind {
        REPLACE | FAT_REPLACE | DELETE => le64(&mut input)?,
        _ => 0,
    };
    let mut links = [0; MAX_LINKS];
    let count = if kind == DELETE { 0 } else { level + 1 };
    for link in links.iter_mut().take(count) {
        *link = le64(&mut input)?;
    }
    let (head, _) = bytes.split_at(input.offset());
    let at = input.offset();
    if le32(&mut input)? != checksums.of(head) {
        return Err(Malformed::new(at, "checksum of the record's head does not match"));
    }
    let checksum = le32(&mut input)?;
    let len = input.offset() as u64;
    Ok(Head { kind, level, key_len, value_len, ancestor, links, len, checksum })
}
