//! Finds the end of a line in received bytes: the first line feed that is not inside a literal. The
//! caller limits the number of bytes that are buffered.

use crate::error::Malformed;
use crate::limits::DLIST_ITEM_BYTES;

/// Finds line ends in a growing buffer without scanning any byte twice.
#[derive(Debug, Default)]
pub struct Framer {
    /// Offset in the buffer at which the search continues.
    at: usize,
    /// Offset of the current line, or of its part after the last literal.
    piece: usize,
    /// Offset and size of the last literal.
    literal: Option<(usize, usize)>,
}

impl Framer {
    /// Returns the length of the first line in `buffer`, including the line feed. Returns `None` if
    /// more bytes are needed: the next call must then pass the same bytes with more at the end.
    /// After a line was found, the next call must pass a buffer that starts with the next line.
    pub fn find(&mut self, buffer: &[u8]) -> Result<Option<usize>, Malformed> {
        self.find_among(buffer, DLIST_ITEM_BYTES)
    }

    /// Like [`Framer::find`], but allows literals of up to `most` bytes.
    pub fn find_among(&mut self, buffer: &[u8], most: u64) -> Result<Option<usize>, Malformed> {
        loop {
            let Some(rest) = buffer.get(self.at..).filter(|rest| !rest.is_empty()) else {
                return Ok(None);
            };
            let Some(feed) = rest.iter().position(|b| *b == b'\n') else {
                self.at = buffer.len();
                return Ok(None);
            };
            let feed = self.at + feed;
            let piece = buffer.get(self.piece..feed).unwrap_or_default();
            let Some(size) = literal_size(piece, self.piece, most)? else {
                *self = Framer::default();
                return Ok(Some(feed + 1));
            };
            self.literal = Some((feed + 1, size));
            self.piece = feed.saturating_add(1).saturating_add(size);
            self.at = self.piece;
        }
    }

    /// Returns how many of a buffer's `length` bytes were scanned.
    pub fn looked_at(&self, length: usize) -> usize {
        self.at.min(length)
    }

    /// Adjusts all offsets after the caller has removed the first `count` bytes of the buffer.
    /// These bytes must have been scanned. They must not contain a part of the start of a literal
    /// (`{123}`) whose line feed is not scanned yet.
    pub fn forget(&mut self, count: usize) {
        self.at = self.at.saturating_sub(count);
        self.piece = self.piece.saturating_sub(count);
        self.literal =
            self.literal.and_then(|(start, size)| Some((start.checked_sub(count)?, size)));
    }

    /// Returns offset and size of the literal that has started but is not complete in `buffer`, if
    /// there is one.
    pub fn open_literal(&self, buffer: &[u8]) -> Option<(usize, usize)> {
        self.literal.filter(|(start, size)| {
            *start <= buffer.len() && start.saturating_add(*size) > buffer.len()
        })
    }
}

/// Returns the size of the literal that starts after `piece`, if `piece` ends with `{n}`, `{n+}` or
/// `%{partition guid n}`. `offset` is the offset of `piece` in the buffer, for errors.
fn literal_size(piece: &[u8], offset: usize, most: u64) -> Result<Option<usize>, Malformed> {
    let piece = piece.strip_suffix(b"\r").unwrap_or(piece);
    let Some(piece) = piece.strip_suffix(b"}") else { return Ok(None) };
    let piece = piece.strip_suffix(b"+").unwrap_or(piece);
    let digits = piece.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, digits) = piece.split_at(piece.len() - digits);
    let opened = match before {
        [.., b'{'] => true,
        // In `%{partition guid n}` the brace is before the partition.
        [.., b' '] => before.windows(2).any(|pair| pair == b"%{"),
        _ => false,
    };
    if digits.is_empty() || !opened {
        return Ok(None);
    }
    let size = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<u64>().ok());
    let size = size.filter(|n| *n <= most).and_then(|n| usize::try_from(n).ok());
    size.map(Some).ok_or_else(|| Malformed::new(offset, "the announced literal is too big"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes the input to a framer byte by byte. Returns the lengths of the lines found.
    fn lines(mut input: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut framer = Framer::default();
        let mut end = 0;
        while end <= input.len() {
            match framer.find(&input[..end]).unwrap() {
                Some(length) => {
                    found.push(length);
                    input = &input[length..];
                    end = 0;
                }
                None => end += 1,
            }
        }
        found
    }

    #[test]
    fn lines_end_outside_literals() {
        assert_eq!(lines(b"OK\r\nNO\n"), [4, 3]);
        assert_eq!(lines(b"* A {4}\r\n\r\n\r\n x\r\nOK\r\n"), [17, 4]);
        assert_eq!(lines(b"a {2+}\r\n\n\n{1}\r\n\n\r\n"), [18]);
        assert_eq!(lines(b"* M (%{default 00ff 3}\r\n\n\n\n)\r\n"), [30]);
        assert_eq!(lines(b"text 7}\r\n{x}\r\n"), [9, 5]);
    }

    #[test]
    fn an_incomplete_literal_is_reported() {
        let mut framer = Framer::default();
        let line = b"* M %{p 00ff 9999999999}\r\nab";
        assert!(framer.find(line).is_err());
        framer = Framer::default();
        assert_eq!(framer.find_among(line, 9_999_999_999).unwrap(), None);
        assert_eq!(framer.open_literal(line), Some((26, 9_999_999_999)));
        let line = b"* A {3}\r\nabc (";
        framer = Framer::default();
        assert_eq!(framer.find(&line[..10]).unwrap(), None);
        assert_eq!(framer.open_literal(&line[..10]), Some((9, 3)));
        assert_eq!(framer.find(line).unwrap(), None);
        assert_eq!(framer.open_literal(line), None);
    }

    #[test]
    fn bytes_that_were_looked_at_may_go() {
        let line = b"* M (aaaaaaaaaaaaaaaa {4+}\r\n\n)\n( b {1}\r\n\n c)\r\n* N";
        for kept in [6, 10, 100] {
            let mut framer = Framer::default();
            let (mut gone, mut end) = (0, 0);
            let length = loop {
                end += 1;
                let buffer = &line[gone..end];
                if let Some(length) = framer.find(buffer).unwrap() {
                    break gone + length;
                }
                let spare = framer.looked_at(buffer.len()).saturating_sub(kept);
                framer.forget(spare);
                gone += spare;
            };
            assert_eq!(length, line.len() - 3, "{kept}");
        }
    }

    #[test]
    fn oversized_literal_is_rejected_before_it_arrives() {
        let mut framer = Framer::default();
        let error = framer.find(b"* A {9999999999}\r\n").unwrap_err();
        assert_eq!(error.what, "the announced literal is too big");
        let mut framer = Framer::default();
        assert!(framer.find(b"* A {99999999999999999999999}\r\n").is_err());
    }
}
