//! Reads big-endian numbers from bytes that may end too early.

use crate::error::Malformed;

/// A reader of bytes. Its methods fail if there are not enough bytes.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Input { bytes, offset: 0 }
    }

    /// Returns the number of bytes read so far.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let end = self.offset.saturating_add(n);
        let taken = self.bytes.get(self.offset..end);
        let taken = taken.ok_or_else(|| Malformed::new(self.offset, "ends too early"))?;
        self.offset = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let at = self.offset;
        self.take(N)?.try_into().map_err(|_| Malformed::new(at, "ends too early"))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }
}
