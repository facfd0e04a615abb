//! Reads the header and the records of a skiplist from the file.

use std::sync::Arc;

use super::input::Input;
use super::list::{MAX_LINKS, Node, too_long};
use super::paged::View;
use crate::error::{Malformed, Result};

const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 48;
/// Offset of the start record, which follows the header.
pub(super) const START: u64 = HEADER_BYTES as u64;
const MAX_LEVEL: u32 = 20;

pub(super) const IN_ORDER: u32 = 1;
pub(super) const ADD: u32 = 2;
pub(super) const DELETE: u32 = 4;
pub(super) const COMMIT: u32 = 255;
pub(super) const DUMMY: u32 = 257;
pub(super) const PADDING: u32 = u32::MAX;

pub(super) const MAGIC: &[u8; 20] = b"\xa1\x02\x8b\x0dskiplist file\0\0\0";

/// The fields of the header.
#[derive(Debug)]
pub(super) struct Skiplist {
    pub(super) max_level: usize,
    pub(super) current_level: usize,
    pub(super) log_start: u64,
    /// Offsets of the records, sorted by key; only if the log was replayed. A pointer is then an
    /// index into this list, counted from 1, not an offset.
    pub(super) living: Option<Arc<[u32]>>,
}

impl Skiplist {
    /// Returns the offset of the log, as stored in the header.
    pub(super) fn log_start(&self) -> u64 {
        self.log_start
    }

    /// Returns the offset of the first record after the start record.
    pub(super) fn records_start(&self) -> u64 {
        START + 12 + 4 * (self.max_level as u64 + 1)
    }

    /// Returns the length of the record at `offset`, or `None` if the file ends within the record.
    pub(super) fn length(&self, view: &mut View<'_>, offset: u64) -> Result<Option<u64>> {
        let number = |view: &mut View<'_>, at: u64| {
            if at.saturating_add(4) > view.size() { Ok(None) } else { number(view, at).map(Some) }
        };
        let Some(key_len) = number(view, offset.saturating_add(4))? else { return Ok(None) };
        let after_key = offset.saturating_add(8 + u64::from(key_len).next_multiple_of(4));
        let Some(value_len) = number(view, after_key)? else { return Ok(None) };
        let links = after_key.saturating_add(4 + u64::from(value_len).next_multiple_of(4));
        let mut end = links;
        for _ in 0..=self.max_level {
            let Some(link) = number(view, end)? else { return Ok(None) };
            end = end.saturating_add(4);
            if link == PADDING {
                return Ok(Some(end - offset));
            }
        }
        Err(view.malformed(links, "record has no valid pointers"))
    }

    /// Returns the type and the contents of the record at `offset`.
    pub(super) fn record(&self, view: &mut View<'_>, offset: u64) -> Result<(u32, Node)> {
        if offset < START || !offset.is_multiple_of(4) {
            return Err(view.malformed(offset, "a pointer does not lead to a record"));
        }
        let kind = number(view, offset)?;
        if !matches!(kind, IN_ORDER | ADD | DUMMY) {
            return Err(view.malformed(offset, "a pointer does not lead to a record"));
        }
        let key_len = u64::from(number(view, offset.saturating_add(4))?);
        let key_offset = offset.saturating_add(8);
        let after_key = key_offset.saturating_add(key_len.next_multiple_of(4));
        let value_len = u64::from(number(view, after_key)?);
        let value_offset = after_key.saturating_add(4);
        if let Some(what) = too_long(key_len, value_len) {
            return Err(view.malformed(offset, what));
        }
        let key = view.bytes(key_offset, key_len)?;

        let links_offset = value_offset.saturating_add(value_len.next_multiple_of(4));
        let mut links = [0; MAX_LINKS];
        let (levels, complete) = self.links(view, links_offset, &mut links)?;
        if !complete || levels == 0 {
            return Err(view.malformed(links_offset, "record has no valid pointers"));
        }
        let node = Node { offset, links, levels, key, value_offset, value_len, crc: 0 };
        Ok((kind, node))
    }

    /// Reads the pointers into `links`. Returns their number, and whether the word that ends them
    /// was found within the maximum number of levels.
    fn links(
        &self,
        view: &mut View<'_>,
        offset: u64,
        links: &mut [u64; MAX_LINKS],
    ) -> Result<(usize, bool)> {
        let mut buffer = [0; 4 * (MAX_LEVEL as usize + 1)];
        let left = view.size().saturating_sub(offset);
        let wanted = (self.max_level + 1).saturating_mul(4).min(buffer.len());
        let (bytes, _) =
            buffer.split_at_mut(usize::try_from(left).unwrap_or(usize::MAX).min(wanted));
        view.read(offset, bytes)?;
        let mut levels = 0;
        let (words, _) = bytes.as_chunks::<4>();
        for (word, link) in words.iter().zip(links) {
            let word = u32::from_be_bytes(*word);
            if word == PADDING {
                return Ok((levels, true));
            }
            *link = u64::from(word);
            levels += 1;
        }
        Ok((levels, false))
    }
}

/// Returns the offset after a record. The pointers in `node` must be those in the file.
pub(super) fn node_end(node: &Node) -> u64 {
    let value_end = node.value_offset.saturating_add(node.value_len.next_multiple_of(4));
    value_end.saturating_add(4 * (node.levels as u64 + 1))
}

/// Reads the 4-byte number at `offset`.
pub(super) fn number(view: &mut View<'_>, offset: u64) -> Result<u32> {
    let mut bytes = [0; 4];
    view.read(offset, &mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

/// Parses the header.
pub(super) fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Result<Skiplist, Malformed> {
    let mut input = Input::new(bytes);
    input.take(MAGIC.len())?;
    let version = input.u32()?;
    if version != VERSION {
        return Err(Malformed::new(20, format!("version {version} of the format is not known")));
    }
    let _minor = input.u32()?;
    let max_level = input.u32()?;
    let current_level = input.u32()?;
    if max_level == 0 || max_level > MAX_LEVEL || current_level > max_level {
        return Err(Malformed::new(28, "levels are out of range"));
    }
    let _records = input.u32()?;
    let log_start = u64::from(input.u32()?);
    Ok(Skiplist {
        max_level: max_level as usize,
        current_level: current_level as usize,
        log_start,
        living: None,
    })
}
