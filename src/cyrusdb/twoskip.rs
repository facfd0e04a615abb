//! The twoskip backend (`lib/cyrusdb_twoskip.c`): a header, then records. All numbers are
//! big-endian.
//!
//! | header | bytes | | record | bytes |
//! |---|---|---|---|---|
//! | magic | 20 | | type: `=` start, `+` record, `-` deletion, `$` commit | 1 |
//! | version | 4 | | level | 1 |
//! | generation | 8 | | key length | 2; if all bits are set, 8 more |
//! | records | 8 | | value length | 4; if all bits are set, 8 more |
//! | size when last repacked | 8 | | pointers | 8 each, level + 1 of them |
//! | size at last commit | 8 | | CRC32 of the bytes above | 4 |
//! | flags: 1 is dirty | 4 | | CRC32 of key, value and padding | 4 |
//! | CRC32 of the bytes above | 4 | | key, value, zeroes up to a multiple of 8 | |
//!
//! The lowest level has two pointers, of which a transaction overwrites one. The other one stays as
//! the last commit left it. So the state of the last commit can be read even if a killed writer
//! left the file dirty. Of the pointers below the committed size (the size at the last commit), the
//! higher one is valid (`_getloc`). A pointer of another level is ignored if it points beyond the
//! committed size. Cyrus's recovery leads to the same state (`recovery1`).

use super::input::Input;
use super::list::{Committed, Format, MAX_LINKS, Node, check_magic, too_long};
use super::order::{self, Compare};
use super::paged::View;
use crate::error::{Malformed, Result};

const VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
/// Offset of the start record, which follows the header.
const START: u64 = HEADER_BYTES as u64;
const MAX_LEVEL: usize = 31;
const MIN_RECORD_BYTES: u64 = 24;
/// Type, level and lengths; long lengths; pointers; CRCs.
const MAX_HEAD_BYTES: usize = 8 + 16 + 8 * (MAX_LEVEL + 1) + 8;
const DIRTY: u32 = 1;

/// A twoskip database, as of its last commit.
#[derive(Debug)]
pub(super) struct Twoskip {
    committed: Committed,
}

#[derive(Debug)]
struct Head {
    kind: u8,
    links: [u64; MAX_LINKS],
    level: usize,
    key_len: u64,
    value_len: u64,
    /// Offset of the key within the record.
    len: u64,
    tail_crc: u32,
}

impl Format for Twoskip {
    const OP: &'static str = "read twoskip database";
    const HINT: &'static str = "check it with `cyr_dbtool FILE twoskip consistent`; Cyrus tries to \
                                recover it when it opens it; if that fails, restore it from a \
                                backup";
    const MAGIC: &'static [u8] = b"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0";
    const FOREIGN: &'static str = "if it is a flat database, convert it with `cvt_cyrusdb FILE \
                                   flat NEW twoskip`, or set its type to flat in imapd.conf where \
                                   that is allowed; otherwise restore it from a backup";
    const RAW: Compare = order::raw;
    type Memo = ();

    fn header(view: &mut View<'_>, _: Compare, (): &()) -> Result<Option<Self>> {
        if view.size() == 0 {
            return Ok(None);
        }
        check_magic::<Self>(view)?;
        let mut bytes = [0; HEADER_BYTES];
        view.read(0, &mut bytes)?;
        let (committed, flags) = parse_header(&bytes).map_err(|e| view.wrap(e))?;
        if committed > view.size() {
            return Err(view.malformed(view.size(), "the file is shorter than its header says"));
        }
        let dirty = flags & DIRTY != 0 || committed != view.size();
        Ok(Some(Twoskip { committed: Committed { end: committed, dirty } }))
    }

    fn start(&self, view: &mut View<'_>) -> Result<Node> {
        let head = self.head(view, START)?;
        if head.kind != b'=' || head.level != MAX_LEVEL || head.key_len != 0 {
            return Err(view.malformed(START, "no start record"));
        }
        self.with_key(view, START, head)
    }

    fn link(&self, view: &View<'_>, node: &Node, level: usize) -> Result<u64> {
        self.committed.link(view, node.offset, &node.links, level)
    }

    fn node(&self, view: &mut View<'_>, offset: u64) -> Result<Option<Node>> {
        // Skip deletions, which exist only on the lowest level. The budget ends a circle of them in
        // a damaged file.
        let mut offset = offset;
        let mut budget = self.committed.end / MIN_RECORD_BYTES;
        loop {
            if offset == 0 {
                return Ok(None);
            }
            let head = self.head(view, offset)?;
            match head.kind {
                b'+' if head.level > 0 && head.key_len > 0 => {
                    return self.with_key(view, offset, head).map(Some);
                }
                b'-' if budget > 0 => {
                    budget -= 1;
                    let [next, ..] = head.links;
                    offset = next;
                }
                b'-' => return Err(view.malformed(offset, "deletions point in a circle")),
                _ => return Err(view.malformed(offset, "a pointer does not lead to a record")),
            }
        }
    }

