//! Formats the traffic of a connection. Each line begins with a mark and the time. Message contents
//! are shortened, except with `-v -v -v`.

use cyrsync::event::Direction;
use cyrsync::program::Shortener;

/// A formatter for traffic. Stores whether the last output ended within a line.
#[derive(Debug, Default)]
pub struct Wire {
    within: Option<Direction>,
    /// Whether messages are shown in full (`-v -v -v`).
    whole: bool,
    messages: Shortener,
}

impl Wire {
    /// Creates a formatter. With `whole`, it shows messages in full.
    pub fn new(whole: bool) -> Wire {
        Wire { whole, ..Wire::default() }
    }

    /// Starts the output of a new connection. Drops the state of a message that the last connection
    /// did not complete.
    pub fn begin(&mut self) {
        self.messages = Shortener::default();
    }

    /// Returns the bytes as `<time<data` or `>time>data`, like Cyrus after `prot_setlog`
    /// (`lib/prot.c`). If the last output ended within a line, its rest gets no mark.
    pub fn show(&mut self, direction: Direction, time: u64, bytes: &[u8]) -> Vec<u8> {
        let bytes = if self.whole { bytes } else { &self.messages.shorten(direction, bytes) };
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

    #[test]
    fn everything_is_shown_if_requested() {
        let mut wire = Wire::new(true);
        let message = b"APPLY MESSAGE (%{default 0123 9}\r\nTo: a\r\n{\n)\r\n";
        let shown = wire.show(Direction::Sent, 1, message);
        assert_eq!(shown.strip_prefix(b">1>"), Some(&message[..]));
    }

    #[test]
    fn a_message_that_broke_off_hides_nothing_of_the_next_connection() {
        let mut wire = Wire::new(false);
        wire.show(Direction::Sent, 1, b"APPLY MESSAGE (%{default 0123 900}\r\nTo: a\r\n");
        wire.begin();
        let shown = wire.show(Direction::Sent, 1, b"GET USER fred\r\n");
        assert!(shown.ends_with(b"GET USER fred\r\n"), "{}", String::from_utf8_lossy(&shown));
    }
}
