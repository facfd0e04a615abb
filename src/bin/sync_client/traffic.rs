//! What crosses the wire, made readable: a mark with the time before each line, and messages left
//! out unless they are asked for.

use cyrsync::observe::Direction;

/// Bytes of a line that are looked through for the head of a literal.
const LINE_BYTES: usize = 8 << 10;

/// Where the traffic on the screen has come to: in the middle of a line, or at its end.
#[derive(Debug, Default)]
pub struct Wire {
    within: Option<Direction>,
    /// Messages in full (`-v -v -v`).
    whole: bool,
    sent: Literals,
}

impl Wire {
    /// At the beginning; with `whole` nothing is left out.
    pub fn new(whole: bool) -> Wire {
        Wire { whole, ..Wire::default() }
    }

    /// `<time<data` or `>time>data`, as `prot_setlog` of Cyrus's `lib/prot.c` leads to. What
    /// goes on with a line that has its mark gets no other.
    pub fn show(&mut self, direction: Direction, time: u64, bytes: &[u8]) -> Vec<u8> {
        let bytes = match direction {
            Direction::Sent if !self.whole => &self.sent.shorten(bytes),
            _ => bytes,
        };
        if bytes.is_empty() {
            return Vec::new();
        }
        let mark = match direction {
            Direction::Sent => '>',
            Direction::Received => '<',
        };
        let mut text = Vec::with_capacity(bytes.len());
        if self.within != Some(direction) {
            text.extend_from_slice(format!("{mark}{time}{mark}").as_bytes());
        }
        text.extend_from_slice(bytes);
        self.within = (!text.ends_with(b"\n")).then_some(direction);
        text
    }
}

/// Finds messages, `%{partition guid size}` and so many bytes, in what is sent.
#[derive(Debug, Default)]
struct Literals {
    /// The line so far, no longer than needed.
    line: Vec<u8>,
    /// Bytes of a message that are still to come.
    message: u64,
    /// Bytes of another literal that are still to come.
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
            match is_message {
                true => {
                    self.message = size;
                    out.extend_from_slice(format!("[{size} bytes]").as_bytes());
                }
                false => self.other = size,
            }
        }
        self.line.clear();
    }
}

/// Leaves out what is still to come, as far as it is there.
fn skip<'b>(bytes: &'b [u8], left: &mut u64) -> &'b [u8] {
    let count = usize::try_from(*left).unwrap_or(bytes.len()).min(bytes.len());
    *left -= count as u64;
    bytes.get(count..).unwrap_or_default()
}

/// The size of the literal that a line ends with, and whether it is a message.
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

    #[test]
    fn traffic_is_marked_as_cyrus_marks_it() {
        let mut wire = Wire::default();
        assert_eq!(wire.show(Direction::Sent, 1700000000, b"NOOP\r\n"), b">1700000000>NOOP\r\n");
        assert_eq!(wire.show(Direction::Received, 7, b"* OK\r\n"), b"<7<* OK\r\n");
    }

    #[test]
    fn a_line_that_comes_in_pieces_has_one_mark() {
        let mut wire = Wire::default();
        assert_eq!(wire.show(Direction::Sent, 1, b"GET "), b">1>GET ");
        assert_eq!(wire.show(Direction::Sent, 2, b"META x\n"), b"META x\n");
        assert_eq!(wire.show(Direction::Sent, 3, b"GET"), b">3>GET");
        assert_eq!(wire.show(Direction::Received, 3, b"OK\n"), b"<3<OK\n");
    }

    const COMMANDS: &[u8] =
        b"APPLY MESSAGE (%{default 0123 9}\r\nTo: a\r\n{\n %{a b 2}\r\nx\n)\r\n\
        APPLY SIEVE %(CONTENT {12+}\r\n%{a b 99}\r\n!)\r\nRESTART\r\n";

    #[test]
    fn messages_are_left_out_whatever_is_in_them() {
        let expected = b"APPLY MESSAGE (%{default 0123 9}\r\n[9 bytes] %{a b 2}\r\n[2 bytes])\r\n\
            APPLY SIEVE %(CONTENT {12+}\r\n%{a b 99}\r\n!)\r\nRESTART\r\n";
        for size in [1, 2, 7, COMMANDS.len()] {
            let mut wire = Wire::new(false);
            let pieces = COMMANDS.chunks(size);
            let shown: Vec<u8> =
                pieces.flat_map(|piece| wire.show(Direction::Sent, 1, piece)).collect();
            let shown = String::from_utf8(shown).unwrap().replace(">1>", "");
            assert_eq!(shown, String::from_utf8_lossy(expected), "in pieces of {size}");
        }
    }

    #[test]
    fn all_is_shown_when_asked_for() {
        let mut wire = Wire::new(true);
        let shown = wire.show(Direction::Sent, 1, COMMANDS);
        assert_eq!(shown.strip_prefix(b">1>"), Some(COMMANDS));
    }
}