    fn value(&self, view: &mut View<'_>, node: &Node) -> Result<Vec<u8>> {
        let mut value = view.bytes(node.value_offset, padded(node))?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&node.key);
        crc.update(&value);
        if crc.finalize() != node.crc {
            return Err(view.malformed(node.offset, "CRC of key and value does not match"));
        }
        value.truncate(usize::try_from(node.value_len).unwrap_or(usize::MAX));
        Ok(value)
    }

    fn verify(&self, view: &mut View<'_>, node: &Node) -> Result<()> {
        if node.key.is_empty() {
            return Ok(()); // the start record has neither key nor value
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(&node.key);
        let (mut offset, mut left) = (node.value_offset, padded(node));
        let mut buffer = [0; 4096];
        while left > 0 {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let (bytes, _) = buffer.split_at_mut(count);
            view.read(offset, bytes)?;
            crc.update(bytes);
            offset = offset.saturating_add(count as u64);
            left = left.saturating_sub(count as u64);
        }
        if crc.finalize() == node.crc {
            Ok(())
        } else {
            Err(view.malformed(node.offset, "CRC of key and value does not match"))
        }
    }
}

/// Returns the length of a value together with the padding after it.
fn padded(node: &Node) -> u64 {
    let used = (node.key.len() as u64).saturating_add(node.value_len);
    node.value_len.saturating_add(used.next_multiple_of(8) - used)
}

impl Twoskip {
    fn head(&self, view: &mut View<'_>, offset: u64) -> Result<Head> {
        if offset < START || offset >= self.committed.end {
            return Err(view.malformed(offset, "pointer outside the committed records"));
        }
        let mut buffer = [0; MAX_HEAD_BYTES];
        let left =
            usize::try_from(self.committed.end - offset).unwrap_or(usize::MAX).min(MAX_HEAD_BYTES);
        let (bytes, _) = buffer.split_at_mut(left);
        view.read(offset, bytes)?;
        let head = parse_head(bytes).map_err(|mut e| {
            e.offset = e.offset.saturating_add(offset);
            view.wrap(e)
        })?;
        let whole = head
            .key_len
            .checked_add(head.value_len)
            .and_then(|n| n.checked_next_multiple_of(8))
            .and_then(|n| n.checked_add(head.len))
            .and_then(|n| n.checked_add(offset));
        if whole.is_none_or(|end| end > self.committed.end) {
            return Err(view.malformed(offset, "record goes beyond the committed size"));
        }
        match too_long(head.key_len, head.value_len) {
            Some(what) => Err(view.malformed(offset, what)),
            None => Ok(head),
        }
    }

    fn with_key(&self, view: &mut View<'_>, offset: u64, head: Head) -> Result<Node> {
        let key_offset = offset.saturating_add(head.len);
        Ok(Node {
            offset,
            links: head.links,
            levels: head.level,
            key: view.bytes(key_offset, head.key_len)?,
            value_offset: key_offset.saturating_add(head.key_len),
            value_len: head.value_len,
            crc: head.tail_crc,
        })
    }
}

/// Parses the header. Returns the committed size and the flags.
fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Result<(u64, u32), Malformed> {
    let (checked, crc) = bytes.split_at(HEADER_BYTES - 4);
    let mut input = Input::new(bytes);
    input.take(Twoskip::MAGIC.len())?;
    let version = input.u32()?;
    if version > VERSION {
        let at = input.offset() - 4;
        return Err(Malformed::new(at, format!("version {version} of the format is not known")));
    }
    if crc32fast::hash(checked).to_be_bytes() != *crc {
        return Err(Malformed::new(HEADER_BYTES - 4, "CRC of the header does not match"));
    }
    let _generation = input.u64()?;
    let _records = input.u64()?;
    let _repacked_size = input.u64()?;
    let committed = input.u64()?;
    let flags = input.u32()?;
    Ok((committed, flags))
}

/// Parses a record up to its key (the head). `bytes` has the length of the longest head, or less at
/// the end of the file.
fn parse_head(bytes: &[u8]) -> Result<Head, Malformed> {
    let mut input = Input::new(bytes);
    let [kind, level] = input.array()?;
    let level = usize::from(level);
    if level > MAX_LEVEL {
        return Err(Malformed::new(1, "record has too many levels"));
    }
    let mut key_len = u64::from(u16::from_be_bytes(input.array()?));
    let mut value_len = u64::from(input.u32()?);
    if key_len == u64::from(u16::MAX) {
        key_len = input.u64()?;
    }
    if value_len == u64::from(u32::MAX) {
        value_len = input.u64()?;
    }
    let mut links = [0; MAX_LINKS];
    for link in links.iter_mut().take(level + 1) {
        *link = input.u64()?;
    }
    let (head, _) = bytes.split_at(input.offset());
    let at = input.offset();
    if input.u32()? != crc32fast::hash(head) {
        return Err(Malformed::new(at, "CRC of the record's head does not match"));
    }
    let tail_crc = input.u32()?;
    Ok(Head { kind, links, level, key_len, value_len, len: input.offset() as u64, tail_crc })
}
