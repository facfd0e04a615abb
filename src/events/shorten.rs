//! Removes the texts of messages from protocol traffic that is shown to people.

use super::observer::Direction;

/// Maximum number of bytes of a line that are searched for the start of a literal.
const LINE_BYTES: usize = 8 << 10;

/// Removes the messages from the traffic of one connection. Each is replaced by a text such as
/// `[2301 bytes]`.
#[derive(Debug, Default)]
pub struct Shortener {
    sent: Literals,
    received: Literals,
}

impl Shortener {
    /// Returns the shortened form of the next bytes in one direction. The bytes may be any part of
    /// the traffic.
    pub fn shorten(&mut self, direction: Direction, bytes: &[u8]) -> Vec<u8> {
        match direction {
            Direction::Sent => self.sent.shorten(bytes),
            Direction::Received => self.received.shorten(bytes),
        }
    }
}

/// Finds messages in one direction of traffic. A message is `%{partition guid size}`, then a line
/// end and `size` bytes.
#[derive(Debug, Default)]
struct Literals {
    /// The beginning of the current line, as far as the search needs it.
    line: Vec<u8>,
    /// Number of bytes of the current message that are still to be skipped.
    message: u64,
    /// Number of bytes of the current literal that are still to be copied.
    other: u64,
}

impl Literals {
    fn shorten(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len().min(LINE_BYTES));
        while !bytes.is_empty() {
            if self.message > 0 {
                bytes = skip(bytes, &mut self.message);
            } else if self.other > 0 {
                let rest = skip(bytes, &mut self.other);
                out.extend_from_slice(bytes.get(..bytes.len() - rest.len()).unwrap_or_default());
                bytes = rest;
            } else {
                let end = bytes.iter().position(|b| *b == b'\n').map(|feed| feed + 1);
                let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
                out.extend_from_slice(piece);
                let room = LINE_BYTES.saturating_sub(self.line.len());
                self.line.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
                if end.is_some() {
                    self.end_line(&mut out);
                }
                bytes = rest;
            }
        }
        out
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        if let Some((size, is_message)) = literal(&self.line) {
            if is_message {
                self.message = size;
                out.extend_from_slice(format!("[{size} bytes]").as_bytes());
            } else {
                self.other = size
            }
        }
        self.line.clear();
    }
}

/// Returns `bytes` without the part that belongs to a literal with `left` remaining bytes, and
/// reduces `left`.
fn skip<'b>(bytes: &'b [u8], left: &mut u64) -> &'b [u8] {
    let count = usize::try_from(*left).unwrap_or(bytes.len()).min(bytes.len());
    *left -= count as u64;
    bytes.get(count..).unwrap_or_default()
}

/// Returns the size of the literal whose start is at the end of a line, and whether the literal is
/// a message.
fn literal(line: &[u8]) -> Option<(u64, bool)> {
    let head = line.trim_ascii_end().strip_suffix(b"}")?;
    let start = head.iter().rposition(|b| *b == b'{')?;
    let inside = head.get(start + 1..)?;
    let is_message = start > 0 && head.get(start - 1) == Some(&b'%');
    let digits = inside.rsplit(|b| *b == b' ').next()?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, is_message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: &[u8] =
        b"APPLY MESSAGE (%{default 0123 9}\r\nTo: a\r\n{\n %{a b 2}\r\nx\n)\r\n\
        APPLY SIEVE %(CONTENT {12+}\r\n%{a b 99}\r\n!)\r\nRESTART\r\n";

    #[test]
    fn messages_are_left_out_whatever_is_in_them() {
        let expected = b"APPLY MESSAGE (%{default 0123 9}\r\n[9 bytes] %{a b 2}\r\n[2 bytes])\r\n\
            APPLY SIEVE %(CONTENT {12+}\r\n%{a b 99}\r\n!)\r\nRESTART\r\n";
        for size in [1, 2, 7, COMMANDS.len()] {
            let mut wire = Shortener::default();
            let mut shown: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
            // Send both directions in turn. They must be shortened independently.
            for piece in COMMANDS.chunks(size) {
                shown[0].extend(wire.shorten(Direction::Sent, piece));
                shown[1].extend(wire.shorten(Direction::Received, piece));
            }
            for shown in shown {
                let (shown, expected) =
                    (String::from_utf8(shown), String::from_utf8_lossy(expected));
                assert_eq!(shown.unwrap(), expected, "in pieces of {size}");
            }
        }
    }
}
